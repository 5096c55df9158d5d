import type { Plan } from './plan';

/** Where records lead: the load balancer's DNS name, and the hosted zone of that name. */
export interface Target {
  readonly dnsName: string;
  readonly hostedZoneId: string;
}

/** The records that the custom domains need, by hosted zone, as `aws route53 change-resource-record-sets --change-batch` takes them. */
export function recordsOf(plan: Plan, { dnsName, hostedZoneId }: Target): Record<string, object> {
  const AliasTarget = { HostedZoneId: hostedZoneId, DNSName: dnsName, EvaluateTargetHealth: true };
  const change = (Name: string) => ({ Action: 'UPSERT', ResourceRecordSet: { Name, Type: 'A', AliasTarget } });
  return Object.fromEntries(plan.hosted_zones.map((zone) => [zone.name, { Changes: zone.records.map(change) }]));
}
