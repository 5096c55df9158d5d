import { describe, expect, it } from 'vitest';
import { CASES, one, PLAN, resources, synth, textOf } from './cases';

const CA = 'arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef';
const SERVICE = 'AWS::ECS::Service';

describe('a private CA', () => {
  it('issues a certificate for each name that ACM cannot validate', () => {
    const { template } = synth({ ...CASES.nlb, PRIVATE_CA_ARN: CA, PLAN: { ...PLAN, import_names: ['*.orders.corp', 'orders.corp'] } });
    const issued = Object.values(resources(template, 'AWS::CertificateManager::Certificate'))
      .map(({ Properties: p }) => p)
      .filter((p) => p['CertificateAuthorityArn'] !== undefined);
    expect(issued.map((p) => p['DomainName'])).toEqual(['*.orders.corp', 'orders.corp']);
    expect(issued[0]).toMatchObject({ CertificateAuthorityArn: CA });
    expect(issued[0]).not.toHaveProperty('ValidationMethod');
    expect(Object.keys(resources(template, 'AWS::ElasticLoadBalancingV2::ListenerCertificate'))).toHaveLength(PLAN.certificates.length - 1 + 2);
  });

  it('issues the default certificate where there is no other', () => {
    const { template } = synth({ ...CASES.nlb, PRIVATE_CA_ARN: CA, PLAN: { ...PLAN, certificates: [], default_certificate: null, import_names: ['*.orders.corp'] } });
    const [id] = Object.keys(resources(template, 'AWS::CertificateManager::Certificate'));
    expect(textOf(one(template, 'AWS::ElasticLoadBalancingV2::Listener')['Certificates'][0].CertificateArn)).toBe(`\${${id}}`);
    template.resourceCountIs('AWS::ElasticLoadBalancingV2::ListenerCertificate', 0);
  });

  it('issues nothing where ACM can validate all', () => {
    const { template } = synth({ ...CASES.nlb, PRIVATE_CA_ARN: CA });
    template.resourceCountIs('AWS::CertificateManager::Certificate', PLAN.certificates.length);
  });
});

describe('a deployment of the service', () => {
  it('is rolled back by alarms that are named', () => {
    const service = one(synth({ ...CASES.nlb, DEPLOYMENT_ALARMS: ['errors'] }).template, SERVICE);
    expect(service['DeploymentConfiguration']['Alarms']).toEqual({ AlarmNames: ['errors'], Enable: true, Rollback: true });
  });

  it('runs an image by its digest', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const [container] = one(synth({ ...CASES.nlb, IMAGE_DIGEST: digest }).template, 'AWS::ECS::TaskDefinition')['ContainerDefinitions'];
    expect(textOf(container.Image)).toMatch(new RegExp(`@${digest}$`));
  });

  it('has TASK_SCALE_MIN tasks off Spot and shares the others', () => {
    const { template } = synth({ ...CASES.nlb, TASK_SCALE_MIN: 2, FARGATE_SPOT_PCT: 70 });
    const service = one(template, SERVICE);
    expect(service).not.toHaveProperty('LaunchType');
    expect(service['CapacityProviderStrategy']).toEqual([
      { CapacityProvider: 'FARGATE', Base: 2, Weight: 30 },
      { CapacityProvider: 'FARGATE_SPOT', Base: 0, Weight: 70 },
    ]);
    expect(one(template, 'AWS::ECS::Cluster')['CapacityProviders']).toEqual(['FARGATE', 'FARGATE_SPOT']);
  });

  it('is on no Spot and behind no alarm by default', () => {
    const { template } = synth(CASES.nlb);
    expect(one(template, SERVICE)).toMatchObject({ LaunchType: 'FARGATE', AvailabilityZoneRebalancing: 'ENABLED' });
    expect(one(template, SERVICE)['DeploymentConfiguration']).not.toHaveProperty('Alarms');
    expect(one(template, 'AWS::ECS::Cluster')).not.toHaveProperty('CapacityProviders');
  });
});
