import { Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct, DependencyGroup } from 'constructs';
import { neededInterfaces } from './endpoints';
import type { Network } from './network';
import type { Settled } from './props';
import { ADMIN_PORT, HTTPS_PORT, listenerPort } from './settings';

/**
 * Without an egress rule of its own CloudFormation gives a group the rule that allows everything. This one matches
 * nothing: no packet is sent to the broadcast address with an ICMP type that does not exist.
 */
const NOTHING = [{ ipProtocol: 'icmp', fromPort: 252, toPort: 86, cidrIp: '255.255.255.255/32', description: 'Matches nothing' }];

const DNS_PORT = 53;

/** Who may talk to whom. Groups that were given are used as they are: no rule is added to them. */
export class SecurityGroups extends Construct {
  readonly loadBalancer: string;
  readonly task: string;
  /** `undefined` where no endpoint is made and no group was given. */
  readonly endpoint: string | undefined;

  /** The groups' rules. */
  readonly rules = new DependencyGroup();

  constructor(scope: Construct, id: string, settled: Settled, network: Network) {
    super(scope, id);
    const { vars, prefix } = settled;
    const group = (name: string, description: string): string => {
      const made = new ec2.CfnSecurityGroup(this, name, {
        groupDescription: `${prefix}: ${description}`,
        vpcId: network.vpcId,
        securityGroupEgress: NOTHING,
      });
      Tags.of(made).add('Name', `${prefix}-${name.toLowerCase()}`);
      return made.attrGroupId;
    };
    this.loadBalancer = vars.EXTERNAL_ALB_SG_ID ?? group('Load-Balancer', 'the load balancer');
    this.task = vars.EXTERNAL_FARGATE_SG_ID ?? group('Task', 'the tasks');
    this.endpoint = vars.EXTERNAL_ENDPOINT_SG_ID ?? (neededInterfaces(vars).length > 0 ? group('Endpoint', 'the VPC endpoints') : undefined);

    const ports = { Listener: listenerPort(vars), Admin: ADMIN_PORT };
    if (vars.EXTERNAL_ALB_SG_ID === null) {
      const named = [...vars.CLIENT_CIDRS, ...vars.CLIENT_PREFIX_LIST_IDS, ...vars.CLIENT_SECURITY_GROUP_IDS].length > 0;
      const clients = named ? vars.CLIENT_CIDRS : [vars.VPC_CIDR, ...vars.VPC_SECONDARY_CIDRS];
      for (const cidrIp of clients) {
        this.ingress(`Clients-${cidrIp.replace('/', '-')}`, this.loadBalancer, HTTPS_PORT, { cidrIp, description: 'Clients' });
      }
      for (const sourcePrefixListId of vars.CLIENT_PREFIX_LIST_IDS) {
        this.ingress(`Clients-${sourcePrefixListId}`, this.loadBalancer, HTTPS_PORT, { sourcePrefixListId, description: 'Clients of a prefix list' });
      }
      for (const sourceSecurityGroupId of vars.CLIENT_SECURITY_GROUP_IDS) {
        this.ingress(`Clients-${sourceSecurityGroupId}`, this.loadBalancer, HTTPS_PORT, { sourceSecurityGroupId, description: 'Clients of a security group' });
      }
      for (const [name, port] of Object.entries(ports)) {
        this.egress(`Load-Balancer-${name}`, this.loadBalancer, port, { destinationSecurityGroupId: this.task, description: `Tasks, ${name.toLowerCase()} port` });
      }
    }
    if (vars.EXTERNAL_FARGATE_SG_ID === null) {
      for (const [name, port] of Object.entries(ports)) {
        this.ingress(`Task-${name}`, this.task, port, { sourceSecurityGroupId: this.loadBalancer, description: `Load balancer, ${name.toLowerCase()} port` });
      }
      if (this.endpoint !== undefined) {
        this.egress('Task-Endpoints', this.task, HTTPS_PORT, { destinationSecurityGroupId: this.endpoint, description: 'VPC endpoints' });
      }
      this.egress('Task-S3', this.task, HTTPS_PORT, { destinationPrefixListId: vars.S3_PREFIX_LIST_ID!, description: 'S3 gateway endpoint' });
    }
    // Amazon's DNS server is reached whatever a group says; one of the DHCP options is not.
    for (const ipProtocol of vars.EXTERNAL_FARGATE_SG_ID === null ? ['udp', 'tcp'] : []) {
      for (const cidrIp of vars.DNS_SERVER_CIDRS) {
        this.egress(`Task-Dns-${ipProtocol}-${cidrIp.replace('/', '-')}`, this.task, DNS_PORT, { ipProtocol, cidrIp, description: 'DNS servers' });
      }
    }
    if (vars.EXTERNAL_ENDPOINT_SG_ID === null && this.endpoint !== undefined) {
      this.ingress('Endpoint-Tasks', this.endpoint, HTTPS_PORT, { sourceSecurityGroupId: this.task, description: 'Tasks' });
    }
  }

  private ingress(id: string, groupId: string, port: number, peer: Partial<ec2.CfnSecurityGroupIngressProps>): void {
    this.rules.add(new ec2.CfnSecurityGroupIngress(this, `In-${id}`, { groupId, ipProtocol: 'tcp', fromPort: port, toPort: port, ...peer }));
  }

  private egress(id: string, groupId: string, port: number, peer: Partial<ec2.CfnSecurityGroupEgressProps>): void {
    this.rules.add(new ec2.CfnSecurityGroupEgress(this, `Out-${id}`, { groupId, ipProtocol: 'tcp', fromPort: port, toPort: port, ...peer }));
  }
}
