import { Aws, Fn, Stack } from 'aws-cdk-lib';
import * as appconfig from 'aws-cdk-lib/aws-appconfig';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { Faults } from './faults';
import { acknowledge } from './findings';
import { repositoryArn } from './image';
import type { Mapping } from './mapping';
import type { Settled } from './props';
import { roleRules } from './roles';
import type { Variables } from './variables';

/** The container of the AppConfig agent, and the port it answers on, inside of the task. */
const AGENT = 'appconfig-agent';
const PORT = 2772;
const PROFILE = 'mapping';
/** The most bytes of an object that AppConfig reads, and the most characters of a validator. */
const MOST_BYTES = 1048576;
const MOST_SCHEMA = 32768;

/** Whether the mapping goes through AppConfig. */
export function isAppConfig({ MAPPING_SOURCE }: Variables): boolean {
  return MAPPING_SOURCE === 'appconfig';
}

/** Adds to `faults` what is wrong with the variables of AppConfig. */
export function checkAppConfig(vars: Variables, region: string, faults: Faults): void {
  if (!['s3', 'appconfig'].includes(vars.MAPPING_SOURCE)) {
    faults.add(`MAPPING_SOURCE is \`${String(vars.MAPPING_SOURCE)}\``, 'it is s3 or appconfig');
  }
  checkRollout(vars, faults);
  const { APPCONFIG_AGENT_IMAGE: image, MAPPING_SCHEMA_PATH: schema, EXTRA_SETTINGS } = vars;
  if (image !== null && (!/^[a-z0-9][a-zA-Z0-9./_:-]*(:[a-zA-Z0-9_][a-zA-Z0-9._-]*|@sha256:[0-9a-f]{64})$/.test(image) || image.endsWith(':latest'))) {
    faults.add(`APPCONFIG_AGENT_IMAGE \`${image}\` names no version`, 'end it with a tag other than latest, or with a digest');
  }
  if (vars.MAPPING_PREFIX !== null && !/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(vars.MAPPING_PREFIX)) {
    faults.add(`MAPPING_PREFIX is \`${vars.MAPPING_PREFIX}\``, 'name the folder of the parts in the bucket without slashes at its ends, for example mapping');
  }
  if (vars.MAPPING_PREFIX !== null && isAppConfig(vars)) {
    faults.add('MAPPING_PREFIX is set, and MAPPING_SOURCE is appconfig, which brings one document', 'leave one of the two out');
  }
  if (!isAppConfig(vars)) {
    if (schema !== null) {
      faults.add('MAPPING_SCHEMA_PATH goes with MAPPING_SOURCE appconfig', 'leave it out');
    }
    return;
  }
  if (image === null) {
    faults.add('MAPPING_SOURCE is appconfig, and APPCONFIG_AGENT_IMAGE is missing', `copy public.ecr.aws/aws-appconfig/aws-appconfig-agent:2.x into an ECR repository of ${region}, and name it`);
  } else if (vars.EXTERNAL_FARGATE_SG_ID === null && !new RegExp(`^\\d{12}\\.dkr\\.ecr(-fips)?\\.${region}\\.amazonaws\\.com(\\.cn)?/`).test(image)) {
    faults.add(`APPCONFIG_AGENT_IMAGE \`${image}\` is in no ECR registry of ${region}, and tasks reach no other`, 'copy it there; or give EXTERNAL_FARGATE_SG_ID, a group that lets tasks reach it');
  }
  if (vars.S3_KMS_KEY_ARN !== null) {
    faults.add('MAPPING_SOURCE is appconfig, and S3_KMS_KEY_ARN is set', 'leave one of the two out: AppConfig reads objects that S3 encrypts with its own key only');
  }
  const ours = Object.keys(EXTRA_SETTINGS).filter((key) => ['mapping', 'emf'].includes(key));
  if (ours.length > 0) {
    faults.add(`MAPPING_SOURCE is appconfig, and EXTRA_SETTINGS has ${ours.join(' and ')}`, 'leave it out: tasks read the mapping from the agent, and the alarms that roll it back look at the metrics that emf is set for here');
  }
  if (existsSync(vars.PROXY_CONFIG_PATH) && statSync(vars.PROXY_CONFIG_PATH).size > MOST_BYTES) {
    faults.add(`${vars.PROXY_CONFIG_PATH} is over 1 MB, and AppConfig takes no larger object`, 'set MAPPING_SOURCE to s3, or split the mapping between two stacks');
  }
  if (schema !== null && (schemaOf(schema)?.length ?? MOST_SCHEMA + 1) > MOST_SCHEMA) {
    faults.add(`MAPPING_SCHEMA_PATH is \`${schema}\`, which is no JSON object, or has over 32,768 characters, the most that AppConfig takes`, 'write it with: nameplate schema mapping');
  }
}

function checkRollout(vars: Variables, faults: Faults): void {
  const whole = (name: keyof Variables, value: number, least: number, most: number) => {
    if (!Number.isInteger(value) || value < least || value > most) {
      faults.add(`${name} is ${value}`, `give a whole number from ${least} to ${most}`);
    }
  };
  whole('APPCONFIG_POLL_SECONDS', vars.APPCONFIG_POLL_SECONDS, 5, 300);
  whole('ROLLOUT_MINUTES', vars.ROLLOUT_MINUTES, 0, 1440);
  whole('ROLLOUT_BAKE_MINUTES', vars.ROLLOUT_BAKE_MINUTES, 0, 1440);
  if (vars.ROLLOUT_GROWTH_PCT < 1 || vars.ROLLOUT_GROWTH_PCT > 100) {
    faults.add(`ROLLOUT_GROWTH_PCT is ${vars.ROLLOUT_GROWTH_PCT}`, 'give a percentage from 1 to 100');
  }
  if (vars.ROLLOUT_ALARM_PCT <= 0 || vars.ROLLOUT_ALARM_PCT > 100) {
    faults.add(`ROLLOUT_ALARM_PCT is ${vars.ROLLOUT_ALARM_PCT}`, 'give a percentage above 0 and up to 100');
  }
}

/**
 * The schema in draft 4, the only draft that AppConfig takes. Its keywords mean the same in both drafts, so only the names
 * of the draft and of the schema change. `undefined` if the file holds no JSON object.
 */
export function schemaOf(path: string): string | undefined {
  try {
    const schema: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
      return undefined;
    }
    const { $id: _, ...rest } = schema as Record<string, unknown>;
    return JSON.stringify({ ...rest, $schema: 'http://json-schema.org/draft-04/schema#' });
  } catch {
    return undefined;
  }
}

/** Whether the file is JSON; `undefined`: there is no such file. */
export function isJson(path: string): boolean | undefined {
  if (!existsSync(path)) {
    return undefined;
  }
  try {
    JSON.parse(readFileSync(path, 'utf8'));
    return true;
  } catch {
    return false;
  }
}

/** Where tasks read the mapping: the agent's address of it. */
export function agentUrl({ vars, prefix }: Settled): string {
  return `http://localhost:${PORT}/applications/${prefix}/environments/${vars.APP_ENVIRONMENT}/configurations/${PROFILE}`;
}

/** The agent beside Nameplate. Without it the task ends; nobody but the task reaches it. */
export function agentOf({ vars }: Settled, main: ecs.CfnTaskDefinition.ContainerDefinitionProperty, region: string): ecs.CfnTaskDefinition.ContainerDefinitionProperty[] {
  if (!isAppConfig(vars)) {
    return [main];
  }
  const log = main.logConfiguration as ecs.CfnTaskDefinition.LogConfigurationProperty;
  return [
    { ...main, dependsOn: [{ containerName: AGENT, condition: 'START' }] },
    {
      name: AGENT,
      image: vars.APPCONFIG_AGENT_IMAGE!,
      essential: true,
      readonlyRootFilesystem: true,
      linuxParameters: { capabilities: { drop: ['ALL'] }, initProcessEnabled: false },
      environment: [
        { name: 'HTTP_PORT', value: String(PORT) },
        { name: 'POLL_INTERVAL', value: `${vars.APPCONFIG_POLL_SECONDS}s` },
        { name: 'SERVICE_REGION', value: region },
      ],
      logConfiguration: { logDriver: 'awslogs', options: { ...(log.options as Record<string, string>), 'awslogs-stream-prefix': AGENT } },
    },
  ];
}

/** The ECR repository that the agent's image is pulled from. */
export function agentRepository(vars: Variables): string | undefined {
  return isAppConfig(vars) ? repositoryArn(vars.APPCONFIG_AGENT_IMAGE!) : undefined;
}

/**
 * The mapping through AWS AppConfig: it reads the object in S3, and gives it to the agent beside each task in steps. Alarms
 * roll it back. The stack starts no deployment, because whoever uploads the object does: a new mapping changes no stack.
 */
export class AppConfig extends Construct {
  readonly applicationId: string;
  readonly environmentId: string;
  readonly profileId: string;
  readonly strategyId: string;
  readonly atOnceStrategyId: string;
  /** What the agent asks for, and nothing else. */
  readonly statement: { Effect: string; Action: string[]; Resource: string };

  constructor(scope: Construct, id: string, settled: Settled, mapping: Mapping) {
    super(scope, id);
    const { vars, prefix } = settled;
    const role = this.role(settled, mapping);
    const application = new appconfig.CfnApplication(this, 'Application', { name: prefix, description: 'Nameplate' });
    const alarms = rolloutAlarms(this, settled);
    const environment = new appconfig.CfnEnvironment(this, 'Environment', {
      applicationId: application.ref,
      name: vars.APP_ENVIRONMENT,
      description: `The tasks of ${prefix}`,
      monitors: alarms.map((alarm) => ({ alarmArn: alarm.attrArn, alarmRoleArn: role.attrArn })),
    });
    const profile = new appconfig.CfnConfigurationProfile(this, 'Profile', {
      applicationId: application.ref,
      name: PROFILE,
      description: 'Which custom domain stands for which private API',
      locationUri: mapping.uri,
      retrievalRoleArn: role.attrArn,
      type: 'AWS.Freeform',
      ...(vars.MAPPING_SCHEMA_PATH === null ? {} : { validators: [{ type: 'JSON_SCHEMA', content: schemaOf(vars.MAPPING_SCHEMA_PATH)! }] }),
    });
    const strategy = (name: string, suffix: string, description: string, [minutes, growth, bake]: [number, number, number]) =>
      new appconfig.CfnDeploymentStrategy(this, name, {
        name: `${prefix}${suffix}`,
        description,
        deploymentDurationInMinutes: minutes,
        growthFactor: growth,
        growthType: 'LINEAR',
        finalBakeTimeInMinutes: bake,
        replicateTo: 'NONE',
      }).ref;
    const [minutes, growth, bake] = [vars.ROLLOUT_MINUTES, vars.ROLLOUT_GROWTH_PCT, vars.ROLLOUT_BAKE_MINUTES];
    this.strategyId = strategy('Rollout', '', `In steps of ${growth} % within ${minutes} min, then ${bake} min under watch`, [minutes, growth, bake]);
    this.atOnceStrategyId = strategy('AtOnce', '-at-once', 'To all tasks at once: the first mapping, and a way back in a hurry', [0, 100, 0]);
    this.applicationId = application.ref;
    // The reference to an environment or a profile is its id in some versions of CloudFormation's schema, and
    // `application|id` in others; the attribute is the id.
    this.environmentId = environment.attrEnvironmentId;
    this.profileId = profile.attrConfigurationProfileId;
    const configuration = ['application', this.applicationId, 'environment', this.environmentId, 'configuration', this.profileId];
    this.statement = {
      Effect: 'Allow',
      Action: ['appconfig:StartConfigurationSession', 'appconfig:GetLatestConfiguration'],
      Resource: Fn.join('', [`arn:${Aws.PARTITION}:appconfig:${Stack.of(this).region}:${Aws.ACCOUNT_ID}:`, Fn.join('/', configuration)]),
    };
  }

  private role({ vars }: Settled, mapping: Mapping): iam.CfnRole {
    const allow = (Action: string | string[], Resource: string) => ({ Effect: 'Allow', Action, Resource });
    const alarms = `arn:${Aws.PARTITION}:cloudwatch:${Aws.REGION}:${Aws.ACCOUNT_ID}:alarm:*`;
    const statements = [
      allow(['s3:GetObject', 's3:GetObjectVersion'], mapping.objectArn),
      allow(['s3:GetBucketLocation', 's3:GetBucketVersioning', 's3:ListBucket', 's3:ListBucketVersions'], mapping.bucketArn),
      allow('s3:ListAllMyBuckets', '*'),
      allow('cloudwatch:DescribeAlarms', alarms),
    ];
    const role = new iam.CfnRole(this, 'Role', {
      description: 'AppConfig reads the mapping of Nameplate, and the alarms',
      assumeRolePolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { Service: 'appconfig.amazonaws.com' }, Action: 'sts:AssumeRole' }] },
      policies: [{ policyName: 'read-mapping-and-alarms', policyDocument: { Version: '2012-10-17', Statement: statements } }],
      ...roleRules(vars),
    });
    acknowledge(role, {
      'AwsSolutions::AwsSolutions-IAM5[Resource::*]': 's3:ListAllMyBuckets has no resources; AppConfig asks for it (AppConfig user guide, About configurations stored in Amazon S3)',
      'AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:*]': 'cloudwatch:DescribeAlarms is allowed for all alarms or for none',
    });
    return role;
  }
}

/**
 * What rolls a mapping back. Each task writes its own rates once a minute, without a dimension that names it: so their
 * averages are over the tasks. A second time it writes them with MappingVersion `new`, from when it took another mapping
 * until a rollout is over, and with `old` after that. While nobody has a new mapping, or everybody, one side has no data and
 * the alarm is silent.
 */
function rolloutAlarms(scope: Construct, { vars, prefix }: Settled): cloudwatch.CfnAlarm[] {
  const actions = vars.ALARM_TOPIC_ARN === null ? {} : { alarmActions: [vars.ALARM_TOPIC_ARN], okActions: [vars.ALARM_TOPIC_ARN] };
  const query = (id: string, metricName: string, age?: string) => {
    const dimensions = [{ name: 'Service', value: prefix }, ...(age === undefined ? [] : [{ name: 'MappingVersion', value: age }])];
    return { id, metricStat: { metric: { namespace: 'Nameplate', metricName, dimensions }, period: 60, stat: 'Average' }, returnData: false };
  };
  const alarm = (name: string, alarmDescription: string, expression: string, queries: ReturnType<typeof query>[]) =>
    new cloudwatch.CfnAlarm(scope, name, {
      alarmName: `${prefix}-${name}`,
      alarmDescription,
      comparisonOperator: 'GreaterThanThreshold',
      threshold: vars.ROLLOUT_ALARM_PCT,
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
      // AppConfig rolls back on INSUFFICIENT_DATA, too.
      treatMissingData: 'notBreaching',
      metrics: [{ id: 'share', expression, label: 'percent of the requests', returnData: true }, ...queries],
      ...actions,
    });
  const REQUESTS = 'RequestsPerSecond';
  return Object.entries({ refusals: 'RefusalsPerSecond', errors: 'ServerErrorsPerSecond' }).flatMap(([name, metric]) => [
    alarm(`mapping-${name}`, `Over ${vars.ROLLOUT_ALARM_PCT} % of the requests count as ${name}. A mapping that is being rolled out is rolled back.`,
      'IF(requests > 0.1, 100 * value / requests, 0)', [query('requests', REQUESTS), query('value', metric)]),
    alarm(`mapping-${name}-new`, `Tasks with a new mapping have over ${vars.ROLLOUT_ALARM_PCT} % of their requests more as ${name} than tasks with an old one. A mapping that is being rolled out is rolled back.`,
      'IF((new_requests > 0.1) AND (old_requests > 0.1), 100 * (new_value / new_requests - old_value / old_requests), 0)',
      ['new', 'old'].flatMap((age) => [query(`${age}_requests`, REQUESTS, age), query(`${age}_value`, metric, age)])),
  ]);
}
