import type { Faults } from './faults';
import type { Plan } from './plan';
import type { Variables } from './variables';

/** Hosts that a rule takes (ELB quotas, "Condition values per rule"). */
const HOSTS_PER_RULE = 5;

/** A rule of an existing listener. */
export interface HostRule {
  readonly id: string;
  readonly priority: number;
  readonly hosts: readonly string[];
}

/** The rules that lead the plan's names to the tasks. They are by zone, so that a new parent changes no rule of another. */
export function hostRules({ LISTENER_RULE_PRIORITIES }: Variables, plan: Plan): HostRule[] {
  return plan.hosted_zones.flatMap(({ name, records }) =>
    Array.from({ length: Math.ceil(records.length / HOSTS_PER_RULE) }, (_, i) => ({
      id: `${name}-${i}`,
      priority: Number(LISTENER_RULE_PRIORITIES[name]) + i,
      hosts: records.slice(i * HOSTS_PER_RULE, (i + 1) * HOSTS_PER_RULE),
    })),
  );
}

/** Adds to `faults` what is wrong with a load balancer or a listener that exists. */
export function checkExistingLoadBalancer(vars: Variables, plan: Plan, region: string, faults: Faults): void {
  const { EXISTING_ELB_ARN: arn, EXISTING_ELB_DNS_NAME: dnsName, EXISTING_ELB_ZONE_ID: zoneId } = vars;
  const example = `arn:aws:elasticloadbalancing:${region}:111122223333:loadbalancer/net/platform/0123456789abcdef`;
  const match = /^arn:aws[a-z-]*:elasticloadbalancing:([a-z0-9-]+):\d{12}:loadbalancer\/(app|net)\/[A-Za-z0-9-]{1,32}\/[0-9a-f]+$/.exec(arn ?? '');
  if (arn !== null && match === null) {
    faults.add(`EXISTING_ELB_ARN \`${arn}\` is not the ARN of an NLB or ALB`, `one looks like ${example}`);
  } else if (match !== null) {
    if (match[1] !== region) {
      faults.add(`EXISTING_ELB_ARN is in ${match[1]}`, `name one of ${region}, where the stack is`);
    }
    if ((match[2] === 'net') !== (vars.ELB_TYPE === 'NLB')) {
      faults.add(`EXISTING_ELB_ARN is no ${vars.ELB_TYPE}, and ELB_TYPE says that it is`, 'set ELB_TYPE, and make the plan with --elb of the same type');
    }
    if (vars.CREATE_VPC) {
      faults.add('EXISTING_ELB_ARN is set and CREATE_VPC is true', 'set CREATE_VPC to false, and EXTERNAL_VPC_ID to the VPC that it is in: a load balancer reaches tasks of its own VPC');
    }
    if (vars.EXTERNAL_ALB_SG_ID === null) {
      faults.add('EXISTING_ELB_ARN is set and EXTERNAL_ALB_SG_ID is missing', 'give its security group, by which tasks let it in; an NLB without one cannot be used');
    }
    if (vars.DROP_INVALID_HEADER_FIELDS) {
      faults.add('DROP_INVALID_HEADER_FIELDS is true, and EXISTING_ELB_ARN is not changed here', 'leave it out');
    }
  }
  if ((dnsName !== null) !== (arn !== null) || (zoneId !== null) !== (arn !== null)) {
    faults.add(
      'EXISTING_ELB_ARN, EXISTING_ELB_DNS_NAME and EXISTING_ELB_ZONE_ID go together',
      'give all three or none: aws elbv2 describe-load-balancers --load-balancer-arns ARN --query LoadBalancers[0].[DNSName,CanonicalHostedZoneId]',
    );
  }
  checkListener(vars, plan, faults);
}

function checkListener(vars: Variables, plan: Plan, faults: Faults): void {
  const { EXISTING_LISTENER_ARN: listener, EXISTING_ELB_ARN: arn, LISTENER_RULE_PRIORITIES: priorities } = vars;
  if (listener === null) {
    if (Object.keys(priorities).length > 0) {
      faults.add('LISTENER_RULE_PRIORITIES goes with EXISTING_LISTENER_ARN', 'leave it out: a listener that is made needs no rules');
    }
    return;
  }
  if (vars.ELB_TYPE !== 'ALB') {
    faults.add(`EXISTING_LISTENER_ARN is set and ELB_TYPE is ${vars.ELB_TYPE}`, 'leave it out: a listener of an NLB has no rules, and one on port 443 is made');
  }
  if (arn === null || !listener.startsWith(`${arn.replace(':loadbalancer/', ':listener/')}/`)) {
    faults.add(`EXISTING_LISTENER_ARN \`${listener}\` is not the ARN of a listener of EXISTING_ELB_ARN`, `list them: aws elbv2 describe-listeners --load-balancer-arn ${arn ?? 'ARN'} --query Listeners[].[ListenerArn,Port,Protocol]`);
  }
  const wrong = Object.entries(priorities).filter(([, value]) => !Number.isInteger(value) || (value as number) < 1 || (value as number) > 50000);
  for (const [zone, value] of wrong) {
    faults.add(`LISTENER_RULE_PRIORITIES: ${JSON.stringify(value)} of ${zone} is not a priority`, 'give a whole number from 1 to 50000');
  }
  const missing = plan.hosted_zones.map((zone) => zone.name).filter((name) => priorities[name] === undefined);
  if (missing.length > 0) {
    faults.add(`LISTENER_RULE_PRIORITIES lacks ${missing.join(', ')}`, `give each zone of the plan a priority that no rule has: aws elbv2 describe-rules --listener-arn ${listener} --query Rules[].Priority`);
  }
  const taken = wrong.length + missing.length > 0 ? [] : hostRules(vars, plan).map((rule) => rule.priority);
  if (new Set(taken).size !== taken.length) {
    faults.add('LISTENER_RULE_PRIORITIES gives two rules one priority', `leave enough between them: a zone takes one for every ${HOSTS_PER_RULE} of its records`);
  }
}
