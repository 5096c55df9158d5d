import { describe, expect, it } from 'vitest';
import { CASES, one, synth, textOf } from './cases';

const SERVICE = 'AWS::EC2::VPCEndpointService';
const PRINCIPALS = ['arn:aws:iam::444455556666:root'];

describe('an endpoint service', () => {
  const { stack, template } = synth({ ...CASES.nlb, ENDPOINT_SERVICE: true, ENDPOINT_SERVICE_PRINCIPALS: PRINCIPALS, ENDPOINT_SERVICE_DNS_NAME: '*.internal.private.example.com' });

  it('is in front of the NLB, and each connection is accepted by hand', () => {
    const service = one(template, SERVICE);
    expect(service).toMatchObject({ AcceptanceRequired: true, PrivateDnsName: '*.internal.private.example.com' });
    expect(service['NetworkLoadBalancerArns'].map(textOf)).toEqual([expect.stringMatching(/LoadBalancer/)]);
    expect(one(template, 'AWS::EC2::VPCEndpointServicePermissions')['AllowedPrincipals']).toEqual(PRINCIPALS);
  });

  it('is not held back by the rules of the security group', () => {
    expect(one(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer')['EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic']).toBe('off');
  });

  it('is an output, by the name that consumers need', () => {
    expect(textOf(stack.resolve(stack.nameplate.outputs['EndpointServiceName']))).toMatch(/^com\.amazonaws\.vpce\.eu-west-1\.\$\{/);
  });

  it('is not made by default', () => {
    const plain = synth(CASES.nlb);
    plain.template.resourceCountIs(SERVICE, 0);
    expect(plain.stack.nameplate.outputs).not.toHaveProperty('EndpointServiceName');
  });
});
