import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { App, Stack } from 'aws-cdk-lib';
import { Nameplate, type NameplateProps, type Plan } from '../lib/index';
import { SETTINGS } from '../lib/validate';
import { VARIABLE_NAMES } from '../lib/variables';
import { CASES, PLAN, planOf, settings, synth } from './cases';

/** What is said of a case with these changes; fails where nothing is. */
function refusal(changes: object, base: NameplateProps = CASES.nlb): string {
  try {
    synth({ ...base, ...changes });
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`nothing is wrong with ${JSON.stringify(changes)}`);
}

/** A bad value, what is said of it, and the base it is laid over. */
type Bad = [changes: object, says: string, base?: NameplateProps];

const withPlan = (changes: Partial<Plan>) => ({ PLAN: { ...PLAN, ...changes } });
const OTHER_REGION = 'arn:aws:acm:us-east-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef';
const CA = 'arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef';
const APPCONFIG = { MAPPING_SOURCE: 'appconfig', APPCONFIG_AGENT_IMAGE: '111122223333.dkr.ecr.eu-west-1.amazonaws.com/aws-appconfig-agent:2.x' };
const DIGEST = `sha256:${'0'.repeat(64)}`;
const ARN = OTHER_REGION.replace('us-east-1', 'eu-west-1');

const BAD: Record<string, Bad[]> = {
  APP_NAME: [
    [{ APP_NAME: 'Reverse_Proxy' }, 'is not a name'],
    [{ APP_NAME: '1proxy' }, 'is not a name'],
    [{ APP_NAME: 'a--b' }, 'is not a name'],
    [{ APP_NAME: 'internal-proxy' }, 'begins with internal-'],
    [{ APP_NAME: 'a-very-long-application' }, '27 characters'],
    [{ APP_NAME: 7 }, 'not a text'],
  ],
  APP_ENVIRONMENT: [[{ APP_ENVIRONMENT: 'dev-' }, 'is not a name']],
  EXISTING_BUCKET: [[{ EXISTING_BUCKET: 's3://platform/mapping' }, 'without s3:// and without a key']],
  EXISTING_CLUSTER: [[{ EXISTING_CLUSTER: 'arn:aws:ecs:eu-west-1:111122223333:cluster/platform' }, 'its name, not its ARN']],
  CONTAINER_INSIGHTS: [
    [{ CONTAINER_INSIGHTS: 'on' }, 'it is enabled, enhanced or disabled'],
    [{ CONTAINER_INSIGHTS: 'disabled', EXISTING_CLUSTER: 'platform' }, 'aws ecs update-cluster-settings --cluster platform'],
  ],
  FLOW_LOGS: [[{ FLOW_LOGS: 'no' }, 'not true or false']],
  // test/load-balancer.test.ts has more of these.
  EXISTING_ELB_ARN: [[{ EXISTING_ELB_ARN: 'platform' }, 'is not the ARN of an NLB or ALB']],
  EXISTING_ELB_DNS_NAME: [[{ EXISTING_ELB_DNS_NAME: 'platform.example.com' }, 'go together']],
  EXISTING_ELB_ZONE_ID: [[{ EXISTING_ELB_ZONE_ID: 'Z0ALOADBALANCER' }, 'go together']],
  EXISTING_LISTENER_ARN: [[{ EXISTING_LISTENER_ARN: 'arn' }, 'a listener of an NLB has no rules']],
  LISTENER_RULE_PRIORITIES: [
    [{ LISTENER_RULE_PRIORITIES: { 'example.com': 1 } }, 'a listener that is made needs no rules'],
    [{ LISTENER_RULE_PRIORITIES: 7 }, 'not an object'],
  ],
  EXECUTION_ROLE_ARN: [[{ EXECUTION_ROLE_ARN: 'start' }, 'is not the ARN of an IAM role']],
  TASK_ROLE_ARN: [[{ TASK_ROLE_ARN: 'arn:aws:iam::111122223333:user/run' }, 'is not the ARN of an IAM role']],
  PERMISSIONS_BOUNDARY_ARN: [[{ PERMISSIONS_BOUNDARY_ARN: 'boundary' }, 'is not the ARN of an IAM policy']],
  IAM_PATH: [[{ IAM_PATH: 'platform' }, 'begin and end it with a slash']],
  LOGS_KMS_KEY_ARN: [
    [{ LOGS_KMS_KEY_ARN: 'arn:aws:kms:eu-west-1:111122223333:alias/logs' }, 'not of an alias'],
    [{ LOGS_KMS_KEY_ARN: 'arn:aws:kms:us-east-1:111122223333:key/logs' }, 'LOGS_KMS_KEY_ARN is a key of us-east-1'],
  ],
  ECR_KMS_KEY_ARN: [[{ ECR_KMS_KEY_ARN: 'key' }, 'is not the ARN of a KMS key']],
  S3_KMS_KEY_ARN: [[{ S3_KMS_KEY_ARN: 'key' }, 'is not the ARN of a KMS key']],
  CREATE_VPC: [[{ CREATE_VPC: 'yes' }, 'not true or false']],
  ELB_TYPE: [
    [{ ELB_TYPE: 'CLB' }, 'ELB_TYPE is `CLB`'],
    [{ ELB_TYPE: 'ALB' }, 'the plan is for load balancer NLB, and ELB_TYPE is ALB'],
  ],
  VPC_CIDR: [
    [{ VPC_CIDR: '10.0.0.0/25' }, 'not an IPv4 network from /16 to /24'],
    [{ VPC_CIDR: '10.0.0.0/8' }, 'not an IPv4 network'],
    [{ VPC_CIDR: '10.0.0.1/16' }, 'not an IPv4 network'],
    [{ VPC_CIDR: '10.0.0.256/16' }, 'not an IPv4 network'],
  ],
  PUBLIC_SUBNETS: [[{ PUBLIC_SUBNETS: 1 }, 'not true or false']],
  EXTERNAL_VPC_ID: [
    [{ EXTERNAL_VPC_ID: 'vpc-xyz' }, 'is not an id'],
    [{ EXTERNAL_VPC_ID: null }, 'EXTERNAL_VPC_ID is missing', CASES.existing],
  ],
  VPC_SECONDARY_CIDRS: [
    [{ VPC_SECONDARY_CIDRS: ['100.64.0.1/16'] }, 'is not an IPv4 network', CASES.existing],
    [{ VPC_SECONDARY_CIDRS: ['100.64.0.0/16', '100.64.0.0/16'] }, 'VPC_SECONDARY_CIDRS lists a network twice', CASES.existing],
    [{ VPC_SECONDARY_CIDRS: ['100.64.0.0/16'] }, 'goes with CREATE_VPC false'],
  ],
  DNS_SERVER_CIDRS: [
    [{ DNS_SERVER_CIDRS: ['10.0.0.10'] }, 'is not an IPv4 network'],
    [{ DNS_SERVER_CIDRS: ['10.0.0.10/32'], EXTERNAL_FARGATE_SG_ID: 'sg-0000000b' }, 'let your group reach port 53'],
  ],
  EXTERNAL_ALB_SG_ID: [[{ EXTERNAL_ALB_SG_ID: 'sg' }, 'is not an id']],
  EXTERNAL_ENDPOINT_SG_ID: [[{ EXTERNAL_ENDPOINT_SG_ID: 'subnet-01234567' }, 'is not an id']],
  EXTERNAL_FARGATE_SG_ID: [[{ EXTERNAL_FARGATE_SG_ID: 'sg-' }, 'is not an id']],
  EXTERNAL_PRIVATE_SUBNETS_ID: [
    [{ EXTERNAL_PRIVATE_SUBNETS_ID: ['subnet-0123456789abcdef0'] }, 'fewer than two', CASES.existing],
    [{ EXTERNAL_PRIVATE_SUBNETS_ID: ['a', 'b'] }, 'is not an id', CASES.existing],
    [{ EXTERNAL_PRIVATE_SUBNETS_ID: [...CASES.existing.EXTERNAL_PRIVATE_SUBNETS_ID, 'subnet-0123456789abcdef0'] }, 'lists a subnet twice', CASES.existing],
    [{ EXTERNAL_PRIVATE_SUBNETS_ID: 'subnet-0123456789abcdef0' }, 'not a list of texts', CASES.existing],
  ],
  TASK_SCALE_MIN: [
    [{ TASK_SCALE_MIN: 0 }, 'TASK_SCALE_MIN is 0'],
    [{ TASK_SCALE_MIN: 1.5 }, 'TASK_SCALE_MIN is 1.5'],
    [{ TASK_SCALE_MIN: 5 }, 'is over TASK_SCALE_MAX (4)'],
  ],
  TASK_SCALE_MAX: [[{ TASK_SCALE_MAX: 5001 }, 'TASK_SCALE_MAX is 5001']],
  TASK_SCALE_CPU_PCT: [
    [{ TASK_SCALE_CPU_PCT: 9 }, 'TASK_SCALE_CPU_PCT is 9'],
    [{ TASK_SCALE_CPU_PCT: 101 }, 'TASK_SCALE_CPU_PCT is 101'],
    [{ TASK_SCALE_CPU_PCT: Number.NaN }, 'not a number'],
  ],
  TASK_PLATFORM: [[{ TASK_PLATFORM: 'RISCV' }, 'TASK_PLATFORM is `RISCV`']],
  PROXY_CONFIG_PATH: [[{ PROXY_CONFIG_PATH: 3 }, 'not a text']],
  PLAN_PATH: [[{ PLAN: undefined, PLAN_PATH: 'no-such-plan.json' }, 'no-such-plan.json cannot be read']],
  AVAILABILITY_ZONES: [
    [{ AVAILABILITY_ZONES: [] }, 'AVAILABILITY_ZONES is empty'],
    [{ AVAILABILITY_ZONES: ['eu-west-1a'] }, 'has 1 names'],
    [{ AVAILABILITY_ZONES: ['eu-west-1a', 'eu-west-1a'] }, 'two or three different zones'],
    [{ AVAILABILITY_ZONES: ['eu-west-1a', 'euw1-az2'] }, 'not the name of an Availability Zone'],
    [{ AVAILABILITY_ZONES: ['eu-west-1a', 'us-east-1a'] }, '`us-east-1a` is not in eu-west-1'],
  ],
  EXISTING_ENDPOINTS: [
    [{ EXISTING_ENDPOINTS: { s3: 'vpce-0123456789abcdef0' } }, 'goes with CREATE_VPC false'],
    [{ EXISTING_ENDPOINTS: { sqs: 'vpce-0123456789abcdef0' }, EXISTING_ENDPOINT_DNS_NAME: null }, '`sqs` is not a service', CASES.existing],
    [{ EXISTING_ENDPOINTS: { 'execute-api': 'vpce' } }, 'is not an id', CASES.existing],
  ],
  EXISTING_ENDPOINT_DNS_NAME: [
    [{ EXISTING_ENDPOINT_DNS_NAME: null }, 'EXISTING_ENDPOINT_DNS_NAME is missing', CASES.existing],
    [{ EXISTING_ENDPOINTS: {} }, 'goes with EXISTING_ENDPOINTS execute-api', CASES.existing],
    [{ EXISTING_ENDPOINT_DNS_NAME: 'https://x' }, 'is not a DNS name', CASES.existing],
  ],
  EXECUTE_API_PRIVATE_DNS: [[{ EXECUTE_API_PRIVATE_DNS: true }, 'leave one of the two out', CASES.existing]],
  ROUTE_TABLE_IDS: [
    [{ ROUTE_TABLE_IDS: [] }, 'ROUTE_TABLE_IDS is empty', CASES.existing],
    [{ ROUTE_TABLE_IDS: ['rtb'] }, 'is not an id', CASES.existing],
  ],
  S3_PREFIX_LIST_ID: [
    [{ S3_PREFIX_LIST_ID: null }, 'aws ec2 describe-managed-prefix-lists --region eu-west-1'],
    [{ S3_PREFIX_LIST_ID: 'com.amazonaws.eu-west-1.s3' }, 'is not an id'],
  ],
  CLIENT_CIDRS: [
    [{ CLIENT_CIDRS: ['10.0.0.0/8', '10.0.0.1/8'] }, '`10.0.0.1/8` is not an IPv4 network'],
    [{ CLIENT_CIDRS: ['10.0.0.0/8', '10.0.0.0/8'] }, 'CLIENT_CIDRS lists a network twice'],
  ],
  CLIENT_PREFIX_LIST_IDS: [
    [{ CLIENT_PREFIX_LIST_IDS: ['corporate'] }, 'is not an id'],
    [{ CLIENT_PREFIX_LIST_IDS: ['pl-00000001', 'pl-00000001'] }, 'lists an id twice'],
  ],
  CLIENT_SECURITY_GROUP_IDS: [
    [{ CLIENT_SECURITY_GROUP_IDS: ['default'] }, 'is not an id'],
    [{ CLIENT_SECURITY_GROUP_IDS: ['sg-00000001'], EXTERNAL_ALB_SG_ID: 'sg-0000000a' }, 'EXTERNAL_ALB_SG_ID is used as it is'],
  ],
  LISTENER_TLS: [[{ LISTENER_TLS: 'on' }, 'not true or false']],
  SSL_POLICY: [[{ SSL_POLICY: 'TLS13' }, 'is not the name of a TLS policy']],
  ALB_IDLE_TIMEOUT: [
    [{ ALB_IDLE_TIMEOUT: 4001 }, 'from 1 to 4000', CASES.alb],
    [{ ALB_IDLE_TIMEOUT: 1.5 }, 'from 1 to 4000', CASES.alb],
    [{ ALB_IDLE_TIMEOUT: 120 }, 'ALB_IDLE_TIMEOUT is set and ELB_TYPE is NLB'],
  ],
  DROP_INVALID_HEADER_FIELDS: [[{ DROP_INVALID_HEADER_FIELDS: true }, 'an NLB does not read headers']],
  IMAGE: [
    [{ IMAGE: 'nameplate' }, 'names no version'],
    [{ IMAGE: 'nameplate:latest' }, 'names no version'],
    [{ IMAGE: 'nameplate@sha256:12' }, 'names no version'],
    [{ IMAGE: 'docker.io/acme/nameplate:1.0' }, 'is in no ECR registry of eu-west-1'],
    [{ IMAGE: '111122223333.dkr.ecr.us-east-1.amazonaws.com/nameplate:1.0' }, 'is in no ECR registry of eu-west-1'],
  ],
  IMAGE_TAG: [
    [{ IMAGE_TAG: 'latest' }, 'names no version'],
    [{ IMAGE_TAG: '' }, 'names no version'],
  ],
  TASK_CPU: [[{ TASK_CPU: 1000 }, 'Fargate has 256, 512, 1024, 2048, 4096, 8192, 16384']],
  TASK_MEMORY: [
    [{ TASK_MEMORY: 1024 }, 'does not go with TASK_CPU 1024'],
    [{ TASK_CPU: 256, TASK_MEMORY: 4096 }, 'Fargate has 512, 1024, 2048 MiB'],
  ],
  STOP_TIMEOUT: [
    [{ STOP_TIMEOUT: 1 }, 'STOP_TIMEOUT is 1'],
    [{ STOP_TIMEOUT: 121 }, 'STOP_TIMEOUT is 121'],
  ],
  HIGH_RESOLUTION_SCALING: [[{ HIGH_RESOLUTION_SCALING: 'no' }, 'not true or false']],
  LOG_RETENTION_DAYS: [[{ LOG_RETENTION_DAYS: 31 }, 'CloudWatch has 1, 3, 5']],
  ALARM_TOPIC_ARN: [
    [{ ALARM_TOPIC_ARN: 'alarms' }, 'is not the ARN of an SNS topic'],
    [{ ALARM_TOPIC_ARN: 'arn:aws:sns:us-east-1:111122223333:alarms' }, 'is not in eu-west-1'],
  ],
  ECS_EXEC: [[{ ECS_EXEC: 'yes' }, 'not true or false']],
  CERTIFICATE_ARNS: [
    [{ CERTIFICATE_ARNS: ['arn:aws:iam::111122223333:server-certificate/x'] }, 'is not the ARN of an ACM certificate'],
    [{ CERTIFICATE_ARNS: [OTHER_REGION] }, 'is in us-east-1'],
    [{ CERTIFICATE_ARNS: [ARN, ARN] }, 'lists a certificate twice'],
    [withPlan({ import_names: ['*.orders.corp'] }), 'ACM cannot validate *.orders.corp'],
    [withPlan({ certificates: [], default_certificate: null }), 'would have no certificate'],
    [{ PLAN: planOf(260) }, 'would have 26 certificates; an NLB takes 25'],
  ],
  VALIDATION_ZONE_IDS: [
    [{ VALIDATION_ZONE_IDS: { 'example.net': 'Z0123456789NET' } }, 'lacks example.com'],
    [{ VALIDATION_ZONE_IDS: { 'example.com': 'example.com', 'example.net': 'by-hand' } }, 'is not the id of a hosted zone'],
  ],
  HOSTED_ZONES: [[{ HOSTED_ZONES: 'shared' }, 'it is create, existing or none']],
  HOSTED_ZONE_IDS: [
    [{ HOSTED_ZONES: 'existing', HOSTED_ZONE_IDS: { 'internal.private.example.com': 'internal' } }, 'is not the id of a hosted zone'],
    [{ HOSTED_ZONES: 'existing', HOSTED_ZONE_IDS: { 'internal.private.example.com': 'Z0INTERNAL' } }, 'HOSTED_ZONE_IDS lacks team.internal.private.example.com'],
    [{ HOSTED_ZONE_IDS: { 'internal.private.example.com': 'Z0INTERNAL' } }, 'HOSTED_ZONE_IDS is given, and HOSTED_ZONES is create'],
  ],
  EXTRA_SETTINGS: [
    [{ EXTRA_SETTINGS: [] }, 'not an object'],
    [{ EXTRA_SETTINGS: { acces_log: {} } }, 'no settings of Nameplate: acces_log'],
    [{ EXTRA_SETTINGS: { listeners: [] } }, 'EXTRA_SETTINGS has listeners'],
    [{ EXTRA_SETTINGS: { admin: '127.0.0.1:9901' } }, 'EXTRA_SETTINGS has admin'],
  ],
  EXTRA_ENDPOINTS: [
    [{ EXTRA_ENDPOINTS: { default: 'a.example.com' } }, 'is not a name for an endpoint'],
    [{ EXTRA_ENDPOINTS: { other: 'https://a.example.com' } }, 'is not a DNS name'],
    [withPlan({ endpoints: ['default', 'shared-services'] }), 'lacks shared-services'],
    [withPlan({ regions: ['eu-central-1', 'eu-west-1'] }), 'has APIs in eu-central-1, and the stack is in eu-west-1'],
  ],
  DELETION_PROTECTION: [[{ DELETION_PROTECTION: 'false' }, 'not true or false']],
  TAGS: [
    [{ TAGS: { 'aws:owner': 'me' } }, 'TAGS has'],
    [{ TAGS: { owner: 1 } }, 'not a map of texts'],
  ],
  PRIVATE_CA_ARN: [
    [{ PRIVATE_CA_ARN: ARN }, 'is not the ARN of an AWS Private CA'],
    [{ PRIVATE_CA_ARN: CA.replace('eu-west-1', 'us-east-1') }, 'ACM asks CAs of its own region only'],
    [{ PRIVATE_CA_ARN: CA, ...withPlan({ import_names: [`*.${'a'.repeat(63)}.corp`] }) }, 'has over 64 characters'],
    [{ PRIVATE_CA_ARN: CA, ...withPlan({ import_names: Array.from({ length: 25 }, (_, i) => `*.team-${i}.corp`) }) }, 'would have 26 certificates'],
  ],
  IMAGE_DIGEST: [
    [{ IMAGE_DIGEST: '0'.repeat(64) }, 'is not the digest of an image'],
    [{ IMAGE_DIGEST: DIGEST, IMAGE: '111122223333.dkr.ecr.eu-west-1.amazonaws.com/nameplate:1.0' }, 'IMAGE names another one'],
  ],
  DEPLOYMENT_ALARMS: [
    [{ DEPLOYMENT_ALARMS: ['arn:aws:cloudwatch:eu-west-1:111122223333:alarm:errors'] }, 'list names, not ARNs'],
    [{ DEPLOYMENT_ALARMS: ['errors', 'errors'] }, 'lists an alarm twice'],
  ],
  ENDPOINT_SERVICE: [
    [{ ENDPOINT_SERVICE: true }, 'only an NLB can be behind an endpoint service', CASES.alb],
    [{ ENDPOINT_SERVICE_PRINCIPALS: ['arn:aws:iam::444455556666:root'] }, 'go with ENDPOINT_SERVICE true'],
    [{ ENDPOINT_SERVICE_DNS_NAME: 'orders.example.com' }, 'go with ENDPOINT_SERVICE true'],
  ],
  ENDPOINT_SERVICE_PRINCIPALS: [
    [{ ENDPOINT_SERVICE: true, ENDPOINT_SERVICE_PRINCIPALS: ['*'] }, '`*` is not the ARN of an account'],
    [{ ENDPOINT_SERVICE: true, ENDPOINT_SERVICE_PRINCIPALS: ['arn:aws:iam::444455556666:root', 'arn:aws:iam::444455556666:root'] }, 'lists a principal twice'],
  ],
  ENDPOINT_SERVICE_DNS_NAME: [[{ ENDPOINT_SERVICE: true, ENDPOINT_SERVICE_DNS_NAME: 'orders example' }, 'is not a DNS name']],
  FARGATE_SPOT_PCT: [
    [{ FARGATE_SPOT_PCT: 101 }, 'FARGATE_SPOT_PCT is 101'],
    [{ FARGATE_SPOT_PCT: 0.5 }, 'FARGATE_SPOT_PCT is 0.5'],
  ],
  MAPPING_PREFIX: [
    [{ MAPPING_PREFIX: '/maps/' }, 'without slashes at its ends'],
    [{ ...APPCONFIG, MAPPING_PREFIX: 'maps' }, 'which brings one document'],
  ],
  MAPPING_SOURCE: [
    [{ MAPPING_SOURCE: 'efs' }, 'it is s3 or appconfig'],
    [{ ...APPCONFIG, S3_KMS_KEY_ARN: 'arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-000000000003' }, 'S3_KMS_KEY_ARN is set'],
    [{ ...APPCONFIG, EXTRA_SETTINGS: { emf: { interval: '20s' } } }, 'EXTRA_SETTINGS has emf'],
  ],
  APPCONFIG_AGENT_IMAGE: [
    [{ APPCONFIG_AGENT_IMAGE: 'agent:latest' }, 'names no version'],
    [{ MAPPING_SOURCE: 'appconfig' }, 'APPCONFIG_AGENT_IMAGE is missing'],
    [{ ...APPCONFIG, APPCONFIG_AGENT_IMAGE: 'public.ecr.aws/aws-appconfig/aws-appconfig-agent:2.x' }, 'is in no ECR registry of eu-west-1'],
  ],
  APPCONFIG_POLL_SECONDS: [[{ APPCONFIG_POLL_SECONDS: 1 }, 'from 5 to 300']],
  MAPPING_SCHEMA_PATH: [
    [{ MAPPING_SCHEMA_PATH: 'schema.json' }, 'goes with MAPPING_SOURCE appconfig'],
    [{ ...APPCONFIG, MAPPING_SCHEMA_PATH: 'no-such-schema.json' }, 'which is no JSON object'],
  ],
  ROLLOUT_MINUTES: [[{ ROLLOUT_MINUTES: 1441 }, 'from 0 to 1440']],
  ROLLOUT_GROWTH_PCT: [[{ ROLLOUT_GROWTH_PCT: 0 }, 'from 1 to 100']],
  ROLLOUT_BAKE_MINUTES: [[{ ROLLOUT_BAKE_MINUTES: 0.5 }, 'from 0 to 1440']],
  ROLLOUT_ALARM_PCT: [[{ ROLLOUT_ALARM_PCT: 0 }, 'above 0 and up to 100']],
  SERVICE: [[{ SERVICE: 'later' }, 'not true or false']],
};

describe('a bad value', () => {
  for (const [name, cases] of Object.entries(BAD)) {
    it.each(cases.map((item, i) => [i, item] as const))(`of ${name} (%i) is refused, with how to mend it`, (_, [changes, says, base]) => {
      const message = refusal(changes, base);
      expect(message).toContain(says);
      expect(message).toContain('help: ');
    });
  }

  it('is tried for every variable', () => {
    expect(Object.keys(BAD).sort()).toEqual([...VARIABLE_NAMES].sort());
  });

  it('is told together with all others', () => {
    const message = refusal({ TASK_CPU: 1, STOP_TIMEOUT: 0, IMAGE_TAG: 'latest' });
    expect(message).toMatch(/^nameplate: 3 errors in the variables\n/);
  });

  it('may be a name that is no variable', () => {
    expect(refusal({ TASK_SCALE_MX: 4 })).toContain('there is no variable TASK_SCALE_MX');
  });

  it('may be a stack whose region nobody knows', () => {
    const stack = new Stack(new App(), 'Stack');
    expect(() => new Nameplate(stack, 'Nameplate', CASES.nlb)).toThrow('the region of the stack is not known');
  });
});

describe('a good value', () => {
  it.each([
    ['the longest names', { APP_NAME: 'reverse-proxy-of', APP_ENVIRONMENT: 'prod-22' }],
    ['three zones', { AVAILABILITY_ZONES: ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'] }],
    ['the smallest task', { TASK_CPU: 256, TASK_MEMORY: 512 }],
    ['the largest task', { TASK_CPU: 16384, TASK_MEMORY: 122880 }],
    ['an imported certificate alone', { CERTIFICATE_ARNS: [ARN], PLAN: { ...PLAN, certificates: [], default_certificate: null } }],
    ['26 certificates on an ALB', { ELB_TYPE: 'ALB', PLAN: { ...planOf(260), options: { zones: 'per-parent', elb: 'ALB' } } }],
    ['more certificates where the quota was raised', { PLAN: { ...planOf(260), quotas: { certificates_per_listener: 50 } } }],
    ['another region with its endpoint', { EXTRA_ENDPOINTS: { central: 'vpce-0fedcba9876543210-abcdefgh.execute-api.eu-central-1.vpce.amazonaws.com' }, PLAN: { ...PLAN, regions: ['eu-central-1'], endpoints: ['central', 'default'] } }],
  ])('%s synthesizes', (_, changes) => {
    expect(() => synth({ ...CASES.nlb, ...changes } as NameplateProps)).not.toThrow();
  });

  it('of EXTRA_SETTINGS is laid over ours, key by key', () => {
    const { template } = synth({ ...CASES.nlb, EXTRA_SETTINGS: { access_log: { to: 'stdout' }, log: { level: 'debug' } } });
    expect(settings(template)).toMatchObject({ admin: '0.0.0.0:9901', access_log: { to: 'stdout' } });
    expect(settings(template)['log']).toEqual({ level: 'debug' });
  });

  it('of EXTRA_SETTINGS may be any key that the settings file has', () => {
    const file = readFileSync(join(__dirname, '../../../conf/nameplate.yaml'), 'utf8');
    const keys = [...file.matchAll(/^(?:# )?([a-z_]+):(?= |$)/gm)].map((match) => match[1]);
    expect(SETTINGS).toEqual([...new Set(keys)].sort());
  });

  it('of EXTRA_ENDPOINTS is in the settings', () => {
    const { template } = synth({ ...CASES.nlb, EXTRA_ENDPOINTS: { shared: 'vpce-0fedcba9876543210-a.execute-api.eu-west-1.vpce.amazonaws.com' } });
    expect(settings(template)['endpoints']).toEqual({ shared: { name: 'vpce-0fedcba9876543210-a.execute-api.eu-west-1.vpce.amazonaws.com' } });
  });

  it.each([[2, '0s', '1s'], [14, '4s', '4s'], [15, '5s', '5s'], [30, '5s', '20s'], [120, '5s', '110s']])('of STOP_TIMEOUT %i leaves time: %s and %s', (STOP_TIMEOUT, delay, grace_period) => {
    const { template } = synth({ ...CASES.nlb, STOP_TIMEOUT });
    expect(settings(template)['shutdown']).toEqual({ delay, grace_period });
    expect(Number.parseInt(delay, 10) + Number.parseInt(grace_period, 10)).toBeLessThan(STOP_TIMEOUT);
  });

  it('of DNS_SERVER_CIDRS and SSL_POLICY is used', () => {
    const { template } = synth({ ...CASES.nlb, DNS_SERVER_CIDRS: ['10.0.0.10/32'], SSL_POLICY: 'ELBSecurityPolicy-TLS13-1-3-2021-06' });
    const rules = Object.values(template.findResources('AWS::EC2::SecurityGroupEgress')).map(({ Properties: p }: any) => p);
    expect(rules.filter((p) => p.CidrIp !== undefined).map((p) => `${p.IpProtocol} ${p.FromPort} ${p.ToPort} ${p.CidrIp}`)).toEqual(['udp 53 53 10.0.0.10/32', 'tcp 53 53 10.0.0.10/32']);
    const [listener] = Object.values(template.findResources('AWS::ElasticLoadBalancingV2::Listener')) as any[];
    expect(listener.Properties.SslPolicy).toBe('ELBSecurityPolicy-TLS13-1-3-2021-06');
  });

  it('of VPC_SECONDARY_CIDRS is trusted, and its clients may call', () => {
    const { template } = synth({ ...CASES.existing, VPC_SECONDARY_CIDRS: ['100.64.0.0/16'] });
    expect(settings(template)['listeners'][0].proxy_protocol).toEqual({ trust: ['10.0.0.0/16', '100.64.0.0/16'] });
    const from = Object.values(template.findResources('AWS::EC2::SecurityGroupIngress')).map((resource: any) => resource.Properties.CidrIp).filter((cidr) => cidr !== undefined);
    expect(from).toEqual(['10.0.0.0/16', '100.64.0.0/16']);
  });

  it('of CLIENT_PREFIX_LIST_IDS and CLIENT_SECURITY_GROUP_IDS takes it too', () => {
    const { template } = synth({ ...CASES.nlb, CLIENT_PREFIX_LIST_IDS: ['pl-0fedcba9876543210'], CLIENT_SECURITY_GROUP_IDS: ['sg-0123456789abcdef0'] });
    const rules = Object.values(template.findResources('AWS::EC2::SecurityGroupIngress')).map(({ Properties: p }: any) => p).filter((p) => p.FromPort === 443);
    const from = rules.map((p) => p.CidrIp ?? p.SourcePrefixListId ?? p.SourceSecurityGroupId).filter((peer) => typeof peer === 'string');
    expect(from).toEqual(['pl-0fedcba9876543210', 'sg-0123456789abcdef0']);
  });

  it('of a bucket, a cluster and roles takes the place of ours', () => {
    const roles = { EXECUTION_ROLE_ARN: 'arn:aws:iam::111122223333:role/platform/start', TASK_ROLE_ARN: 'arn:aws:iam::111122223333:role/platform/run' };
    const { template } = synth({ ...CASES.nlb, EXISTING_BUCKET: 'platform-nameplate', EXISTING_CLUSTER: 'platform', ...roles });
    for (const type of ['AWS::S3::Bucket', 'AWS::S3::BucketPolicy', 'AWS::ECS::Cluster']) {
      template.resourceCountIs(type, 0);
    }
    template.resourceCountIs('AWS::IAM::Role', 1); // that of the flow logs
    template.hasResourceProperties('AWS::ECS::TaskDefinition', { ExecutionRoleArn: roles.EXECUTION_ROLE_ARN, TaskRoleArn: roles.TASK_ROLE_ARN });
    template.hasResourceProperties('AWS::ECS::Service', { Cluster: 'platform' });
    expect(settings(template)['mapping']).toBe('s3://platform-nameplate/mapping.yaml');
  });

  it('of CONTAINER_INSIGHTS and FLOW_LOGS switches both off, or more on', () => {
    const { template } = synth({ ...CASES.nlb, CONTAINER_INSIGHTS: 'disabled', FLOW_LOGS: false });
    template.hasResourceProperties('AWS::ECS::Cluster', { ClusterSettings: [{ Name: 'containerInsights', Value: 'disabled' }] });
    template.resourceCountIs('AWS::EC2::FlowLog', 0);
    template.resourceCountIs('AWS::IAM::Role', 2);
    template.resourceCountIs('AWS::Logs::LogGroup', 1);
    synth({ ...CASES.nlb, CONTAINER_INSIGHTS: 'enhanced' }).template.hasResourceProperties('AWS::ECS::Cluster', {
      ClusterSettings: [{ Name: 'containerInsights', Value: 'enhanced' }],
    });
  });

  it('of a boundary, a path and keys is used', () => {
    const key = (name: string) => `arn:aws:kms:eu-west-1:111122223333:key/01234567-89ab-cdef-0123-${{ logs: '000000000001', ecr: '000000000002', s3: '000000000003' }[name]}`;
    const boundary = 'arn:aws:iam::111122223333:policy/boundary';
    const { template } = synth({
      ...CASES.nlb, PERMISSIONS_BOUNDARY_ARN: boundary, IAM_PATH: '/platform/', LOGS_KMS_KEY_ARN: key('logs'), ECR_KMS_KEY_ARN: key('ecr'), S3_KMS_KEY_ARN: key('s3'),
    });
    const of = (type: string) => Object.values(template.findResources(type)).map(({ Properties: p }: any) => p);
    expect(of('AWS::IAM::Role').map((p) => [p.Path, p.PermissionsBoundary])).toEqual(Array(3).fill(['/platform/', boundary]));
    expect(of('AWS::Logs::LogGroup').map((p) => p.KmsKeyId)).toEqual([key('logs'), key('logs')]);
    expect(of('AWS::ECR::Repository')[0].EncryptionConfiguration).toEqual({ EncryptionType: 'KMS', KmsKey: key('ecr') });
    expect(of('AWS::S3::Bucket')[0].BucketEncryption.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault).toEqual({ SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key('s3') });
    const statements = of('AWS::IAM::Role').flatMap((p) => p.Policies.flatMap((policy: any) => policy.PolicyDocument.Statement));
    expect(statements).toContainEqual({ Effect: 'Allow', Action: 'kms:Decrypt', Resource: key('s3') });
  });

  it('of CLIENT_CIDRS takes the place of the VPC', () => {
    const { template } = synth({ ...CASES.nlb, CLIENT_CIDRS: ['10.0.0.0/8', '192.168.0.0/16'] });
    const from = Object.values(template.findResources('AWS::EC2::SecurityGroupIngress')).map((resource: any) => resource.Properties.CidrIp).filter((cidr) => cidr !== undefined);
    expect(from).toEqual(['10.0.0.0/8', '192.168.0.0/16']);
  });
});
