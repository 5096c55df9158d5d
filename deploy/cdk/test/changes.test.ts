import { describe, expect, it } from 'vitest';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { chunkOf, RECORD_STACKS, ZONE_STACKS } from '../lib/dns';
import type { Plan } from '../lib/index';
import { CASES, hotPlan, PLAN, planOf, resources, type Synthesized, synth } from './cases';

/** All resources of a stack and its nested ones; those of nested stacks under the stack's path. */
function all({ template, nested }: Synthesized): Record<string, any> {
  const own = Object.entries<any>(template.toJSON()['Resources']).filter(([, resource]) => resource.Type !== 'AWS::CloudFormation::Stack');
  const theirs = [...nested].flatMap(([path, item]) => Object.entries<any>(item.toJSON()['Resources']).map(([id, resource]) => [`${path}/${id}`, resource]));
  return Object.fromEntries([...own, ...theirs]);
}

describe('a hot change', () => {
  it('leaves the templates as they are, to the byte', () => {
    const [before, after] = [synth(CASES.nlb), synth({ ...CASES.nlb, PLAN: hotPlan() })];
    expect(JSON.stringify(after.template.toJSON())).toBe(JSON.stringify(before.template.toJSON()));
    expect(JSON.stringify([...after.nested].map(([path, item]) => [path, item.toJSON()]))).toBe(JSON.stringify([...before.nested].map(([path, item]) => [path, item.toJSON()])));
  });

  it('is told from one that is not', () => {
    const cold = { ...PLAN, hosted_zones: PLAN.hosted_zones.slice(1) };
    expect(all(synth({ ...CASES.nlb, PLAN: cold }))).not.toEqual(all(synth(CASES.nlb)));
  });
});

describe('a parent more', () => {
  it('only adds', () => {
    const certificate = { id: 'c-00000000ff', names: ['*.new.private.example.com'], validation_zone: 'example.com' };
    const more: Plan = {
      ...PLAN,
      hosted_zones: [{ name: 'new.private.example.com', records: ['*.new.private.example.com'], domains: 1 }, ...PLAN.hosted_zones],
      certificates: [certificate, ...PLAN.certificates],
    };
    const [before, after] = [all(synth(CASES.nlb)), all(synth({ ...CASES.nlb, PLAN: more }))];
    expect(after).toMatchObject(before);
    for (const [id, resource] of Object.entries(before)) {
      expect(after[id], id).toEqual(resource);
    }
    const added = Object.keys(after).filter((id) => !(id in before)).map((id) => after[id].Type);
    expect(added.sort()).toEqual([
      'AWS::CertificateManager::Certificate', 'AWS::ElasticLoadBalancingV2::ListenerCertificate', 'AWS::Route53::HostedZone', 'AWS::Route53::RecordSet',
    ]);
  });

  it('moves no zone of 200 to another stack', () => {
    const plan = planOf(200);
    const grown = planOf(201);
    const [before, after] = [all(synth({ ...CASES.nlb, PLAN: plan })), all(synth({ ...CASES.nlb, PLAN: { ...grown, certificates: plan.certificates } }))];
    for (const [id, resource] of Object.entries(before)) {
      expect(after[id], id).toEqual(resource);
    }
    expect(Object.keys(after).length - Object.keys(before).length).toBe(3);
  });
});

it('no release moves a zone or a record to another stack', () => {
  expect(['private.example.net', 'team.internal.private.example.com', 'orders.corp'].map((name) => chunkOf(name, 16))).toEqual([7, 7, 8]);
  expect(['api-1.private.example.net', 'api-2.private.example.net'].map((name) => chunkOf(name, 32))).toEqual([15, 8]);
  expect([ZONE_STACKS, RECORD_STACKS]).toEqual([16, 32]);
});

describe('many zones', () => {
  const many = synth({ ...CASES.nlb, PLAN: planOf(200) });

  it('has each of 200 zones once, with its records and certificates', () => {
    const types = Object.values(all(many)).map((resource) => resource.Type);
    const count = (type: string) => types.filter((item) => item === type).length;
    expect([count('AWS::Route53::HostedZone'), count('AWS::Route53::RecordSet')]).toEqual([200, 400]);
    expect([count('AWS::CertificateManager::Certificate'), count('AWS::ElasticLoadBalancingV2::ListenerCertificate')]).toEqual([20, 19]);
  });

  it('stays far below 500 resources a stack', () => {
    const sizes = [many.template, ...many.nested.values()].map((template) => Object.keys(template.toJSON()['Resources']).length);
    expect(Math.max(...sizes)).toBeLessThan(200);
    expect(many.nested.size).toBe(16);
  });

  it('has room for the 500 zones of an account, with the 25 certificates of a listener', () => {
    const plan = planOf(500);
    const full = synth({ ...CASES.nlb, PLAN: { ...plan, certificates: plan.certificates.slice(0, 25) } });
    const sizes = [full.template, ...full.nested.values()].map((template) => Object.keys(template.toJSON()['Resources']).length);
    expect(Math.max(...sizes)).toBeLessThan(500);
  });
});

describe('a zone with thousands of records', () => {
  const records = Array.from({ length: 2600 }, (_, i) => `api-${i}.a.internal.private.example.com`);
  const zones = PLAN.hosted_zones.map((zone) => (zone.name === 'internal.private.example.com' ? { ...zone, records: [...zone.records, ...records] } : zone));
  const big = synth({ ...CASES.nlb, PLAN: { ...PLAN, hosted_zones: zones } });

  it('spreads them over stacks, in the one zone', () => {
    const inStacks = [...big.nested].filter(([path]) => path.includes('/Records-'));
    expect(inStacks.length).toBe(32);
    const counts = inStacks.map(([, template]) => Object.keys(resources(template, 'AWS::Route53::RecordSet')).length);
    expect(counts.reduce((sum, count) => sum + count)).toBe(2600);
    expect(Math.max(...counts)).toBeLessThan(500);
    for (const [, template] of inStacks) {
      const zoneIds = new Set(Object.values(resources(template, 'AWS::Route53::RecordSet')).map(({ Properties: p }) => JSON.stringify(p['HostedZoneId'])));
      expect(zoneIds.size).toBe(1);
    }
  });

  it('warns that CloudFormation does not make so many at once', () => {
    Annotations.fromStack(big.stack).hasWarning('/Nameplate/Nameplate', Match.stringLikeRegexp('deploy the mapping in steps'));
  });
});

describe('warnings', () => {
  const warned = (props: object, text: string) => {
    Annotations.fromStack(synth({ ...CASES.nlb, ...props }).stack).hasWarning('/Nameplate/Nameplate', Match.stringLikeRegexp(text));
  };
  it('say that one task is no fleet', () => warned({}, 'TASK_SCALE_MIN is 1'));
  it('say that 80 percent leaves no room', () => warned({}, 'TASK_SCALE_CPU_PCT is 80'));
  it('say that requests have no time to finish', () => warned({ STOP_TIMEOUT: 12 }, 'requests in flight have 2s to finish'));
  it('say that nothing leads to the endpoints that are there', () => warned(CASES.existing, 'no rule for the existing endpoints \\(execute-api\\)'));
  it('say what the plan warns of', () => warned({ PLAN: hotPlan() }, 'plan: quota: something to know; do this'));
  it('say that the plan is of another mapping', () => warned({ PROXY_CONFIG_PATH: `${__dirname}/fixtures/more.json` }, 'made from another mapping'));
  it('say that a deployment waits for records written by hand', () => {
    warned({ VALIDATION_ZONE_IDS: { 'example.com': 'by-hand', 'example.net': 'Z0123456789NET' } }, 'waits until .* example.com');
  });
  it('say that the load balancer is less patient than the mapping', () => {
    warned({ PLAN: { ...PLAN, longest_timeout: 350 } }, 'be silent for 350 s .* shorten the TIMEOUT, or use an ALB');
    warned({ ...CASES.alb, ALB_IDLE_TIMEOUT: 30, PLAN: { ...CASES.alb.PLAN, longest_timeout: 60 } }, 'after 30 s. Raise ALB_IDLE_TIMEOUT');
  });
  it('say that client settings of one\'s own forget keep_alive', () => warned({ EXTRA_SETTINGS: { client: { read_timeout: '60s' } } }, 'Add "keep_alive": "340s" to it'));
  it('say that clients may use an old TLS', () => warned({ SSL_POLICY: 'ELBSecurityPolicy-2016-08' }, 'lets clients use TLS 1.0 or 1.1'));
  it('say that public APIs cannot be called any more', () => {
    warned({ EXECUTE_API_PRIVATE_DNS: true }, 'public and edge-optimized APIs of the region answer 403');
    const endpoints = Object.values(resources(synth({ ...CASES.nlb, EXECUTE_API_PRIVATE_DNS: true }).template, 'AWS::EC2::VPCEndpoint'));
    expect(endpoints.filter(({ Properties: p }) => p['VpcEndpointType'] === 'Interface' && !p['PrivateDnsEnabled'])).toEqual([]);
  });
  it('are none where all is well', () => {
    const { stack } = synth({ ...CASES.nlb, TASK_SCALE_MIN: 2, TASK_SCALE_CPU_PCT: 50 });
    Annotations.fromStack(stack).hasNoWarning('*', Match.anyValue());
    expect(Template.fromStack(stack)).toBeDefined();
  });
});
