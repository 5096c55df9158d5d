import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, NestedStack, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { NameplateStack, type NameplateProps, type Plan, type PlannedZone } from '../lib/index';

/** The plan of the fixed cases, the same file as the Terraform module's tests read. */
export const PLAN_FILE = join(__dirname, '../../terraform/tests/plan.json');
export const PLAN: Plan = JSON.parse(readFileSync(PLAN_FILE, 'utf8'));
/** A plan with more: two certificates, of two validation zones. */
export const MORE: Plan = JSON.parse(readFileSync(join(__dirname, 'fixtures/more.json'), 'utf8'));
export const ENV = { account: '111122223333', region: 'eu-west-1' };

/** What CDK needs to be told in every case, because it looks nothing up. */
const TOLD: NameplateProps = {
  S3_PREFIX_LIST_ID: 'pl-0123456789abcdef0',
  VALIDATION_ZONE_IDS: { 'example.com': 'Z0123456789COM', 'example.net': 'Z0123456789NET' },
  PROXY_CONFIG_PATH: 'no-such-mapping.yaml',
  ALARM_TOPIC_ARN: 'arn:aws:sns:eu-west-1:111122223333:alarms',
  PLAN,
};

const NLB: NameplateProps = {
  ...TOLD,
  AVAILABILITY_ZONES: ['eu-west-1a', 'eu-west-1b'],
};

/** The fixed cases, as those of the Terraform module before what else `check.sh` lays over them for deploy/parity. */
export const CASES = {
  nlb: NLB,
  alb: { ...NLB, PLAN: withElb('ALB'), ELB_TYPE: 'ALB', LISTENER_TLS: false, HIGH_RESOLUTION_SCALING: true },
  existing: {
    ...TOLD,
    CREATE_VPC: false,
    EXTERNAL_VPC_ID: 'vpc-0123456789abcdef0',
    EXTERNAL_PRIVATE_SUBNETS_ID: ['subnet-0123456789abcdef0', 'subnet-0fedcba9876543210'],
    EXISTING_ENDPOINTS: { 'execute-api': 'vpce-0123456789abcdef0' },
    EXISTING_ENDPOINT_DNS_NAME: 'vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com',
    ROUTE_TABLE_IDS: ['rtb-0123456789abcdef0'],
    ECS_EXEC: true,
  },
} as const satisfies Record<string, NameplateProps>;

function withElb(elb: string): Plan {
  return { ...PLAN, options: { ...PLAN.options, elb } };
}

/** The plan after an entry, a VERBS and an API were changed, as a hot change does. */
export function hotPlan(): Plan {
  return {
    ...PLAN,
    mapping: { version: 'ffffffffffff', sha256: 'f'.repeat(64), entries: 9, domains: 8 },
    hosted_zones: PLAN.hosted_zones.map((zone) => ({ ...zone, domains: zone.domains + 1 })),
    resource_policies: [...PLAN.resource_policies, { api_id: 'apiid9', region: 'eu-west-1', endpoints: ['default'], policy: '{"Version":"2012-10-17","Statement":[]}' }],
    warnings: [{ about: 'quota', what: 'something to know', help: 'do this' }],
  };
}

/** The plan with further zones, each with a wildcard and an apex, and a certificate for each ten. */
export function planOf(parents: number): Plan {
  const zones: PlannedZone[] = Array.from({ length: parents }, (_, i) => {
    const name = `team-${i}.private.example.com`;
    return { name, records: [`*.${name}`, name], domains: 2 };
  });
  const certificates = Array.from({ length: Math.ceil(parents / 10) }, (_, i) => ({
    id: `c-${i.toString(16).padStart(10, '0')}`,
    names: zones.slice(i * 10, i * 10 + 10).map((zone) => `*.${zone.name}`),
    validation_zone: 'example.com',
  }));
  return { ...PLAN, hosted_zones: zones, certificates, default_certificate: certificates[0]!.id };
}

/** A synthesized stack with its nested ones. */
export interface Synthesized {
  readonly stack: NameplateStack;
  readonly template: Template;
  /** The nested stacks' templates by their path. */
  readonly nested: ReadonlyMap<string, Template>;
}

export function synth(props: NameplateProps): Synthesized {
  const app = new App({ analyticsReporting: false });
  const stack = new NameplateStack(app, 'Nameplate', props, { env: ENV });
  const template = Template.fromStack(stack);
  const nested = stack.node.findAll().filter((node) => NestedStack.isNestedStack(node)) as unknown as Stack[];
  return { stack, template, nested: new Map(nested.map((item) => [item.node.path, Template.fromStack(item)])) };
}

/** A resource as templates have it. */
export interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, any>;
  readonly DependsOn?: string[];
}

/** All resources of a type, by logical id. */
export function resources(template: Template, type: string): Record<string, Resource> {
  return template.findResources(type) as Record<string, Resource>;
}

/** The properties of the one resource of a type. */
export function one(template: Template, type: string): Record<string, any> {
  const found = Object.values(resources(template, type));
  if (found.length !== 1) {
    throw new Error(`there are ${found.length} of ${type}, not one`);
  }
  return found[0]!.Properties;
}

/** The text that a value has after deployment, with references as `${...}`. */
export function textOf(value: any): string {
  if (typeof value !== 'object' || value === null) {
    return String(value);
  }
  const [[name, argument]] = Object.entries<any>(value) as [[string, any]];
  switch (name) {
    case 'Fn::Join':
      return argument[1].map(textOf).join(argument[0]);
    case 'Ref':
      return `\${${argument}}`;
    case 'Fn::GetAtt':
      return `\${${argument.join('.')}}`;
    case 'Fn::Select':
      return `\${part ${argument[0]} of ${textOf(argument[1])}}`;
    case 'Fn::Split':
      return textOf(argument[1]);
    default:
      throw new Error(`no text of ${name}`);
  }
}

/** Nameplate's settings, as the container gets them. */
export function settings(template: Template): Record<string, any> {
  const [container] = one(template, 'AWS::ECS::TaskDefinition')['ContainerDefinitions'];
  return JSON.parse(textOf(container.Environment[0].Value));
}

/** Key and value lists as a map. */
export function pairs(list: { Key: string; Value: string }[]): Record<string, string> {
  return Object.fromEntries(list.map(({ Key, Value }) => [Key, Value]));
}
