import type { Plan } from './plan';

/** Which load balancer stands in front of the tasks. */
export type ElbType = 'NLB' | 'ALB';

/** The tasks' processors. The image must be built for them. */
export type TaskPlatform = 'ARM64' | 'X86_64';

/** Who makes the private hosted zones and their records: the stack both, the stack the records alone, or somebody else. */
export type HostedZones = 'create' | 'existing' | 'none';

/** A service whose VPC endpoint an existing VPC may have already. */
export type EndpointService = 'execute-api' | 'logs' | 'ecr.api' | 'ecr.dkr' | 's3' | 'ssmmessages' | 'appconfigdata';

/** What CloudWatch Container Insights measures in the cluster. */
export type ContainerInsights = 'enabled' | 'enhanced' | 'disabled';

/** How a changed mapping reaches tasks: all of them within a poll, or in steps that alarms roll back. */
export type MappingSource = 's3' | 'appconfig';

/**
 * All variables, with a value for each. The names are upper case because they are those of the Terraform module and
 * of the AWS sample that Nameplate takes the place of: a value means the same in all three.
 */
export interface Variables {
  /** The environment, second part of the prefix of all names. Default `dev`. */
  APP_ENVIRONMENT: string;
  /** The application, first part of the prefix. `APP_NAME-APP_ENVIRONMENT` has at most 24 characters. Default `reverse-proxy`. */
  APP_NAME: string;
  /** A versioned bucket for the mapping, of this stack alone, in place of ours. Default null. */
  EXISTING_BUCKET: string | null;
  /** The name of an ECS cluster in place of ours. Default null. */
  EXISTING_CLUSTER: string | null;
  /** A role that ECS starts tasks with, in place of ours. Default null. */
  EXECUTION_ROLE_ARN: string | null;
  /** A role that tasks have, in place of ours. Default null. */
  TASK_ROLE_ARN: string | null;
  /** The permissions boundary of every role that is made. Default null. */
  PERMISSIONS_BOUNDARY_ARN: string | null;
  /** The path of every role that is made. Default `/`. */
  IAM_PATH: string;
  /** A KMS key for the log groups, which lets CloudWatch Logs use it. Default null: AWS's own. */
  LOGS_KMS_KEY_ARN: string | null;
  /** A KMS key for the repository; a change of it replaces the repository. Default null: AWS's own. */
  ECR_KMS_KEY_ARN: string | null;
  /** A KMS key for the mapping, which the task role may decrypt with. Default null: S3's own. */
  S3_KMS_KEY_ARN: string | null;
  /** Make a VPC, or use EXTERNAL_VPC_ID. Default true. */
  CREATE_VPC: boolean;
  /** `NLB` or `ALB`. Default `NLB`. */
  ELB_TYPE: ElbType;
  /** The CIDR of the VPC, /16 to /24; of the existing one where CREATE_VPC is false. Default `10.0.0.0/16`. */
  VPC_CIDR: string;
  /** Add public subnets and an internet gateway to the VPC that is made. Nameplate uses neither. Default false. */
  PUBLIC_SUBNETS: boolean;
  /** Flow logs of the VPC that is made, in CloudWatch Logs. Default true. */
  FLOW_LOGS: boolean;
  /** The existing VPC. Required where CREATE_VPC is false. Default null. */
  EXTERNAL_VPC_ID: string | null;
  /** Further IPv4 CIDRs of the existing VPC, whose load balancer and clients are treated as those of VPC_CIDR. Default none. */
  VPC_SECONDARY_CIDRS: string[];
  /** DNS servers of the VPC's DHCP options, which tasks may ask on port 53, UDP and TCP. Default none: Amazon's needs no rule. */
  DNS_SERVER_CIDRS: string[];
  /** A security group for the load balancer, of either type, in place of ours. Default null. */
  EXTERNAL_ALB_SG_ID: string | null;
  /** A security group for the VPC endpoints in place of ours, and that of the EXISTING_ENDPOINTS. Default null. */
  EXTERNAL_ENDPOINT_SG_ID: string | null;
  /** A security group for the tasks in place of ours. Default null. */
  EXTERNAL_FARGATE_SG_ID: string | null;
  /** The existing VPC's private subnets, at least two, each in another Availability Zone. Default none. */
  EXTERNAL_PRIVATE_SUBNETS_ID: string[];
  /** The fewest tasks. docs/scaling.md recommends 2. Default 1. */
  TASK_SCALE_MIN: number;
  /** The most tasks, up to 5000. Default 4. */
  TASK_SCALE_MAX: number;
  /** The average CPU, in percent from 10 to 100, that scaling aims at. docs/scaling.md recommends 50. Default 80. */
  TASK_SCALE_CPU_PCT: number;
  /** `ARM64` or `X86_64`. Default `ARM64`. */
  TASK_PLATFORM: TaskPlatform;
  /** The mapping file, relative to the current folder. It is held against the plan's sha256. Default `../../conf/mapping.yaml`. */
  PROXY_CONFIG_PATH: string;
  /** Tasks read a mapping in parts: every object below this prefix of the mapping's bucket, such as `mapping`. Default: one object, `mapping.yaml`. */
  MAPPING_PREFIX: string | null;
  /** The file that `nameplate plan` wrote, relative to the current folder. Default `plan.json`. */
  PLAN_PATH: string;
  /** Two or three Availability Zones' names. Required where CREATE_VPC is true: synthesis asks AWS nothing. Default none. */
  AVAILABILITY_ZONES: string[];
  /** VPC endpoints that the existing VPC has already, service to `vpce-` id. Only those missing are made. Default none. */
  EXISTING_ENDPOINTS: Partial<Record<EndpointService, string>>;
  /** The DNS name of EXISTING_ENDPOINTS' `execute-api`; required with it. Default null. CDK only. */
  EXISTING_ENDPOINT_DNS_NAME: string | null;
  /** Private DNS on the execute-api endpoint that is made: no public API of the region can be called from the VPC then. Default false. */
  EXECUTE_API_PRIVATE_DNS: boolean;
  /** The existing VPC's private route tables, for the S3 gateway endpoint. Default none. */
  ROUTE_TABLE_IDS: string[];
  /** The region's managed prefix list of S3, `pl-`, for the tasks' security group. Required where that is ours. Default null. CDK only. */
  S3_PREFIX_LIST_ID: string | null;
  /** An NLB or ALB in the existing VPC in place of ours; EXTERNAL_ALB_SG_ID is its security group. Default null. */
  EXISTING_ELB_ARN: string | null;
  /** Its DNS name; required with it. Default null. CDK only. */
  EXISTING_ELB_DNS_NAME: string | null;
  /** The hosted zone of that name; required with it. Default null. CDK only. */
  EXISTING_ELB_ZONE_ID: string | null;
  /** An HTTPS listener of the existing ALB in place of ours; rules by host lead from it to the tasks. Default null. */
  EXISTING_LISTENER_ARN: string | null;
  /** Hosted zone of the plan to the priority of its rule in EXISTING_LISTENER_ARN; more than 5 records take the next ones too. Default none. */
  LISTENER_RULE_PRIORITIES: Record<string, unknown>;
  /** IPv4 networks that may call the load balancer. Default: the VPC's, unless one of the two below says who may. */
  CLIENT_CIDRS: string[];
  /** Managed prefix lists whose networks may call the load balancer. Default none. */
  CLIENT_PREFIX_LIST_IDS: string[];
  /** Security groups whose members may call the load balancer. Default none. */
  CLIENT_SECURITY_GROUP_IDS: string[];
  /** TLS from the load balancer to the tasks, port 8443, or plaintext, port 8080. Default true. */
  LISTENER_TLS: boolean;
  /** The load balancer's TLS policy. Default `ELBSecurityPolicy-TLS13-1-2-2021-06`: TLS 1.2 and 1.3. */
  SSL_POLICY: string;
  /** Seconds of silence after which an ALB ends a request or closes a connection; of an existing ALB, what it has. Default null: 60, or 5 more than the mapping's longest TIMEOUT. */
  ALB_IDLE_TIMEOUT: number | null;
  /** Let an ALB remove header fields whose names have anything but letters, digits and hyphens. Default false. */
  DROP_INVALID_HEADER_FIELDS: boolean;
  /** The image's URI with a version. Default null: IMAGE_TAG in the repository that is made. */
  IMAGE: string | null;
  /** The tag in the repository that is made; not `latest`. Default `0.1.0`. */
  IMAGE_TAG: string;
  /** A task's CPU, in 1/1024 vCPU. Default 1024. */
  TASK_CPU: number;
  /** A task's memory, in MiB. Default 2048. */
  TASK_MEMORY: number;
  /** Seconds from SIGTERM to SIGKILL, 2 to 120. Default 30. */
  STOP_TIMEOUT: number;
  /** Scale on the CPU metric of 20 seconds in place of the one of a minute. Default false. */
  HIGH_RESOLUTION_SCALING: boolean;
  /** Days that logs are kept, one of CloudWatch's values. Default 30. */
  LOG_RETENTION_DAYS: number;
  /** `enabled`, `enhanced` or `disabled`, in the cluster that is made. Default `enabled`. */
  CONTAINER_INSIGHTS: ContainerInsights;
  /** The SNS topic that alarms tell. Default null: alarms only change state. */
  ALARM_TOPIC_ARN: string | null;
  /** Allow `aws ecs execute-command`; makes the root file system writable, which it needs. Default false. */
  ECS_EXEC: boolean;
  /** ACM certificates imported by hand. Default none. */
  CERTIFICATE_ARNS: string[];
  /** Validation zone to public hosted zone id, or `by-hand`. Each validation zone of the plan must be there. Default none. */
  VALIDATION_ZONE_IDS: Record<string, string>;
  /** `create`, `existing` (records in HOSTED_ZONE_IDS, in this account) or `none` (`npm run records` prints them). Default `create`. */
  HOSTED_ZONES: HostedZones;
  /** Private hosted zone to its id, for HOSTED_ZONES `existing`: all of the plan's. Default none. */
  HOSTED_ZONE_IDS: Record<string, string>;
  /** Settings laid over ours; a key of the first level replaces all of it. Default none. */
  EXTRA_SETTINGS: Record<string, unknown>;
  /** ENDPOINT of the mapping to the DNS name of another execute-api endpoint. Default none. */
  EXTRA_ENDPOINTS: Record<string, string>;
  /** Keep the load balancer from being deleted. Default true. */
  DELETION_PROTECTION: boolean;
  /** Tags for everything, beside Application and Environment. Default none. */
  TAGS: Record<string, string>;
  /** The AWS Private CA that issues a certificate for each of the plan's import_names, in place of imported ones. Default null. */
  PRIVATE_CA_ARN: string | null;
  /** The digest of the image in the repository that is made, in place of IMAGE_TAG. Default null. */
  IMAGE_DIGEST: string | null;
  /** Names of CloudWatch alarms that end a deployment of the service and roll it back. Default none. */
  DEPLOYMENT_ALARMS: string[];
  /** How many percent of the tasks beyond TASK_SCALE_MIN run on Fargate Spot. Default 0. */
  FARGATE_SPOT_PCT: number;
  /** Make a PrivateLink endpoint service in front of the NLB; each connection has to be accepted. Default false. */
  ENDPOINT_SERVICE: boolean;
  /** ARNs of accounts (root), roles and users that can find the endpoint service and ask for a connection. Default none. */
  ENDPOINT_SERVICE_PRINCIPALS: string[];
  /** A private DNS name for the endpoint service; its domain's owner proves ownership with a TXT record. Default null. */
  ENDPOINT_SERVICE_DNS_NAME: string | null;
  /** `s3`: tasks poll the object; `appconfig`: AWS AppConfig reads it and gives it to tasks in steps. Default `s3`. */
  MAPPING_SOURCE: MappingSource;
  /** The image of the AppConfig agent, in an ECR repository of the region. Required where MAPPING_SOURCE is `appconfig`. Default null. */
  APPCONFIG_AGENT_IMAGE: string | null;
  /** Seconds between two questions of the agent to AppConfig, 5 to 300. Default 15. */
  APPCONFIG_POLL_SECONDS: number;
  /** A JSON Schema that AppConfig holds a mapping in JSON against, relative to the current folder. Default null. */
  MAPPING_SCHEMA_PATH: string | null;
  /** Minutes until AppConfig has given a mapping to all tasks, 0 to 1440. Default 10. */
  ROLLOUT_MINUTES: number;
  /** How many percent of the tasks each step of a rollout adds, 1 to 100. Default 20. */
  ROLLOUT_GROWTH_PCT: number;
  /** Minutes that AppConfig still watches the alarms after all tasks have a mapping, 0 to 1440. Default 10. */
  ROLLOUT_BAKE_MINUTES: number;
  /** The percentage of requests, refused or answered with a 5xx, above which a mapping is rolled back; it is too where tasks with a new mapping have this many percent more than tasks with an old one. Default 10. */
  ROLLOUT_ALARM_PCT: number;
  /** Make the service. False at the first deployment, until the image and the mapping are uploaded. Default true. CDK only. */
  SERVICE: boolean;
}

/** What {@link Nameplate} takes: any of the variables, and the plan itself in place of PLAN_PATH. */
export interface NameplateProps extends Partial<Variables> {
  /** The plan, as `nameplate plan` prints it. Default: it is read from PLAN_PATH. */
  PLAN?: Plan;
}

/** How a variable is written: decides how its text is read and what its type must be. */
export type Kind = 'text' | 'flag' | 'number' | 'list' | 'map' | 'object';

/** One row of the table of variables. */
export interface Variable<T> {
  readonly kind: Kind;
  readonly fallback: T;
}

/** Every variable once: its kind and its default. */
export const VARIABLES: { readonly [K in keyof Variables]: Variable<Variables[K]> } = {
  APP_ENVIRONMENT: { kind: 'text', fallback: 'dev' },
  APP_NAME: { kind: 'text', fallback: 'reverse-proxy' },
  EXISTING_BUCKET: { kind: 'text', fallback: null },
  EXISTING_CLUSTER: { kind: 'text', fallback: null },
  EXECUTION_ROLE_ARN: { kind: 'text', fallback: null },
  TASK_ROLE_ARN: { kind: 'text', fallback: null },
  PERMISSIONS_BOUNDARY_ARN: { kind: 'text', fallback: null },
  IAM_PATH: { kind: 'text', fallback: '/' },
  LOGS_KMS_KEY_ARN: { kind: 'text', fallback: null },
  ECR_KMS_KEY_ARN: { kind: 'text', fallback: null },
  S3_KMS_KEY_ARN: { kind: 'text', fallback: null },
  CREATE_VPC: { kind: 'flag', fallback: true },
  ELB_TYPE: { kind: 'text', fallback: 'NLB' },
  VPC_CIDR: { kind: 'text', fallback: '10.0.0.0/16' },
  PUBLIC_SUBNETS: { kind: 'flag', fallback: false },
  FLOW_LOGS: { kind: 'flag', fallback: true },
  EXTERNAL_VPC_ID: { kind: 'text', fallback: null },
  VPC_SECONDARY_CIDRS: { kind: 'list', fallback: [] },
  DNS_SERVER_CIDRS: { kind: 'list', fallback: [] },
  EXTERNAL_ALB_SG_ID: { kind: 'text', fallback: null },
  EXTERNAL_ENDPOINT_SG_ID: { kind: 'text', fallback: null },
  EXTERNAL_FARGATE_SG_ID: { kind: 'text', fallback: null },
  EXTERNAL_PRIVATE_SUBNETS_ID: { kind: 'list', fallback: [] },
  TASK_SCALE_MIN: { kind: 'number', fallback: 1 },
  TASK_SCALE_MAX: { kind: 'number', fallback: 4 },
  TASK_SCALE_CPU_PCT: { kind: 'number', fallback: 80 },
  TASK_PLATFORM: { kind: 'text', fallback: 'ARM64' },
  PROXY_CONFIG_PATH: { kind: 'text', fallback: '../../conf/mapping.yaml' },
  MAPPING_PREFIX: { kind: 'text', fallback: null },
  PLAN_PATH: { kind: 'text', fallback: 'plan.json' },
  AVAILABILITY_ZONES: { kind: 'list', fallback: [] },
  EXISTING_ENDPOINTS: { kind: 'map', fallback: {} },
  EXISTING_ENDPOINT_DNS_NAME: { kind: 'text', fallback: null },
  EXECUTE_API_PRIVATE_DNS: { kind: 'flag', fallback: false },
  ROUTE_TABLE_IDS: { kind: 'list', fallback: [] },
  S3_PREFIX_LIST_ID: { kind: 'text', fallback: null },
  EXISTING_ELB_ARN: { kind: 'text', fallback: null },
  EXISTING_ELB_DNS_NAME: { kind: 'text', fallback: null },
  EXISTING_ELB_ZONE_ID: { kind: 'text', fallback: null },
  EXISTING_LISTENER_ARN: { kind: 'text', fallback: null },
  LISTENER_RULE_PRIORITIES: { kind: 'object', fallback: {} },
  CLIENT_CIDRS: { kind: 'list', fallback: [] },
  CLIENT_PREFIX_LIST_IDS: { kind: 'list', fallback: [] },
  CLIENT_SECURITY_GROUP_IDS: { kind: 'list', fallback: [] },
  LISTENER_TLS: { kind: 'flag', fallback: true },
  SSL_POLICY: { kind: 'text', fallback: 'ELBSecurityPolicy-TLS13-1-2-2021-06' },
  ALB_IDLE_TIMEOUT: { kind: 'number', fallback: null },
  DROP_INVALID_HEADER_FIELDS: { kind: 'flag', fallback: false },
  IMAGE: { kind: 'text', fallback: null },
  IMAGE_TAG: { kind: 'text', fallback: '0.1.0' },
  TASK_CPU: { kind: 'number', fallback: 1024 },
  TASK_MEMORY: { kind: 'number', fallback: 2048 },
  STOP_TIMEOUT: { kind: 'number', fallback: 30 },
  HIGH_RESOLUTION_SCALING: { kind: 'flag', fallback: false },
  LOG_RETENTION_DAYS: { kind: 'number', fallback: 30 },
  CONTAINER_INSIGHTS: { kind: 'text', fallback: 'enabled' },
  ALARM_TOPIC_ARN: { kind: 'text', fallback: null },
  ECS_EXEC: { kind: 'flag', fallback: false },
  CERTIFICATE_ARNS: { kind: 'list', fallback: [] },
  VALIDATION_ZONE_IDS: { kind: 'map', fallback: {} },
  HOSTED_ZONES: { kind: 'text', fallback: 'create' },
  HOSTED_ZONE_IDS: { kind: 'map', fallback: {} },
  EXTRA_SETTINGS: { kind: 'object', fallback: {} },
  EXTRA_ENDPOINTS: { kind: 'map', fallback: {} },
  DELETION_PROTECTION: { kind: 'flag', fallback: true },
  TAGS: { kind: 'map', fallback: {} },
  PRIVATE_CA_ARN: { kind: 'text', fallback: null },
  IMAGE_DIGEST: { kind: 'text', fallback: null },
  DEPLOYMENT_ALARMS: { kind: 'list', fallback: [] },
  FARGATE_SPOT_PCT: { kind: 'number', fallback: 0 },
  ENDPOINT_SERVICE: { kind: 'flag', fallback: false },
  ENDPOINT_SERVICE_PRINCIPALS: { kind: 'list', fallback: [] },
  ENDPOINT_SERVICE_DNS_NAME: { kind: 'text', fallback: null },
  MAPPING_SOURCE: { kind: 'text', fallback: 's3' },
  APPCONFIG_AGENT_IMAGE: { kind: 'text', fallback: null },
  APPCONFIG_POLL_SECONDS: { kind: 'number', fallback: 15 },
  MAPPING_SCHEMA_PATH: { kind: 'text', fallback: null },
  ROLLOUT_MINUTES: { kind: 'number', fallback: 10 },
  ROLLOUT_GROWTH_PCT: { kind: 'number', fallback: 20 },
  ROLLOUT_BAKE_MINUTES: { kind: 'number', fallback: 10 },
  ROLLOUT_ALARM_PCT: { kind: 'number', fallback: 10 },
  SERVICE: { kind: 'flag', fallback: true },
};

/** The variables' names, in the order of the table. */
export const VARIABLE_NAMES = Object.keys(VARIABLES) as (keyof Variables)[];
