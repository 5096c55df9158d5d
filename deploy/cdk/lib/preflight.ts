import { neededInterfaces } from './endpoints';
import { Faults } from './faults';
import { checkFoundLoadBalancer, findLoadBalancer, type FoundLoadBalancer } from './preflight-load-balancer';
import type { Settled } from './props';

/** A zone of the region, by its name in this account and by its id, which is the same in every account. */
export interface FoundZone {
  readonly name: string;
  readonly id: string;
}

/** An existing VPC. */
export interface FoundVpc {
  readonly owner: string;
  /** All its IPv4 networks, the first one first. */
  readonly cidrs: readonly string[];
}

/** What AWS says of the region and of the network that the stack goes into. */
export interface Found {
  readonly zones: readonly FoundZone[];
  /** Endpoint service to the names of the zones that it is in. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  /** The existing subnets' zones, by subnet id. Empty where a VPC is made. */
  readonly subnets: Readonly<Record<string, string>>;
  /** The account that the stack goes into. */
  readonly account: string;
  /** The existing VPC; `undefined` where one is made. */
  readonly vpc: FoundVpc | undefined;
  /** The existing load balancer; `undefined` where one is made. */
  readonly loadBalancer: FoundLoadBalancer | undefined;
}

/**
 * The zones that have Fargate, by zone id, in the regions where not all have it (ECS developer guide, "Supported Regions
 * for Amazon ECS on AWS Fargate"). AWS has no API for it.
 */
const FARGATE_ZONE_IDS: Readonly<Record<string, readonly string[]>> = {
  'ap-northeast-1': ['apne1-az1', 'apne1-az2', 'apne1-az4'],
  'cn-north-1': ['cnn1-az1', 'cnn1-az2'],
  'us-west-1': ['usw1-az1', 'usw1-az3'],
};

/** What synthesis cannot know, because it asks AWS nothing; throws every error at once. */
export function checkFound(settled: Settled, region: string, found: Found): void {
  const faults = new Faults();
  checkZones(settled, region, found, faults);
  checkOwner(settled, found, faults);
  checkCidrs(settled, found, faults);
  checkFoundLoadBalancer(settled, found.loadBalancer, faults);
  faults.throwIfAny('the region and the network');
}

function checkZones({ vars }: Settled, region: string, found: Found, faults: Faults): void {
  const usable = found.zones.filter((zone) => gapsOf(zone, region, found.services).length === 0).map((zone) => zone.name);
  const help = `name zones out of ${usable.join(', ')}`;
  const check = (what: string, name: string) => {
    const zone = found.zones.find((item) => item.name === name);
    const gaps = zone === undefined ? [] : gapsOf(zone, region, found.services);
    if (zone === undefined) {
      faults.add(`${what} is not one of the available zones of ${region}`, help);
    } else if (gaps.length > 0) {
      faults.add(`${what} lacks ${gaps.join(' and ')}`, help);
    }
  };
  if (vars.CREATE_VPC) {
    vars.AVAILABILITY_ZONES.forEach((zone) => check(`AVAILABILITY_ZONES: ${zone}`, zone));
    return;
  }
  for (const id of vars.EXTERNAL_PRIVATE_SUBNETS_ID) {
    const zone = found.subnets[id];
    if (zone === undefined) {
      faults.add(`EXTERNAL_PRIVATE_SUBNETS_ID: there is no ${id}`, `list subnets of ${vars.EXTERNAL_VPC_ID!}`);
    } else {
      check(`EXTERNAL_PRIVATE_SUBNETS_ID: ${id} is in ${zone}, which`, zone);
    }
  }
}

/** What cannot be made in a VPC that AWS RAM shares with the account. */
function checkOwner({ vars }: Settled, { account, vpc }: Found, faults: Faults): void {
  if (vpc === undefined || vpc.owner === account) {
    return;
  }
  const shared = `${vars.EXTERNAL_VPC_ID!} belongs to account ${vpc.owner}, which shares it with this one (${account})`;
  if (vars.HOSTED_ZONES === 'create') {
    faults.add(
      `HOSTED_ZONES is create, and ${shared}: Route 53 makes private hosted zones only for VPCs of the same account`,
      'set HOSTED_ZONES to none, and let the owner make the zones of the plan, associated with the VPC, with the records that `npm run records` prints',
    );
  }
  const missing = [...neededInterfaces(vars), ...(vars.EXISTING_ENDPOINTS.s3 === undefined ? ['s3'] : [])];
  if (missing.length > 0) {
    faults.add(`EXISTING_ENDPOINTS lacks ${missing.join(', ')}, and ${shared}: only the owner makes endpoints in a shared VPC`, 'let the owner make them, and name them in EXISTING_ENDPOINTS');
  }
}

/** Synthesis is told the networks of the VPC: those of the load balancer, whose PROXY headers tasks believe, and of clients. */
function checkCidrs({ vars }: Settled, { vpc }: Found, faults: Faults): void {
  const [first, ...others] = vpc?.cidrs ?? [];
  if (first !== undefined && first !== vars.VPC_CIDR) {
    faults.add(`VPC_CIDR is ${vars.VPC_CIDR}, and that of ${vars.EXTERNAL_VPC_ID!} is ${first}`, `set VPC_CIDR to ${first}`);
  }
  const missing = others.filter((cidr) => !vars.VPC_SECONDARY_CIDRS.includes(cidr));
  if (missing.length > 0) {
    faults.add(`VPC_SECONDARY_CIDRS lacks ${missing.join(', ')} of ${vars.EXTERNAL_VPC_ID!}`, 'add them, and say in CLIENT_CIDRS who may call where not all of the VPC may');
  }
}

/** What a zone lacks that tasks need. */
function gapsOf(zone: FoundZone, region: string, services: Found['services']): string[] {
  const fargate = FARGATE_ZONE_IDS[region];
  const missing = Object.entries(services).filter(([, zones]) => !zones.includes(zone.name));
  return [
    ...(fargate === undefined || fargate.includes(zone.id) ? [] : ['Fargate']),
    ...missing.map(([service]) => `the endpoint service ${service}`),
  ];
}

/** Runs the AWS CLI with these words, and returns the JSON that it prints. */
export type Ask = (words: string[]) => any;

/** Asks AWS what {@link checkFound} needs. */
export function find(settled: Settled, region: string, ask: Ask): Found {
  const { vars } = settled;
  const zones = ask(['ec2', 'describe-availability-zones', '--filters', 'Name=state,Values=available', 'Name=opt-in-status,Values=opt-in-not-required']);
  const wanted = neededInterfaces(vars).map((service) => `com.amazonaws.${region}.${service}`);
  const services = wanted.length === 0 ? { ServiceDetails: [] } : ask(['ec2', 'describe-vpc-endpoint-services', '--service-names', ...wanted]);
  const subnets = vars.CREATE_VPC ? { Subnets: [] } : ask(['ec2', 'describe-subnets', '--filters', `Name=vpc-id,Values=${vars.EXTERNAL_VPC_ID!}`]);
  const vpcs = vars.CREATE_VPC ? { Vpcs: [] } : ask(['ec2', 'describe-vpcs', '--vpc-ids', vars.EXTERNAL_VPC_ID!]);
  const vpc = vpcs.Vpcs[0];
  return {
    zones: zones.AvailabilityZones.map((zone: any) => ({ name: zone.ZoneName, id: zone.ZoneId })),
    services: Object.fromEntries(services.ServiceDetails.map((item: any) => [item.ServiceName.split('.').slice(3).join('.'), item.AvailabilityZones])),
    subnets: Object.fromEntries(subnets.Subnets.map((subnet: any) => [subnet.SubnetId, subnet.AvailabilityZone])),
    account: ask(['sts', 'get-caller-identity']).Account,
    vpc: vpc === undefined ? undefined : { owner: vpc.OwnerId, cidrs: cidrsOf(vpc) },
    loadBalancer: findLoadBalancer(settled, ask),
  };
}

function cidrsOf(vpc: any): string[] {
  const associated = vpc.CidrBlockAssociationSet.filter((item: any) => item.CidrBlockState.State === 'associated').map((item: any) => item.CidrBlock);
  return [vpc.CidrBlock, ...associated.filter((cidr: string) => cidr !== vpc.CidrBlock)];
}
