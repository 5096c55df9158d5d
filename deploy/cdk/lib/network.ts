import { Aws, CfnDeletionPolicy, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct, DependencyGroup } from 'constructs';
import { acknowledge } from './findings';
import { part } from './networks';
import type { Settled } from './props';
import { keyOf, roleRules } from './roles';

/** A subnet is a sixteenth of the VPC: /20 in a /16. */
const SUBNET_BITS = 4;
/** Public subnets begin in the second half of the VPC, so that a third zone moves none. */
const FIRST_PUBLIC = 8;

/** The VPC that is made, or the existing one, as far as the other parts need it. */
export class Network extends Construct {
  readonly vpcId: string;
  /** One private subnet for each Availability Zone. */
  readonly subnetIds: string[];
  /** The private subnets' route tables. */
  readonly routeTableIds: string[];
  /** Where the load balancer's connections come from: the private subnets; of an existing VPC, all of it. */
  readonly loadBalancerCidrs: string[];

  /** The subnets' associations with their route tables: without them there is no way to S3. */
  readonly routes = new DependencyGroup();

  constructor(scope: Construct, id: string, settled: Settled) {
    super(scope, id);
    const { vars, prefix } = settled;
    if (!vars.CREATE_VPC) {
      this.vpcId = vars.EXTERNAL_VPC_ID!;
      this.subnetIds = vars.EXTERNAL_PRIVATE_SUBNETS_ID;
      this.routeTableIds = vars.ROUTE_TABLE_IDS;
      this.loadBalancerCidrs = [vars.VPC_CIDR, ...vars.VPC_SECONDARY_CIDRS];
      return;
    }

    const vpc = new ec2.CfnVPC(this, 'Vpc', { cidrBlock: vars.VPC_CIDR, enableDnsSupport: true, enableDnsHostnames: true });
    Tags.of(vpc).add('Name', prefix);
    this.vpcId = vpc.attrVpcId;

    const zones = vars.AVAILABILITY_ZONES;
    this.loadBalancerCidrs = zones.map((_, i) => part(vars.VPC_CIDR, SUBNET_BITS, i));
    const subnets = zones.map((zone, i) => this.subnet(zone, `private-${zone}`, this.loadBalancerCidrs[i]!, prefix));
    this.subnetIds = subnets.map((subnet) => subnet.attrSubnetId);
    this.routeTableIds = zones.map((zone, i) => this.routeTable(`private-${zone}`, subnets[i]!, prefix).attrRouteTableId);
    if (vars.PUBLIC_SUBNETS) {
      this.publicSubnets(settled);
    }
    if (vars.FLOW_LOGS) {
      this.flowLogs(settled);
    } else {
      acknowledge(vpc, { 'AwsSolutions::AwsSolutions-VPC7': 'FLOW_LOGS is false: whoever deploys wants no flow logs' });
    }
  }

  private subnet(zone: string, name: string, cidrBlock: string, prefix: string): ec2.CfnSubnet {
    const subnet = new ec2.CfnSubnet(this, `Subnet-${name}`, {
      vpcId: this.vpcId,
      availabilityZone: zone,
      cidrBlock,
      mapPublicIpOnLaunch: false,
    });
    Tags.of(subnet).add('Name', `${prefix}-${name}`);
    acknowledge(subnet, { 'CloudFormation-Validate::W3010': 'AVAILABILITY_ZONES names the zones: synthesis asks AWS nothing' });
    return subnet;
  }

  private routeTable(name: string, subnet: ec2.CfnSubnet, prefix: string): ec2.CfnRouteTable {
    const table = new ec2.CfnRouteTable(this, `RouteTable-${name}`, { vpcId: this.vpcId });
    Tags.of(table).add('Name', `${prefix}-${name}`);
    const association = new ec2.CfnSubnetRouteTableAssociation(this, `Association-${name}`, {
      routeTableId: table.attrRouteTableId,
      subnetId: subnet.attrSubnetId,
    });
    this.routes.add(association);
    return table;
  }

  private publicSubnets({ vars, prefix }: Settled): void {
    const gateway = new ec2.CfnInternetGateway(this, 'InternetGateway');
    Tags.of(gateway).add('Name', prefix);
    const attachment = new ec2.CfnVPCGatewayAttachment(this, 'Attachment', {
      vpcId: this.vpcId,
      internetGatewayId: gateway.attrInternetGatewayId,
    });
    vars.AVAILABILITY_ZONES.forEach((zone, i) => {
      const name = `public-${zone}`;
      const subnet = this.subnet(zone, name, part(vars.VPC_CIDR, SUBNET_BITS, FIRST_PUBLIC + i), prefix);
      const route = new ec2.CfnRoute(this, `Route-${name}`, {
        routeTableId: this.routeTable(name, subnet, prefix).attrRouteTableId,
        destinationCidrBlock: '0.0.0.0/0',
        gatewayId: gateway.attrInternetGatewayId,
      });
      route.node.addDependency(attachment);
    });
  }

  private flowLogs({ vars, prefix }: Settled): void {
    const logGroupName = `/nameplate/${prefix}/vpc-flow-logs`;
    const group = new logs.CfnLogGroup(this, 'FlowLogGroup', { logGroupName, retentionInDays: vars.LOG_RETENTION_DAYS, ...keyOf('kmsKeyId', vars.LOGS_KMS_KEY_ARN) });
    group.cfnOptions.deletionPolicy = CfnDeletionPolicy.DELETE;
    group.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.DELETE;
    const groupArn = `arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:log-group:${logGroupName}`;
    const role = new iam.CfnRole(this, 'FlowLogRole', {
      description: 'Writes the flow logs of the VPC of Nameplate',
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'vpc-flow-logs.amazonaws.com' },
            Action: 'sts:AssumeRole',
            Condition: {
              StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
              ArnLike: { 'aws:SourceArn': `arn:${Aws.PARTITION}:ec2:${Aws.REGION}:${Aws.ACCOUNT_ID}:vpc-flow-log/*` },
            },
          },
        ],
      },
      ...roleRules(vars),
      policies: [
        {
          policyName: 'flow-logs',
          policyDocument: {
            Version: '2012-10-17',
            Statement: [
              {
                Effect: 'Allow',
                Action: ['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'],
                Resource: `${groupArn}:*`,
              },
            ],
          },
        },
      ],
    });
    acknowledge(role, {
      [`AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:${logGroupName}:*]`]:
        'The streams of this one log group, whose names AWS chooses',
    });
    new ec2.CfnFlowLog(this, 'FlowLog', {
      resourceId: this.vpcId,
      resourceType: 'VPC',
      trafficType: 'ALL',
      logDestinationType: 'cloud-watch-logs',
      logGroupName: group.ref,
      deliverLogsPermissionArn: role.attrArn,
    });
  }
}
