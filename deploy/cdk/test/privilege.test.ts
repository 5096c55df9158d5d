import { describe, expect, it } from 'vitest';
import type { Template } from 'aws-cdk-lib/assertions';
import type { NameplateProps } from '../lib/index';
import { CASES, resources, settings, synth, textOf } from './cases';

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: any;
  Principal?: any;
  Condition?: any;
}

const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** What a role may do: `action on resource`, with generated parts of ids cut off. */
function may(template: Template, role: string): string[] {
  const [found] = Object.entries(resources(template, 'AWS::IAM::Role')).filter(([id]) => id.includes(role));
  return found![1].Properties['Policies'].flatMap((policy: any) => policy.PolicyDocument.Statement.flatMap(grants));
}

function grants({ Effect, Action, Resource }: Statement): string[] {
  expect(Effect).toBe('Allow');
  return list(Action).flatMap((action) => list(Resource).map((resource) => `${action} on ${short(resource)}`));
}

function short(resource: any): string {
  return textOf(resource).replace(/[0-9A-F]{8}(?=\.|\})/g, '').replaceAll('${AWS::', '${');
}

function endpointPolicy(template: Template, service: string): Statement[] {
  const all = Object.values(resources(template, 'AWS::EC2::VPCEndpoint')).map(({ Properties: p }) => p);
  return all.find((p) => p['ServiceName'].endsWith(`.${service}`))!['PolicyDocument'].Statement;
}

const LOG_STREAMS = 'arn:${Partition}:logs:${Region}:${AccountId}:log-group:/nameplate/reverse-proxy-dev:*';
const nlb = synth(CASES.nlb).template;
const existing = synth(CASES.existing).template;
/** A group that was given lets tasks reach any registry. */
const withImage = (IMAGE: string, props: NameplateProps = CASES.nlb) =>
  synth({ ...props, IMAGE, EXTERNAL_FARGATE_SG_ID: 'sg-0123456789abcdef0' }).template;

describe('roles', () => {
  it('let a task read the one object', () => {
    expect(may(nlb, 'TaskRole')).toEqual(['s3:GetObject on ${NameplateMappingBucket.Arn}/mapping.yaml']);
  });

  it('let a task list and read the parts below MAPPING_PREFIX, and nothing else of the bucket', () => {
    const inParts = synth({ ...CASES.nlb, MAPPING_PREFIX: 'maps/live', PROXY_CONFIG_PATH: 'no-such-file.yaml' }).template;
    expect(may(inParts, 'TaskRole')).toEqual(['s3:GetObject on ${NameplateMappingBucket.Arn}/maps/live/*', 's3:ListBucket on ${NameplateMappingBucket.Arn}']);
    const [role] = Object.entries(resources(inParts, 'AWS::IAM::Role')).filter(([id]) => id.includes('TaskRole'));
    const below = { StringLike: { 's3:prefix': 'maps/live/*' } };
    expect(role![1].Properties['Policies'][0].PolicyDocument.Statement[1].Condition).toEqual(below);
    const listing = endpointPolicy(inParts, 's3').filter(({ Action }) => Action === 's3:ListBucket');
    expect(listing).toHaveLength(1);
    expect(listing[0]!.Condition).toMatchObject(below);
    expect(Object.keys(listing[0]!.Condition)).toHaveLength(2);
    expect(settings(inParts)['mapping']).toMatch(/^s3:\/\/\$\{NameplateMappingBucket\w*\}\/maps\/live\/$/);
  });

  it('let a task be entered only with ECS_EXEC', () => {
    const exec = ['CreateControlChannel', 'CreateDataChannel', 'OpenControlChannel', 'OpenDataChannel'].map((action) => `ssmmessages:${action} on *`);
    expect(may(existing, 'TaskRole')).toEqual(['s3:GetObject on ${NameplateMappingBucket.Arn}/mapping.yaml', ...exec]);
  });

  it('let the start of a task pull from our repository and write to our log group', () => {
    expect(may(nlb, 'ExecutionRole')).toEqual([
      'ecr:GetAuthorizationToken on *',
      'ecr:BatchCheckLayerAvailability on ${NameplateImageRepository.Arn}',
      'ecr:BatchGetImage on ${NameplateImageRepository.Arn}',
      'ecr:GetDownloadUrlForLayer on ${NameplateImageRepository.Arn}',
      `logs:CreateLogStream on ${LOG_STREAMS}`,
      `logs:PutLogEvents on ${LOG_STREAMS}`,
    ]);
  });

  it('let it pull from the repository of IMAGE instead', () => {
    const template = withImage('444455556666.dkr.ecr.eu-central-1.amazonaws.com/team/nameplate@sha256:' + '0'.repeat(64));
    const pulls = may(template, 'ExecutionRole').filter((grant) => grant.startsWith('ecr:Batch'));
    expect(pulls).toEqual(['BatchCheckLayerAvailability', 'BatchGetImage'].map((action) => `ecr:${action} on arn:\${Partition}:ecr:eu-central-1:444455556666:repository/team/nameplate`));
  });

  it('let it pull nothing where IMAGE is in no ECR', () => {
    expect(may(withImage('registry.example.com/nameplate:0.1.0'), 'ExecutionRole')).toEqual([`logs:CreateLogStream on ${LOG_STREAMS}`, `logs:PutLogEvents on ${LOG_STREAMS}`]);
  });

  it('are assumed by ECS for this account and region only', () => {
    const roles = Object.entries(resources(nlb, 'AWS::IAM::Role')).filter(([id]) => /TaskRole|ExecutionRole/.test(id));
    expect(roles).toHaveLength(2);
    for (const [, { Properties }] of roles) {
      const [statement] = Properties['AssumeRolePolicyDocument'].Statement;
      expect(statement).toMatchObject({ Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' });
      expect(textOf(statement.Condition.StringEquals['aws:SourceAccount'])).toBe('${AWS::AccountId}');
      expect(short(statement.Condition.ArnLike['aws:SourceArn'])).toBe('arn:${Partition}:ecs:${Region}:${AccountId}:*');
    }
  });

  it('let flow logs be written to their group only', () => {
    const streams = LOG_STREAMS.replace(':*', '/vpc-flow-logs:*');
    expect(may(nlb, 'FlowLogRole')).toEqual(['CreateLogStream', 'DescribeLogStreams', 'PutLogEvents'].map((action) => `logs:${action} on ${streams}`));
  });
});

describe('endpoint policies', () => {
  it('let S3 be read for the mapping and for image layers', () => {
    const statements = endpointPolicy(nlb, 's3');
    expect(statements.flatMap(grants)).toEqual([
      's3:GetObject on ${NameplateMappingBucket.Arn}/mapping.yaml',
      's3:GetObject on arn:${Partition}:s3:::prod-eu-west-1-starport-layer-bucket/*',
    ]);
  });

  it('let ECR be pulled from, and nothing pushed', () => {
    for (const service of ['ecr.api', 'ecr.dkr']) {
      const actions = endpointPolicy(nlb, service).flatMap(({ Action }) => list(Action));
      expect(actions).toEqual(['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetAuthorizationToken', 'ecr:GetDownloadUrlForLayer']);
    }
  });

  it('let logs be written to our group', () => {
    expect(endpointPolicy(nlb, 'logs').flatMap(grants)).toEqual([`logs:CreateLogStream on ${LOG_STREAMS}`, `logs:PutLogEvents on ${LOG_STREAMS}`]);
  });

  it('let APIs of this region be invoked', () => {
    expect(endpointPolicy(nlb, 'execute-api').flatMap(grants)).toEqual(['execute-api:Invoke on arn:${Partition}:execute-api:eu-west-1:*:*']);
  });

  it('let only our account in, where callers have an identity', () => {
    for (const service of ['ecr.api', 'ecr.dkr', 'logs', 'ssmmessages']) {
      for (const { Condition } of endpointPolicy(existing, service)) {
        expect(textOf(Condition.StringEquals['aws:PrincipalAccount']), service).toBe('${AWS::AccountId}');
      }
    }
  });
});
