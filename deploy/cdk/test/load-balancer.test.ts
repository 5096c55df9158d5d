import { describe, expect, it } from 'vitest';
import type { NameplateProps } from '../lib/index';
import { Faults } from '../lib/faults';
import { checkFoundLoadBalancer, findLoadBalancer } from '../lib/preflight-load-balancer';
import { settle } from '../lib/props';
import { CASES, one, PLAN, resources, settings, synth, textOf } from './cases';

const ELB = 'AWS::ElasticLoadBalancingV2';
const ARN = 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/platform/0123456789abcdef';
const LISTENER = 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/platform/0123456789abcdef/fedcba9876543210';
const SHARED: NameplateProps = {
  ...CASES.existing,
  PLAN: { ...PLAN, options: { ...PLAN.options, elb: 'ALB' } },
  ELB_TYPE: 'ALB',
  EXTERNAL_ALB_SG_ID: 'sg-0123456789abcdef0',
  EXISTING_ELB_ARN: ARN,
  EXISTING_ELB_DNS_NAME: 'internal-platform.eu-west-1.elb.amazonaws.com',
  EXISTING_ELB_ZONE_ID: 'Z0ALOADBALANCER',
  EXISTING_LISTENER_ARN: LISTENER,
  LISTENER_RULE_PRIORITIES: { 'internal.private.example.com': 100, 'team.internal.private.example.com': 200 },
};

describe('a load balancer and a listener that exist', () => {
  const { template, nested } = synth(SHARED);

  it('take the place of ours', () => {
    for (const type of ['LoadBalancer', 'Listener']) {
      template.resourceCountIs(`${ELB}::${type}`, 0);
    }
  });

  it('lead the names of each zone to the tasks, by a rule', () => {
    const rules = Object.values(resources(template, `${ELB}::ListenerRule`)).map(({ Properties: p }) => [p['ListenerArn'], p['Priority'], p['Conditions'][0].HostHeaderConfig.Values]);
    expect(rules).toEqual([
      [LISTENER, 100, ['*.internal.private.example.com']],
      [LISTENER, 200, ['*.team.internal.private.example.com', 'team.internal.private.example.com']],
    ]);
    const [service] = Object.values(resources(template, 'AWS::ECS::Service'));
    expect(service!.DependsOn).toEqual(expect.arrayContaining(Object.keys(resources(template, `${ELB}::ListenerRule`))));
  });

  it('get every certificate: the listener has a default one of its own', () => {
    const attached = Object.values(resources(template, `${ELB}::ListenerCertificate`)).map(({ Properties: p }) => p['ListenerArn']);
    expect(attached).toEqual(PLAN.certificates.map(() => LISTENER));
  });

  it('are where the names lead, and whom tasks and alarms believe', () => {
    const records = [...nested.values()].flatMap((item) => Object.values(resources(item, 'AWS::Route53::RecordSet')));
    expect(records.map(({ Properties: p }) => p['AliasTarget'].DNSName)).toEqual(records.map(() => SHARED.EXISTING_ELB_DNS_NAME));
    expect(settings(template)).toMatchObject({ forwarded: { trust: ['10.0.0.0/16'] }, client: { keep_alive: '75s' } });
    const alarms = Object.values(resources(template, 'AWS::CloudWatch::Alarm')).map(({ Properties: p }) => [p['AlarmName'], p['Dimensions'].map((d: any) => textOf(d.Value))[0]]);
    expect(alarms).toContainEqual(['reverse-proxy-dev-connection-errors', 'app/platform/0123456789abcdef']);
    expect(alarms.map(([name]) => name)).not.toContain('reverse-proxy-dev-server-errors');
  });
});

it('a listener of ours is made on an NLB that exists', () => {
  const arn = ARN.replace('/app/', '/net/');
  const { EXISTING_LISTENER_ARN: _, LISTENER_RULE_PRIORITIES: __, ...rest } = SHARED;
  const { template } = synth({ ...rest, PLAN, ELB_TYPE: 'NLB', EXISTING_ELB_ARN: arn });
  expect(one(template, `${ELB}::Listener`)).toMatchObject({ LoadBalancerArn: arn, Protocol: 'TLS', Port: 443 });
  expect(settings(template)['listeners'][0].proxy_protocol).toEqual({ trust: ['10.0.0.0/16'] });
});

describe('a load balancer that exists is refused', () => {
  const ONE_ZONE = { hosted_zones: [{ name: 'a.example.com', records: [1, 2, 3, 4, 5, 6].map((n) => `${n}.a.example.com`), domains: 6 }, { name: 'b.example.com', records: ['b.example.com'], domains: 1 }] };
  it.each<[string, NameplateProps, string]>([
    ['with a name for an ARN', { EXISTING_ELB_ARN: 'platform' }, 'is not the ARN of an NLB or ALB'],
    ['of another region', { EXISTING_ELB_ARN: ARN.replace('eu-west-1', 'us-east-1') }, 'EXISTING_ELB_ARN is in us-east-1'],
    ['of another type', { EXISTING_ELB_ARN: ARN.replace('/app/', '/net/') }, 'EXISTING_ELB_ARN is no ALB'],
    ['in a VPC that is made', { CREATE_VPC: true, EXISTING_ENDPOINTS: {}, AVAILABILITY_ZONES: ['eu-west-1a', 'eu-west-1b'] }, 'CREATE_VPC is true'],
    ['without its security group', { EXTERNAL_ALB_SG_ID: null }, 'EXTERNAL_ALB_SG_ID is missing'],
    ['without its name', { EXISTING_ELB_DNS_NAME: null }, 'go together'],
    ['to have its attributes changed', { DROP_INVALID_HEADER_FIELDS: true }, 'is not changed here'],
    ['with a listener of another one', { EXISTING_LISTENER_ARN: LISTENER.replace('platform', 'another') }, 'is not the ARN of a listener of EXISTING_ELB_ARN'],
    ['with a zone without a priority', { LISTENER_RULE_PRIORITIES: { 'internal.private.example.com': 1 } }, 'lacks team.internal.private.example.com'],
    ['with a priority that is none', { LISTENER_RULE_PRIORITIES: { 'internal.private.example.com': '1' } }, 'is not a priority'],
    ['with two rules of one priority', { PLAN: { ...SHARED.PLAN!, ...ONE_ZONE }, LISTENER_RULE_PRIORITIES: { 'a.example.com': 7, 'b.example.com': 8 } }, 'two rules one priority'],
    ['with priorities and without a listener', { EXISTING_LISTENER_ARN: null }, 'a listener that is made needs no rules'],
  ])('%s', (_, changes, says) => {
    expect(() => synth({ ...SHARED, ...changes })).toThrow(says);
  });
});

describe('preflight of a load balancer that exists', () => {
  const ANSWERS = {
    'describe-load-balancers': {
      LoadBalancers: [{ DNSName: SHARED.EXISTING_ELB_DNS_NAME, CanonicalHostedZoneId: 'Z0ALOADBALANCER', VpcId: 'vpc-0123456789abcdef0', SecurityGroups: ['sg-0123456789abcdef0'] }],
    },
    'describe-load-balancer-attributes': { Attributes: [{ Key: 'idle_timeout.timeout_seconds', Value: '60' }] },
    'describe-listeners': { Listeners: [{ Protocol: 'HTTPS' }] },
  };

  /** What is said where AWS answers so; '' where nothing is wrong. */
  function said(answers: object, props: NameplateProps = {}): string {
    const settled = settle({ ...SHARED, ...props }, 'eu-west-1');
    const all: Record<string, object> = { ...ANSWERS, ...answers };
    const faults = new Faults();
    checkFoundLoadBalancer(settled, findLoadBalancer(settled, (words) => all[words[1]!]), faults);
    try {
      faults.throwIfAny('the load balancer');
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  }

  it('says nothing where it is as the variables say', () => {
    expect(said({})).toBe('');
  });

  it('names what it has that the variables do not', () => {
    const other = { LoadBalancers: [{ DNSName: 'other.elb.amazonaws.com', CanonicalHostedZoneId: 'Z0OTHER', VpcId: 'vpc-0fedcba9876543210', SecurityGroups: ['sg-0fedcba9876543210'] }] };
    const message = said({ 'describe-load-balancers': other, 'describe-listeners': { Listeners: [{ Protocol: 'HTTP' }] } }, { ALB_IDLE_TIMEOUT: 120 });
    for (const part of [
      'set EXISTING_ELB_DNS_NAME to other.elb.amazonaws.com', 'set EXISTING_ELB_ZONE_ID to Z0OTHER', "a load balancer of the tasks' VPC",
      'name one of its own: sg-0fedcba9876543210', 'set ALB_IDLE_TIMEOUT to 60', 'is a listener for HTTP, and clients use HTTPS',
    ]) {
      expect(message).toContain(part);
    }
  });
});
