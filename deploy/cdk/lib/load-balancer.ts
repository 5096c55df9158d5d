import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct, DependencyGroup } from 'constructs';
import type { Certificates } from './certificates';
import { hostRules } from './existing-load-balancer';
import { acknowledge } from './findings';
import type { Network } from './network';
import type { Settled } from './props';
import type { SecurityGroups } from './security-groups';
import { ADMIN_PORT, albIdleTimeout, HTTPS_PORT, listenerPort } from './settings';
import type { Variables } from './variables';

/** The internal load balancer, its TLS listener with all certificates, and the tasks' target group. The first two may exist. */
export class LoadBalancer extends Construct {
  readonly arn: string;
  readonly dnsName: string;
  readonly zoneId: string;
  /** `net/NAME/ID` or `app/NAME/ID`: how CloudWatch calls it. */
  readonly fullName: string;
  readonly targetGroupArn: string;
  /** `targetgroup/NAME/ID`: how CloudWatch calls it. */
  readonly targetGroupFullName: string;

  /** What must be there before tasks can serve: the listener, or the rules of one that exists. */
  readonly ways = new DependencyGroup();

  constructor(scope: Construct, id: string, settled: Settled, network: Network, groups: SecurityGroups, certificates: Certificates) {
    super(scope, id);
    const { vars } = settled;
    const { EXISTING_ELB_ARN: existing } = vars;
    if (existing === null) {
      const balancer = this.make(settled, network, groups);
      this.arn = balancer.ref;
      this.dnsName = balancer.attrDnsName;
      this.zoneId = balancer.attrCanonicalHostedZoneId;
      this.fullName = balancer.attrLoadBalancerFullName;
    } else {
      this.arn = existing;
      this.dnsName = vars.EXISTING_ELB_DNS_NAME!;
      this.zoneId = vars.EXISTING_ELB_ZONE_ID!;
      this.fullName = existing.slice(existing.indexOf(':loadbalancer/') + ':loadbalancer/'.length);
    }

    const targets = this.targets(settled, network);
    this.targetGroupArn = targets.ref;
    this.targetGroupFullName = targets.attrTargetGroupFullName;

    const listenerArn = vars.EXISTING_LISTENER_ARN ?? this.listener(vars, certificates);
    if (vars.EXISTING_LISTENER_ARN !== null) {
      this.rules(settled, listenerArn);
    }
    for (const [key, certificateArn] of certificates.others) {
      new elb.CfnListenerCertificate(this, `Certificate-${key}`, { listenerArn, certificates: [{ certificateArn }] });
    }
  }

  private make(settled: Settled, network: Network, groups: SecurityGroups): elb.CfnLoadBalancer {
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
    return balancer;
  }

  private listener({ ELB_TYPE, SSL_POLICY }: Variables, certificates: Certificates): string {
    const listener = new elb.CfnListener(this, 'Listener', {
      loadBalancerArn: this.arn,
      port: HTTPS_PORT,
      protocol: ELB_TYPE === 'NLB' ? 'TLS' : 'HTTPS',
      sslPolicy: SSL_POLICY,
      certificates: [{ certificateArn: certificates.defaultArn! }],
      defaultActions: [{ type: 'forward', targetGroupArn: this.targetGroupArn }],
    });
    this.ways.add(listener);
    return listener.ref;
  }

  /** Rules of a listener that exists. */
  private rules({ vars, plan }: Settled, listenerArn: string): void {
    for (const { id, priority, hosts } of hostRules(vars, plan)) {
      const rule = new elb.CfnListenerRule(this, `Rule-${id}`, {
        listenerArn,
        priority,
        conditions: [{ field: 'host-header', hostHeaderConfig: { values: [...hosts] } }],
        actions: [{ type: 'forward', targetGroupArn: this.targetGroupArn }],
      });
      this.ways.add(rule);
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
