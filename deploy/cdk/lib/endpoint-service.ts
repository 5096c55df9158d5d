import { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { Faults } from './faults';
import type { LoadBalancer } from './load-balancer';
import type { Variables } from './variables';

/** A PrivateLink endpoint service in front of the NLB, for VPCs of other accounts. Somebody accepts each connection. */
export class EndpointService extends Construct {
  readonly serviceName: string;

  constructor(scope: Construct, id: string, vars: Variables, balancer: LoadBalancer) {
    super(scope, id);
    const service = new ec2.CfnVPCEndpointService(this, 'Service', {
      acceptanceRequired: true,
      networkLoadBalancerArns: [balancer.arn],
    });
    if (vars.ENDPOINT_SERVICE_DNS_NAME !== null) {
      // CloudFormation has it, and CDK not yet.
      service.addPropertyOverride('PrivateDnsName', vars.ENDPOINT_SERVICE_DNS_NAME);
    }
    // Consumers that come before the listener would be refused.
    service.node.addDependency(balancer.ways);
    new ec2.CfnVPCEndpointServicePermissions(this, 'Permissions', {
      serviceId: service.ref,
      allowedPrincipals: vars.ENDPOINT_SERVICE_PRINCIPALS,
    });
    const { region } = Stack.of(this);
    this.serviceName = `${region.startsWith('cn-') ? 'cn.' : ''}com.amazonaws.vpce.${region}.${service.ref}`;
  }
}

/** What the variables of the endpoint service must be. */
export function checkEndpointService(vars: Variables, faults: Faults): void {
  const { ENDPOINT_SERVICE: made, ENDPOINT_SERVICE_PRINCIPALS: principals, ENDPOINT_SERVICE_DNS_NAME: name } = vars;
  if (made && vars.ELB_TYPE !== 'NLB') {
    faults.add(`ENDPOINT_SERVICE is true and ELB_TYPE is ${vars.ELB_TYPE}`, 'set ELB_TYPE to NLB: only an NLB can be behind an endpoint service');
  }
  if (!made && (principals.length > 0 || name !== null)) {
    faults.add('ENDPOINT_SERVICE_PRINCIPALS and ENDPOINT_SERVICE_DNS_NAME go with ENDPOINT_SERVICE true', 'set it, or leave both out');
  }
  for (const arn of principals.filter((item) => !/^arn:aws[a-z-]*:iam::\d{12}:(root|role\/[^*]+|user\/[^*]+)$/.test(item))) {
    faults.add(`ENDPOINT_SERVICE_PRINCIPALS: \`${arn}\` is not the ARN of an account, a role or a user`, 'one looks like arn:aws:iam::444455556666:root');
  }
  if (new Set(principals).size !== principals.length) {
    faults.add('ENDPOINT_SERVICE_PRINCIPALS lists a principal twice', 'list each once');
  }
  if (name !== null && !/^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    faults.add(`ENDPOINT_SERVICE_DNS_NAME \`${name}\` is not a DNS name in lower case`, 'one looks like orders.example.com');
  }
}
