import type { Faults } from './faults';
import type { Settled } from './props';
import { albIdleTimeout } from './settings';

/** A load balancer that exists. */
export interface FoundLoadBalancer {
  readonly dnsName: string;
  readonly zoneId: string;
  readonly vpc: string;
  readonly groups: readonly string[];
  /** Seconds; `undefined` for an NLB. */
  readonly idleTimeout: number | undefined;
  /** That of EXISTING_LISTENER_ARN; `undefined` where there is none. */
  readonly protocol: string | undefined;
}

/** Adds to `faults` what the variables say otherwise than the load balancer is. */
export function checkFoundLoadBalancer(settled: Settled, found: FoundLoadBalancer | undefined, faults: Faults): void {
  if (found === undefined) {
    return;
  }
  const { vars } = settled;
  for (const [name, is] of [['EXISTING_ELB_DNS_NAME', found.dnsName], ['EXISTING_ELB_ZONE_ID', found.zoneId], ['EXTERNAL_VPC_ID', found.vpc]] as const) {
    if (vars[name] !== is) {
      faults.add(`${name} is ${vars[name]!}, and that of EXISTING_ELB_ARN is ${is}`, name === 'EXTERNAL_VPC_ID' ? "name a load balancer of the tasks' VPC" : `set ${name} to ${is}`);
    }
  }
  if (!found.groups.includes(vars.EXTERNAL_ALB_SG_ID!)) {
    faults.add(`EXTERNAL_ALB_SG_ID is ${vars.EXTERNAL_ALB_SG_ID!}, which EXISTING_ELB_ARN does not have, and tasks let in that group alone`, `name one of its own: ${found.groups.join(', ')}`);
  }
  if (found.idleTimeout !== undefined && found.idleTimeout !== albIdleTimeout(settled)) {
    faults.add(`the idle timeout of EXISTING_ELB_ARN is ${found.idleTimeout} s, and tasks would keep connections for one of ${albIdleTimeout(settled)} s`, `set ALB_IDLE_TIMEOUT to ${found.idleTimeout}`);
  }
  if (found.protocol !== undefined && found.protocol !== 'HTTPS') {
    faults.add(`EXISTING_LISTENER_ARN is a listener for ${found.protocol}, and clients use HTTPS`, 'name an HTTPS listener of the load balancer');
  }
}

/** Asks AWS what {@link checkFoundLoadBalancer} needs. */
export function findLoadBalancer({ vars }: Settled, ask: (words: string[]) => any): FoundLoadBalancer | undefined {
  const { EXISTING_ELB_ARN: arn, EXISTING_LISTENER_ARN: listener } = vars;
  if (arn === null) {
    return undefined;
  }
  const [balancer] = ask(['elbv2', 'describe-load-balancers', '--load-balancer-arns', arn]).LoadBalancers;
  const { Attributes } = vars.ELB_TYPE === 'NLB' ? { Attributes: [] } : ask(['elbv2', 'describe-load-balancer-attributes', '--load-balancer-arn', arn]);
  const idle = Attributes.find((item: any) => item.Key === 'idle_timeout.timeout_seconds');
  return {
    dnsName: balancer.DNSName,
    zoneId: balancer.CanonicalHostedZoneId,
    vpc: balancer.VpcId,
    groups: balancer.SecurityGroups ?? [],
    idleTimeout: idle === undefined ? undefined : Number(idle.Value),
    protocol: listener === null ? undefined : ask(['elbv2', 'describe-listeners', '--listener-arns', listener]).Listeners[0].Protocol,
  };
}
