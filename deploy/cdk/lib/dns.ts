import { createHash } from 'node:crypto';
import { NestedStack, Stack } from 'aws-cdk-lib';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { Construct } from 'constructs';
import type { LoadBalancer } from './load-balancer';
import type { Network } from './network';
import type { PlannedZone } from './plan';
import type { Settled } from './props';

/** Nested stacks for zones: Route 53's 500 zones of an account, with two records each, are about 94 resources in one. */
export const ZONE_STACKS = 16;
/** Nested stacks for further records: Route 53's 10,000 records of a zone are about 313 resources in one. */
export const RECORD_STACKS = 32;

/**
 * The private hosted zones, and in each the aliases of the load balancer. HOSTED_ZONES says which of both are made.
 *
 * CloudFormation takes 500 resources a stack, so they are in nested stacks. The name alone decides which one, by its hash:
 * adding a zone or a record moves no other. A zone is together with its apex and its wildcard; all its further records
 * may be too many for that, and are spread on their own.
 */
export class Dns extends Construct {
  /** How many zones and records there are. */
  readonly size: number;
  private readonly stacks = new Map<string, NestedStack>();

  constructor(scope: Construct, id: string, { vars, plan, prefix }: Settled, network: Network, balancer: LoadBalancer) {
    super(scope, id);
    const alias = { dnsName: balancer.dnsName, hostedZoneId: balancer.zoneId, evaluateTargetHealth: true };
    const vpc = { vpcId: network.vpcId, vpcRegion: Stack.of(this).region };
    let size = 0;
    for (const planned of vars.HOSTED_ZONES === 'none' ? [] : sorted(plan.hosted_zones)) {
      const home = this.stack('Zones', planned.name, ZONE_STACKS);
      const make = () =>
        new route53.CfnHostedZone(room(home, planned.name), 'Zone', {
          name: planned.name,
          vpcs: [vpc],
          hostedZoneConfig: { comment: `${prefix}: names of private APIs` },
        });
      const hostedZoneId = vars.HOSTED_ZONES === 'existing' ? vars.HOSTED_ZONE_IDS[planned.name]! : make().attrId;
      for (const name of planned.records) {
        const stack = isUsual(name, planned) ? home : this.stack('Records', name, RECORD_STACKS);
        new route53.CfnRecordSet(room(stack, planned.name), name, { hostedZoneId, name, type: 'A', aliasTarget: alias });
      }
      size += 1 + planned.records.length;
    }
    this.size = size;
  }

  private stack(kind: string, name: string, of: number): NestedStack {
    const id = `${kind}-${String(chunkOf(name, of)).padStart(2, '0')}`;
    let stack = this.stacks.get(id);
    if (stack === undefined) {
      stack = new NestedStack(this, id, { description: `Nameplate: ${kind.toLowerCase()} of private APIs` });
      this.stacks.set(id, stack);
    }
    return stack;
  }
}

/**
 * A zone's place in a stack. Ids of resources that are right under a stack are their names without dots and asterisks, and so
 * the same for a zone's apex and its wildcard; one level deeper they end in a hash.
 */
function room(stack: NestedStack, zone: string): Construct {
  return (stack.node.tryFindChild(zone) as Construct | undefined) ?? new Construct(stack, zone);
}

/**
 * In which of `of` stacks a name is: from the name alone. It must stay so in every release: a zone that moves to another
 * stack is deleted and made anew.
 */
export function chunkOf(name: string, of: number): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) % of;
}

function isUsual(record: string, zone: PlannedZone): boolean {
  return record === zone.name || record === `*.${zone.name}`;
}

function sorted(zones: readonly PlannedZone[]): PlannedZone[] {
  return [...zones].sort((a, b) => (a.name < b.name ? -1 : 1));
}
