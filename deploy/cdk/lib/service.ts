import { Aws, CfnDeletionPolicy, Stack } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { agentOf, agentRepository, agentUrl, type AppConfig } from './appconfig';
import { capacity, clusterProviders, deploymentAlarms } from './deployments';
import { EXEC_ACTIONS, type Endpoints } from './endpoints';
import { acknowledge } from './findings';
import type { Image } from './image';
import type { LoadBalancer } from './load-balancer';
import { logGroupArn, logGroupName } from './logs';
import type { Mapping } from './mapping';
import type { Network } from './network';
import type { Settled } from './props';
import type { SecurityGroups } from './security-groups';
import { ADMIN_PORT, CACHE, listenerPort, settingsOf } from './settings';
import { keyOf, roleRules } from './roles';
import type { Variables } from './variables';

/** The user of the image. */
const USER = '65532:65532';
const CONTAINER = 'nameplate';

/** The parts that the service is made of. */
export interface Parts {
  readonly network: Network;
  readonly groups: SecurityGroups;
  readonly endpoints: Endpoints;
  readonly mapping: Mapping;
  /** `undefined` where tasks read the mapping from S3. */
  readonly appConfig: AppConfig | undefined;
  readonly image: Image;
  readonly balancer: LoadBalancer;
}

/** The cluster, the task definition with its roles, and the service. */
export class Service extends Construct {
  readonly clusterName: string;
  readonly serviceName: string;
  /** `undefined` where SERVICE is false. */
  readonly service: ecs.CfnService | undefined;

  constructor(scope: Construct, id: string, settled: Settled, parts: Parts) {
    super(scope, id);
    const { vars, prefix } = settled;
    const group = new logs.CfnLogGroup(this, 'LogGroup', {
      logGroupName: logGroupName(prefix),
      retentionInDays: vars.LOG_RETENTION_DAYS,
      ...keyOf('kmsKeyId', vars.LOGS_KMS_KEY_ARN),
    });
    group.cfnOptions.deletionPolicy = CfnDeletionPolicy.DELETE;
    group.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.DELETE;

    this.clusterName = vars.EXISTING_CLUSTER ?? this.cluster(vars, prefix);
    this.serviceName = prefix;

    const task = new ecs.CfnTaskDefinition(this, 'Task', {
      family: prefix,
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: String(vars.TASK_CPU),
      memory: String(vars.TASK_MEMORY),
      runtimePlatform: { cpuArchitecture: vars.TASK_PLATFORM, operatingSystemFamily: 'LINUX' },
      executionRoleArn: vars.EXECUTION_ROLE_ARN ?? this.executionRole(settled, parts.image).attrArn,
      taskRoleArn: vars.TASK_ROLE_ARN ?? this.taskRole(settled, parts).attrArn,
      volumes: [{ name: 'cache' }],
      containerDefinitions: agentOf(settled, this.container(settled, parts), Stack.of(this).region),
    });
    acknowledge(task, { 'AwsSolutions::AwsSolutions-ECS2': 'NAMEPLATE_SETTINGS has the settings, in which there are no secrets' });
    if (vars.SERVICE) {
      this.service = this.make(settled, parts, task.ref);
      // The container has the log group's name only. Deleted before the service, tasks that stop would write into nothing.
      this.service.addDependency(group);
    }
  }

  private cluster(vars: Variables, clusterName: string): string {
    const clusterSettings = [{ name: 'containerInsights', value: vars.CONTAINER_INSIGHTS }];
    const cluster = new ecs.CfnCluster(this, 'Cluster', { clusterName, clusterSettings, ...clusterProviders(vars) });
    if (vars.CONTAINER_INSIGHTS !== 'enabled') {
      acknowledge(cluster, { 'AwsSolutions::AwsSolutions-ECS4': `CONTAINER_INSIGHTS is ${vars.CONTAINER_INSIGHTS}, as whoever deploys wants it` });
    }
    return cluster.ref;
  }

  private make({ vars }: Settled, parts: Parts, taskDefinition: string): ecs.CfnService {
    const service = new ecs.CfnService(this, 'Service', {
      cluster: this.clusterName,
      serviceName: this.serviceName,
      ...capacity(vars),
      platformVersion: 'LATEST',
      taskDefinition,
      // No desired count: CloudFormation would set it back at every update, whatever the load asks for. Without one it
      // begins with 1, the scalable target lifts it to TASK_SCALE_MIN, and updates keep what there is.
      deploymentConfiguration: {
        minimumHealthyPercent: 100,
        maximumPercent: 200,
        deploymentCircuitBreaker: { enable: true, rollback: true },
        ...deploymentAlarms(vars),
      },
      availabilityZoneRebalancing: 'ENABLED',
      healthCheckGracePeriodSeconds: 30,
      enableExecuteCommand: vars.ECS_EXEC,
      enableEcsManagedTags: true,
      propagateTags: 'SERVICE',
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: parts.network.subnetIds,
          securityGroups: [parts.groups.task],
          assignPublicIp: 'DISABLED',
        },
      },
      loadBalancers: [{ containerName: CONTAINER, containerPort: listenerPort(vars), targetGroupArn: parts.balancer.targetGroupArn }],
      ...(vars.HIGH_RESOLUTION_SCALING
        ? { monitoring: { metricConfigurations: [{ metricNames: ['CPUUtilization'], resolutionSeconds: 20 }] } }
        : {}),
    });
    // A task that starts before its ways to the image, the mapping and the logs exist would fail.
    service.node.addDependency(parts.network.routes, parts.groups.rules, parts.endpoints, parts.mapping, parts.balancer.ways);
    return service;
  }

  private container(settled: Settled, parts: Parts): ecs.CfnTaskDefinition.ContainerDefinitionProperty {
    const { vars, prefix } = settled;
    const settings = settingsOf(settled, {
      mappingUri: parts.appConfig === undefined ? parts.mapping.uri : agentUrl(settled),
      endpointDnsName: parts.endpoints.executeApiDnsName,
      loadBalancerCidrs: parts.network.loadBalancerCidrs,
    });
    return {
      name: CONTAINER,
      image: parts.image.uri,
      essential: true,
      command: ['serve'],
      user: USER,
      // ECS Exec's agent writes into the root file system.
      readonlyRootFilesystem: !vars.ECS_EXEC,
      linuxParameters: { capabilities: { drop: ['ALL'] }, initProcessEnabled: false },
      stopTimeout: vars.STOP_TIMEOUT,
      portMappings: [listenerPort(vars), ADMIN_PORT].map((port) => ({ containerPort: port, protocol: 'tcp' })),
      ulimits: [{ name: 'nofile', softLimit: 65535, hardLimit: 65535 }],
      healthCheck: { command: ['CMD', '/nameplate', 'healthcheck'], interval: 10, timeout: 5, retries: 3, startPeriod: 10 },
      mountPoints: [{ sourceVolume: 'cache', containerPath: CACHE, readOnly: false }],
      environment: [{ name: 'NAMEPLATE_SETTINGS', value: Stack.of(this).toJsonString(settings) }],
      logConfiguration: {
        logDriver: 'awslogs',
        options: {
          'awslogs-group': logGroupName(prefix),
          'awslogs-region': Stack.of(this).region,
          'awslogs-stream-prefix': CONTAINER,
          mode: 'non-blocking',
          'max-buffer-size': '25m',
        },
      },
    };
  }

  private executionRole({ vars, prefix }: Settled, image: Image): iam.CfnRole {
    const pulled = [image.pulledArn, agentRepository(vars)].filter((arn) => arn !== undefined);
    const pull =
      pulled.length === 0
        ? []
        : [
            { Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' },
            {
              Effect: 'Allow',
              Action: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
              Resource: pulled.length === 1 ? pulled[0] : pulled,
            },
          ];
    const role = this.role(vars, 'ExecutionRole', 'Starts the tasks of Nameplate: pulls the image, writes the logs', 'execution', [
      ...pull,
      { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: logGroupArn(prefix) },
    ]);
    acknowledge(role, {
      'AwsSolutions::AwsSolutions-IAM5[Resource::*]': 'ecr:GetAuthorizationToken has no resources (Service Authorization Reference, Amazon ECR)',
      [`AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:${logGroupName(prefix)}:*]`]:
        'The streams of this one log group, whose names have the tasks in them',
    });
    return role;
  }

  private taskRole({ vars }: Settled, { mapping, appConfig }: Parts): iam.CfnRole {
    const role = this.role(vars, 'TaskRole', 'What a running task of Nameplate may do: read the mapping', 'task', [
      appConfig?.statement ?? { Effect: 'Allow', Action: 's3:GetObject', Resource: mapping.objectArn },
      ...(mapping.listCondition === undefined ? [] : [{ Effect: 'Allow', Action: 's3:ListBucket', Resource: mapping.bucketArn, Condition: mapping.listCondition }]),
      ...(vars.ECS_EXEC ? [{ Effect: 'Allow', Action: EXEC_ACTIONS, Resource: '*' }] : []),
      ...(vars.S3_KMS_KEY_ARN === null ? [] : [{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: vars.S3_KMS_KEY_ARN }]),
    ]);
    if (vars.ECS_EXEC) {
      acknowledge(role, {
        'AwsSolutions::AwsSolutions-IAM5[Resource::*]': "ECS Exec's actions of ssmmessages have no resources (Service Authorization Reference, Amazon Message Gateway Service)",
      });
    }
    return role;
  }

  private role(vars: Variables, id: string, description: string, policyName: string, statements: object[]): iam.CfnRole {
    return new iam.CfnRole(this, id, {
      description,
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'ecs-tasks.amazonaws.com' },
            Action: 'sts:AssumeRole',
            Condition: {
              StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
              ArnLike: { 'aws:SourceArn': `arn:${Aws.PARTITION}:ecs:${Aws.REGION}:${Aws.ACCOUNT_ID}:*` },
            },
          },
        ],
      },
      ...roleRules(vars),
      policies: [{ policyName, policyDocument: { Version: '2012-10-17', Statement: statements } }],
    });
  }
}
