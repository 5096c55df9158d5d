import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NameplateProps } from '../lib/index';
import { CASES, one, resources, settings, synth, textOf } from './cases';

const AGENT = '111122223333.dkr.ecr.eu-west-1.amazonaws.com/aws-appconfig-agent:2.x';
const PROPS: NameplateProps = { ...CASES.nlb, MAPPING_SOURCE: 'appconfig', APPCONFIG_AGENT_IMAGE: AGENT };
const { template } = synth(PROPS);

const endpoint = (service: string) =>
  Object.values(resources(template, 'AWS::EC2::VPCEndpoint')).map(({ Properties: p }) => p).find((p) => p['ServiceName'].endsWith(`.${service}`))!;
const statements = (role: string) => {
  const [, found] = Object.entries(resources(template, 'AWS::IAM::Role')).find(([id]) => id.includes(role))!;
  return found.Properties['Policies'][0].PolicyDocument.Statement;
};
const READ = ['appconfig:StartConfigurationSession', 'appconfig:GetLatestConfiguration'];

describe('the agent', () => {
  const [nameplate, agent] = one(template, 'AWS::ECS::TaskDefinition')['ContainerDefinitions'];

  it('starts first, and ends the task with itself', () => {
    expect(nameplate.DependsOn).toEqual([{ ContainerName: 'appconfig-agent', Condition: 'START' }]);
    expect(agent).toMatchObject({ Name: 'appconfig-agent', Image: AGENT, Essential: true, ReadonlyRootFilesystem: true });
    expect(agent).not.toHaveProperty('PortMappings');
    expect(agent.Environment).toContainEqual({ Name: 'POLL_INTERVAL', Value: '15s' });
  });

  it('is where Nameplate reads the mapping', () => {
    expect(settings(template)['mapping']).toBe('http://localhost:2772/applications/reverse-proxy-dev/environments/dev/configurations/mapping');
    expect(settings(template)['emf']).toEqual({ interval: '60s', dimensions: { Service: 'reverse-proxy-dev' }, new_mapping: '26m' });
  });

  it('may read the one configuration and no object, through an endpoint of its own', () => {
    expect(statements('TaskRole')).toHaveLength(1);
    expect(statements('TaskRole')[0].Action).toEqual(READ);
    expect(textOf(statements('TaskRole')[0].Resource)).toMatch(/:application\/.*\/environment\/.*\/configuration\//);
    expect(endpoint('appconfigdata')['PolicyDocument'].Statement[0].Action).toEqual(READ);
    expect(endpoint('s3')['PolicyDocument'].Statement).toHaveLength(1);
  });
});

describe('a rollout', () => {
  it('takes its steps from the variables', () => {
    const made = synth({ ...PROPS, ROLLOUT_MINUTES: 20, ROLLOUT_GROWTH_PCT: 10, ROLLOUT_BAKE_MINUTES: 5 }).template;
    made.hasResourceProperties('AWS::AppConfig::DeploymentStrategy', { Name: 'reverse-proxy-dev', DeploymentDurationInMinutes: 20, GrowthFactor: 10, GrowthType: 'LINEAR', FinalBakeTimeInMinutes: 5 });
    made.hasResourceProperties('AWS::AppConfig::DeploymentStrategy', { Name: 'reverse-proxy-dev-at-once', DeploymentDurationInMinutes: 0, GrowthFactor: 100, FinalBakeTimeInMinutes: 0 });
    made.resourceCountIs('AWS::AppConfig::Deployment', 0);
  });

  it('is rolled back by four alarms, none of which is ever without data', () => {
    expect(one(template, 'AWS::AppConfig::Environment')['Monitors']).toHaveLength(4);
    const alarms = Object.values(resources(template, 'AWS::CloudWatch::Alarm')).map(({ Properties: p }) => p).filter((p) => p['Metrics'] !== undefined);
    expect(alarms.map((p) => p['AlarmName'])).toEqual(['refusals', 'refusals-new', 'errors', 'errors-new'].map((name) => `reverse-proxy-dev-mapping-${name}`));
    for (const alarm of alarms) {
      expect(alarm).toMatchObject({ TreatMissingData: 'notBreaching', Threshold: 10 });
    }
    const told = (alarm: any) => alarm['Metrics'].slice(1).map(({ Id, MetricStat: { Metric, Stat } }: any) =>
      [Id, Metric.MetricName, Stat, ...Metric.Dimensions.map((d: any) => `${d.Name}=${d.Value}`)].join(' '));
    const service = 'Service=reverse-proxy-dev';
    expect(told(alarms[2])).toEqual([`requests RequestsPerSecond Average ${service}`, `value ServerErrorsPerSecond Average ${service}`]);
    expect(told(alarms[3])).toEqual(['new', 'old'].flatMap((age) => [
      `${age}_requests RequestsPerSecond Average ${service} MappingVersion=${age}`,
      `${age}_value ServerErrorsPerSecond Average ${service} MappingVersion=${age}`,
    ]));
    const ids = new Set(alarms[3]!['Metrics'].slice(1).map((m: any) => m.Id));
    expect(new Set(alarms[3]!['Metrics'][0].Expression.match(/[a-z]+_[a-z]+/g))).toEqual(ids);
  });

  it('is of the object, which AppConfig may read', () => {
    const profile = one(template, 'AWS::AppConfig::ConfigurationProfile');
    expect(textOf(profile['LocationUri'])).toMatch(/^s3:.*\/mapping\.yaml$/);
    expect(profile).not.toHaveProperty('Validators');
    expect(statements('AppConfigRole').flatMap((s: any) => s.Action)).toEqual([
      's3:GetObject', 's3:GetObjectVersion', 's3:GetBucketLocation', 's3:GetBucketVersioning', 's3:ListBucket', 's3:ListBucketVersions', 's3:ListAllMyBuckets', 'cloudwatch:DescribeAlarms',
    ]);
  });

  it('is held against our schema, as one of draft 4', () => {
    const made = synth({ ...PROPS, MAPPING_SCHEMA_PATH: join(__dirname, '../../../docs/mapping.schema.json') }).template;
    const [validator] = one(made, 'AWS::AppConfig::ConfigurationProfile')['Validators'];
    const schema = JSON.parse(validator.Content);
    expect(validator.Type).toBe('JSON_SCHEMA');
    expect(schema.$schema).toBe('http://json-schema.org/draft-04/schema#');
    expect(schema).not.toHaveProperty('$id');
    // Keywords that came after draft 4, or mean something else in it, would say less there than we think.
    const later = ['$defs', 'const', 'contains', 'dependentRequired', 'dependentSchemas', 'else', 'if', 'prefixItems', 'propertyNames', 'then', 'unevaluatedProperties', 'exclusiveMinimum', 'exclusiveMaximum'];
    const keys = new Set<string>();
    JSON.stringify(schema, (key, value) => (keys.add(key), value));
    expect(later.filter((key) => keys.has(key))).toEqual([]);
  });

  it('has its ids as outputs', () => {
    const outputs = Object.keys(template.toJSON().Outputs);
    expect(outputs).toEqual(expect.arrayContaining(['AppconfigApplicationId', 'AppconfigEnvironmentId', 'AppconfigProfileId', 'AppconfigStrategyId', 'AppconfigAtOnceStrategyId']));
  });
});

it('nothing of AppConfig is made by default', () => {
  const types = Object.values(synth(CASES.nlb).template.toJSON().Resources).map((resource: any) => resource.Type);
  expect(types.filter((type) => type.startsWith('AWS::AppConfig'))).toEqual([]);
});
