import { Annotations, Stack, Tags, Token } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { Alarms } from './alarms';
import { AppConfig, isAppConfig, isJson } from './appconfig';
import { Certificates } from './certificates';
import { Dns } from './dns';
import { EndpointService } from './endpoint-service';
import { Endpoints } from './endpoints';
import { Image } from './image';
import { LoadBalancer } from './load-balancer';
import { Mapping } from './mapping';
import { Network } from './network';
import { isPlanOf, type Plan } from './plan';
import { settle, type Settled } from './props';
import { Scaling } from './scaling';
import { SecurityGroups } from './security-groups';
import { Service } from './service';
import { idleTimeout, keepAlive, shutdownOf } from './settings';
import type { NameplateProps } from './variables';

/** The most resources that CloudFormation works on in one operation, over all nested stacks (CloudFormation quotas). */
const RESOURCES_PER_OPERATION = 2500;

/**
 * Nameplate on Fargate behind an internal load balancer: names of your own for private APIs of API Gateway.
 *
 * Give it a stack whose region is known (`env: { region }`), and the plan of your mapping. Synthesis asks AWS nothing, and
 * nothing of it is a Lambda function. What it makes, and every variable: deploy/cdk/README.md.
 */
export class Nameplate extends Construct {
  readonly vpcId: string;
  /** The execute-api endpoint, which the APIs' resource policies name. */
  readonly vpcEndpointId: string;
  readonly elbDnsName: string;
  /** The hosted zone of that name, which alias records name. */
  readonly elbHostedZoneId: string;
  readonly mappingBucket: string;
  /** Where the mapping is uploaded to, `s3://BUCKET/mapping.yaml`, or `s3://BUCKET/MAPPING_PREFIX/`. */
  readonly mappingUri: string;
  readonly ecrRepositoryUrl: string;
  readonly clusterName: string;
  readonly serviceName: string;
  /** For rules of one's own: a scraper's way in, the way out to EXTRA_ENDPOINTS. */
  readonly taskSecurityGroupId: string;
  /** The PrivateLink endpoint service, as consumers name it; `undefined` where ENDPOINT_SERVICE is false. */
  readonly endpointServiceName: string | undefined;
  /** The parts of AppConfig; `undefined` where MAPPING_SOURCE is `s3`. */
  readonly appConfig: AppConfig | undefined;
  /** The plan, as it was read. */
  readonly plan: Plan;

  constructor(scope: Construct, id: string, props: NameplateProps = {}) {
    super(scope, id);
    const region = Stack.of(this).region;
    if (Token.isUnresolved(region)) {
      throw new Error('nameplate: the region of the stack is not known\n  help: give the stack an env with a region, for example { env: { region: "eu-west-1" } }');
    }
    const settled = settle(props, region);
    const { vars, plan } = settled;

    const network = new Network(this, 'Network', settled);
    const mapping = new Mapping(this, 'Mapping', settled);
    const image = new Image(this, 'Image', settled);
    const groups = new SecurityGroups(this, 'SecurityGroups', settled, network);
    const appConfig = isAppConfig(vars) ? new AppConfig(this, 'AppConfig', settled, mapping) : undefined;
    const endpoints = new Endpoints(this, 'Endpoints', settled, network, groups, mapping, appConfig);
    const certificates = new Certificates(this, 'Certificates', settled);
    const balancer = new LoadBalancer(this, 'LoadBalancer', settled, network, groups, certificates);
    const dns = new Dns(this, 'Dns', settled, network, balancer);
    const service = new Service(this, 'Service', settled, { network, groups, endpoints, mapping, appConfig, image, balancer });
    new Scaling(this, 'Scaling', settled, service);
    new Alarms(this, 'Alarms', settled, balancer, service);

    this.vpcId = network.vpcId;
    this.vpcEndpointId = endpoints.executeApiId;
    this.elbDnsName = balancer.dnsName;
    this.elbHostedZoneId = balancer.zoneId;
    this.mappingBucket = mapping.bucketName;
    this.mappingUri = mapping.uri;
    this.ecrRepositoryUrl = image.repositoryUri;
    this.clusterName = service.clusterName;
    this.serviceName = service.serviceName;
    this.taskSecurityGroupId = groups.task;
    this.endpointServiceName = vars.ENDPOINT_SERVICE ? new EndpointService(this, 'EndpointService', vars, balancer).serviceName : undefined;
    this.appConfig = appConfig;
    this.plan = plan;

    for (const [key, value] of Object.entries({ Application: vars.APP_NAME, Environment: vars.APP_ENVIRONMENT, ...vars.TAGS })) {
      Tags.of(this).add(key, value);
    }
    this.warn(settled, certificates.byHand, dns.size);
  }

  /** What the stack tells, by name: the same as the Terraform module's outputs, as CloudFormation can write them. */
  get outputs(): Record<string, string> {
    return {
      VpcId: this.vpcId,
      VpcEndpointId: this.vpcEndpointId,
      ElbDnsName: this.elbDnsName,
      ElbHostedZoneId: this.elbHostedZoneId,
      MappingBucket: this.mappingBucket,
      MappingUri: this.mappingUri,
      EcrRepositoryUrl: this.ecrRepositoryUrl,
      ClusterName: this.clusterName,
      ServiceName: this.serviceName,
      TaskSecurityGroupId: this.taskSecurityGroupId,
      ...(this.endpointServiceName === undefined ? {} : { EndpointServiceName: this.endpointServiceName }),
      ...(this.appConfig === undefined
        ? {}
        : {
            AppconfigApplicationId: this.appConfig.applicationId,
            AppconfigEnvironmentId: this.appConfig.environmentId,
            AppconfigProfileId: this.appConfig.profileId,
            AppconfigStrategyId: this.appConfig.strategyId,
            AppconfigAtOnceStrategyId: this.appConfig.atOnceStrategyId,
          }),
    };
  }

  /** Warnings are said at synthesis and are in no template. */
  private warn(settled: Settled, byHand: string[], dnsSize: number): void {
    const { vars, plan } = settled;
    const warn = (name: string, text: string) => Annotations.of(this).addWarningV2(`nameplate:${name}`, text);
    if (vars.TASK_SCALE_MIN < 2) {
      warn('TASK_SCALE_MIN', 'TASK_SCALE_MIN is 1: while the one task is replaced or its zone fails, no API is reached. docs/scaling.md recommends 2.');
    }
    if (vars.TASK_SCALE_CPU_PCT > 60) {
      warn('TASK_SCALE_CPU_PCT', `TASK_SCALE_CPU_PCT is ${vars.TASK_SCALE_CPU_PCT}: load that doubles finds no room until new tasks serve. docs/scaling.md recommends 50.`);
    }
    if (vars.STOP_TIMEOUT < 15) {
      warn('STOP_TIMEOUT', `STOP_TIMEOUT is ${vars.STOP_TIMEOUT} s: requests in flight have ${shutdownOf(vars.STOP_TIMEOUT).grace_period} to finish when a task stops, and integrations of API Gateway take up to 29 s by default.`);
    }
    if (vars.CREATE_VPC && vars.EXTERNAL_VPC_ID !== null) {
      warn('EXTERNAL_VPC_ID', 'EXTERNAL_VPC_ID is not used, because CREATE_VPC is true.');
    }
    if (vars.EXECUTE_API_PRIVATE_DNS) {
      warn('EXECUTE_API_PRIVATE_DNS', 'EXECUTE_API_PRIVATE_DNS is true: from this VPC every execute-api name of the region leads to the endpoint, so public and edge-optimized APIs of the region answer 403 there, unless callers use a custom domain name.');
    }
    if (!/^ELBSecurityPolicy-(TLS13-1-[23]|TLS-1-2|FS-1-2)-/.test(vars.SSL_POLICY)) {
      warn('SSL_POLICY', `SSL_POLICY is ${vars.SSL_POLICY}, which lets clients use TLS 1.0 or 1.1.`);
    }
    const interfaces = Object.keys(vars.EXISTING_ENDPOINTS).filter((service) => service !== 's3');
    if (interfaces.length > 0 && vars.EXTERNAL_ENDPOINT_SG_ID === null) {
      warn('EXTERNAL_ENDPOINT_SG_ID', `The tasks' security group has no rule for the existing endpoints (${interfaces.join(', ')}): give their group as EXTERNAL_ENDPOINT_SG_ID, or add a rule to port 443.`);
    }
    const [longest, idle] = [plan.longest_timeout ?? 0, idleTimeout(settled)];
    if (longest >= idle) {
      const cure = vars.ELB_TYPE === 'NLB' ? 'That of an NLB cannot be changed: shorten the TIMEOUT, or use an ALB.' : 'Raise ALB_IDLE_TIMEOUT, or leave it out.';
      warn('TIMEOUT', `The mapping lets an API be silent for ${longest} s (TIMEOUT), and the load balancer ends a silent connection after ${idle} s. ${cure}`);
    }
    const client = vars.EXTRA_SETTINGS['client'];
    if (typeof client === 'object' && client !== null && !('keep_alive' in client)) {
      const kept = keepAlive(settled);
      warn('EXTRA_SETTINGS', `EXTRA_SETTINGS has client without keep_alive: it takes the place of ours, whose keep_alive is ${kept}s, and tasks close idle connections after 75 s. Add "keep_alive": "${kept}s" to it.`);
    }
    if (byHand.length > 0) {
      warn('VALIDATION_ZONE_IDS', `The deployment waits until somebody has written ACM's CNAMEs into ${byHand.join(', ')}: README.md, "Certificates".`);
    }
    if (dnsSize + 200 > RESOURCES_PER_OPERATION) {
      warn('resources', `${dnsSize} zones and records are more than CloudFormation makes in one operation (${RESOURCES_PER_OPERATION} resources over all nested stacks): deploy the mapping in steps.`);
    }
    if (vars.MAPPING_SCHEMA_PATH !== null && isJson(vars.PROXY_CONFIG_PATH) === false) {
      warn('MAPPING_SCHEMA_PATH', `MAPPING_SCHEMA_PATH is set, and ${vars.PROXY_CONFIG_PATH} is not JSON: AWS documents AppConfig's JSON Schema validators for JSON, and may refuse every deployment of a mapping in YAML.`);
    }
    // The version of a mapping in parts is of all parts, which CDK does not read.
    if (vars.MAPPING_PREFIX === null && isPlanOf(plan, vars.PROXY_CONFIG_PATH) === false) {
      warn('PLAN', `The plan was made from another mapping than ${vars.PROXY_CONFIG_PATH} is now: nameplate plan ${vars.PROXY_CONFIG_PATH} --state ${vars.PLAN_PATH} --output ${vars.PLAN_PATH}`);
    }
    plan.warnings.forEach((warning, i) => {
      const about = [warning.about, warning.name].filter((text) => text !== undefined && text !== null).join(' ');
      warn(`plan-${i}`, `plan: ${about}: ${warning.what}${warning.help ? `; ${warning.help}` : ''}`);
    });
  }
}
