import { Aws, Fn, Stack, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { type AppConfig, isAppConfig } from './appconfig';
import type { Mapping } from './mapping';
import type { Network } from './network';
import type { Settled } from './props';
import type { SecurityGroups } from './security-groups';
import { logGroupArn } from './logs';
import type { EndpointService, Variables } from './variables';

/** What ECS Exec's agent calls. */
export const EXEC_ACTIONS = [
  'ssmmessages:CreateControlChannel',
  'ssmmessages:CreateDataChannel',
  'ssmmessages:OpenControlChannel',
  'ssmmessages:OpenDataChannel',
];

type InterfaceService = Exclude<EndpointService, 's3'>;

/** The interface endpoints that have to be made. */
export function neededInterfaces(vars: Variables): InterfaceService[] {
  const all: InterfaceService[] = ['execute-api', 'logs', 'ecr.api', 'ecr.dkr'];
  if (vars.ECS_EXEC) {
    all.push('ssmmessages');
  }
  if (isAppConfig(vars)) {
    all.push('appconfigdata');
  }
  return all.filter((service) => vars.EXISTING_ENDPOINTS[service] === undefined);
}

/** The ways out of the VPC's isolated subnets: only those that tasks need, with policies that allow only what they do. */
export class Endpoints extends Construct {
  /** The execute-api endpoint's id, which resource policies of APIs name. */
  readonly executeApiId: string;
  /** Its regional DNS name, which Nameplate connects to. */
  readonly executeApiDnsName: string;

  constructor(scope: Construct, id: string, settled: Settled, network: Network, groups: SecurityGroups, mapping: Mapping, appConfig?: AppConfig) {
    super(scope, id);
    const { vars, prefix } = settled;
    const region = Stack.of(this).region;
    const statements = policies(prefix, region, appConfig);
    let executeApi: ec2.CfnVPCEndpoint | undefined;
    for (const service of neededInterfaces(vars)) {
      const endpoint = new ec2.CfnVPCEndpoint(this, `Interface-${service}`, {
        vpcEndpointType: 'Interface',
        vpcId: network.vpcId,
        serviceName: `com.amazonaws.${region}.${service}`,
        subnetIds: network.subnetIds,
        securityGroupIds: [groups.endpoint!],
        // With private DNS for execute-api, public APIs cannot be called from the VPC any more.
        privateDnsEnabled: service !== 'execute-api' || vars.EXECUTE_API_PRIVATE_DNS,
        policyDocument: document(statements[service]),
      });
      Tags.of(endpoint).add('Name', `${prefix}-${service}`);
      if (service === 'execute-api') {
        executeApi = endpoint;
      }
    }
    if (vars.EXISTING_ENDPOINTS.s3 === undefined) {
      const gateway = new ec2.CfnVPCEndpoint(this, 'Gateway-s3', {
        vpcEndpointType: 'Gateway',
        vpcId: network.vpcId,
        serviceName: `com.amazonaws.${region}.s3`,
        routeTableIds: network.routeTableIds,
        policyDocument: document([
          ...(appConfig === undefined ? [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: mapping.objectArn, Condition: OUR_ACCOUNT }] : []),
          ...(mapping.listCondition === undefined
            ? []
            : [{ Effect: 'Allow', Principal: '*', Action: 's3:ListBucket', Resource: mapping.bucketArn, Condition: { ...OUR_ACCOUNT, ...mapping.listCondition } }]),
          // ECR keeps the layers of images in a bucket of AWS's.
          { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:${Aws.PARTITION}:s3:::prod-${region}-starport-layer-bucket/*` },
        ]),
      });
      Tags.of(gateway).add('Name', `${prefix}-s3`);
    }

    this.executeApiId = executeApi?.attrId ?? vars.EXISTING_ENDPOINTS['execute-api']!;
    // An entry is `hosted zone id:DNS name`, and the first one's name is the regional one.
    this.executeApiDnsName = executeApi === undefined ? vars.EXISTING_ENDPOINT_DNS_NAME! : Fn.select(1, Fn.split(':', Fn.select(0, executeApi.attrDnsEntries)));
  }
}

const OUR_ACCOUNT = { StringEquals: { 'aws:PrincipalAccount': Aws.ACCOUNT_ID } };

function document(statements: object[]): object {
  return { Version: '2012-10-17', Statement: statements };
}

function policies(prefix: string, region: string, appConfig?: AppConfig): Record<InterfaceService, object[]> {
  const ours = (Action: string[], Resource: string) => [{ Effect: 'Allow', Principal: '*', Action, Resource, Condition: OUR_ACCOUNT }];
  const pull = ours(['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetAuthorizationToken', 'ecr:GetDownloadUrlForLayer'], '*');
  return {
    // Callers of private APIs need not have an AWS identity; the API's own policy decides who may call it.
    'execute-api': [{ Effect: 'Allow', Principal: '*', Action: 'execute-api:Invoke', Resource: `arn:${Aws.PARTITION}:execute-api:${region}:*:*` }],
    logs: ours(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroupArn(prefix)),
    'ecr.api': pull,
    'ecr.dkr': pull,
    ssmmessages: ours(EXEC_ACTIONS, '*'),
    appconfigdata: appConfig === undefined ? [] : ours(appConfig.statement.Action, appConfig.statement.Resource),
  };
}
