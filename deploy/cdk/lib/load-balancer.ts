import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct } from 'constructs';
import type { Certificates } from './certificates';
import { acknowledge } from './findings';
import type { Network } from './network';
import type { Settled } from './props';
import type { SecurityGroups } from './security-groups';
import { ADMIN_PORT, albIdleTimeout, HTTPS_PORT, listenerPort } from './settings';

/** The internal load balancer, its TLS listener with all certificates, and the tasks' target group. */
export class LoadBalancer extends Construct {
  readonly arn: string;
  readonly dnsName: string;
  readonly zoneId: string;
  /** `net/NAME/ID` or `app/NAME/ID`: how CloudWatch calls it. */
  readonly fullName: string;
  readonly targetGroupArn: string;
  /** `targetgroup/NAME/ID`: how CloudWatch calls it. */
  readonly targetGroupFullName: string;

  readonly listener: elb.CfnListener;

  constructor(scope: Construct, id: string, settled: Settled, network: Network, groups: SecurityGroups, certificates: Certificates) {
    super(scope, id);
    const { vars, prefix } = settled;
    const nlb = vars.ELB_TYPE === 'NLB';
    const balancer = new elb.CfnLoadBalancer(this, 'LoadBalancer', {
      name: `${prefix}-${vars.ELB_TYPE.toLowerCase()}`,
      type: nlb ? 'network' : 'application',
      scheme: 'internal',
      ipAddressType: 'ipv4',
      subnets: network.subnetIds,
      securityGroups: [groups.loadBalancer],
      // Clients behind PrivateLink have addresses of their own networks, which no rule of the group can name: whoever
      // accepts their connection decides.
      ...(vars.ENDPOINT_SERVICE ? { enforceSecurityGroupInboundRulesOnPrivateLinkTraffic: 'off' } : {}),
      loadBalancerAttributes: attributes({
        'deletion_protection.enabled': vars.DELETION_PROTECTION,
        ...(nlb
          ? { 'load_balancing.cross_zone.enabled': true }
          : { 'idle_timeout.timeout_seconds': albIdleTimeout(settled), 'routing.http.drop_invalid_header_fields.enabled': vars.DROP_INVALID_HEADER_FIELDS }),
      }),
    });
    acknowledge(balancer, {
      'AwsSolutions::AwsSolutions-ELB2': 'Nameplate itself writes a line for each request, where access_log of its settings says so: docs/access-log.md',
    });
    this.arn = balancer.ref;
    this.dnsName = balancer.attrDnsName;
    this.zoneId = balancer.attrCanonicalHostedZoneId;
    this.fullName = balancer.attrLoadBalancerFullName;

    const targets = this.targets(settled, network);
    this.targetGroupArn = targets.ref;
    this.targetGroupFullName = targets.attrTargetGroupFullName;

    this.listener = new elb.CfnListener(this, 'Listener', {
      loadBalancerArn: balancer.ref,
      port: HTTPS_PORT,
      protocol: nlb ? 'TLS' : 'HTTPS',
      sslPolicy: vars.SSL_POLICY,
      certificates: [{ certificateArn: certificates.defaultArn }],
      defaultActions: [{ type: 'forward', targetGroupArn: targets.ref }],
    });
    for (const [key, certificateArn] of certificates.others) {
      new elb.CfnListenerCertificate(this, `Certificate-${key}`, { listenerArn: this.listener.ref, certificates: [{ certificateArn }] });
    }
  }

  private targets({ vars, prefix }: Settled, network: Network): elb.CfnTargetGroup {
    const nlb = vars.ELB_TYPE === 'NLB';
    // The protocol of a target group cannot change, so its name says it: the new one is made before the old one goes.
    const [protocol, suffix] = nlb ? (vars.LISTENER_TLS ? ['TLS', 'tls'] : ['TCP', 'tcp']) : vars.LISTENER_TLS ? ['HTTPS', 'tls'] : ['HTTP', 'web'];
    return new elb.CfnTargetGroup(this, `Targets-${suffix}`, {
      name: `${prefix}-${vars.ELB_TYPE.toLowerCase()}-${suffix}`,
      vpcId: network.vpcId,
      targetType: 'ip',
      port: listenerPort(vars),
      protocol: protocol!,
      ...(nlb ? {} : { protocolVersion: 'HTTP1' }),
      healthCheckEnabled: true,
      healthCheckProtocol: 'HTTP',
      healthCheckPort: String(ADMIN_PORT),
      healthCheckPath: '/readyz',
      healthCheckIntervalSeconds: 10,
      healthCheckTimeoutSeconds: 5,
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 2,
      matcher: { httpCode: '200' },
      targetGroupAttributes: attributes({
        'deregistration_delay.timeout_seconds': 60,
        // The client's address arrives by PROXY header, also where it is a task's own or one behind PrivateLink.
        ...(nlb ? { 'preserve_client_ip.enabled': false, 'proxy_protocol_v2.enabled': true } : {}),
      }),
    });
  }
}

function attributes(values: Record<string, string | number | boolean>): { key: string; value: string }[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: String(value) }));
}
