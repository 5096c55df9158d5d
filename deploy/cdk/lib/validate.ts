import type { Faults } from './faults';
import { checkAppConfig } from './appconfig';
import { checkExistingLoadBalancer } from './existing-load-balancer';
import { checkDeployments, checkPrivateCa } from './deployments';
import { checkEndpointService } from './endpoint-service';
import { parseCidr } from './networks';
import { checkRules } from './rules';
import type { Plan } from './plan';
import type { Variables } from './variables';

/** What VALIDATION_ZONE_IDS says of a zone whose records somebody writes by hand. */
export const BY_HAND = 'by-hand';

const SERVICES = ['execute-api', 'logs', 'ecr.api', 'ecr.dkr', 's3', 'ssmmessages', 'appconfigdata'];
const RETENTION_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/** Adds to `faults` everything that is wrong with the variables, each alone and together with the plan. */
export function checkVariables(vars: Variables, plan: Plan, region: string, faults: Faults): void {
  checkNames(vars, faults);
  checkRules(vars, region, faults);
  checkNetwork(vars, region, faults);
  checkExisting(vars, region, faults);
  checkLoadBalancer(vars, plan, faults);
  checkListener(vars, faults);
  checkExistingLoadBalancer(vars, plan, region, faults);
  checkCertificates(vars, plan, region, faults);
  checkContainer(vars, region, faults);
  checkHostedZones(vars, plan, faults);
  checkSettings(vars, faults);
  checkEndpoints(vars, plan, region, faults);
  checkScaling(vars, region, faults);
  checkPrivateCa(vars, plan, region, faults);
  checkDeployments(vars, faults);
  checkAppConfig(vars, region, faults);
  checkEndpointService(vars, faults);
}

function checkNames(vars: Variables, faults: Faults): void {
  const { APP_NAME, APP_ENVIRONMENT, TAGS } = vars;
  if (!/^[a-z]([a-z0-9]|-[a-z0-9])*$/.test(APP_NAME)) {
    faults.add(`APP_NAME \`${APP_NAME}\` is not a name`, 'use a-z, 0-9 and single hyphens between them, beginning with a letter: reverse-proxy');
  } else if (`${APP_NAME}-`.startsWith('internal-')) {
    faults.add(`APP_NAME \`${APP_NAME}\` begins with internal-`, 'choose another: ELB takes no load balancer name that begins so');
  }
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(APP_ENVIRONMENT)) {
    faults.add(`APP_ENVIRONMENT \`${APP_ENVIRONMENT}\` is not a name`, 'use a-z, 0-9 and single hyphens between them: dev, prod-2');
  }
  const prefix = `${APP_NAME}-${APP_ENVIRONMENT}`;
  if (prefix.length > 24) {
    faults.add(
      `APP_NAME-APP_ENVIRONMENT is \`${prefix}\`, ${prefix.length} characters`,
      "shorten one of the two to 24 together: a target group's name has 32, and names are never cut",
    );
  }
  if (Object.keys(TAGS).length > 45 || Object.keys(TAGS).some((key) => /^aws:/i.test(key))) {
    faults.add('TAGS has over 45 keys, or one that begins with aws:', 'AWS takes 50 tags, of which we and AWS set some, and keeps aws: for itself');
  }
}

function checkNetwork(vars: Variables, region: string, faults: Faults): void {
  const network = parseCidr(vars.VPC_CIDR);
  const longest = vars.CREATE_VPC ? 24 : 28;
  if (network === undefined || network.prefix < 16 || network.prefix > longest) {
    faults.add(
      `VPC_CIDR \`${vars.VPC_CIDR}\` is not an IPv4 network from /16 to /${longest}`,
      'write one such as 10.0.0.0/16; of a VPC that is made each subnet gets a sixteenth, and AWS has none smaller than /28',
    );
  }
  for (const cidr of vars.CLIENT_CIDRS.filter((item) => parseCidr(item) === undefined)) {
    faults.add(`CLIENT_CIDRS: \`${cidr}\` is not an IPv4 network`, 'write networks such as 10.0.0.0/8, without bits behind the prefix');
  }
  if (new Set(vars.CLIENT_CIDRS).size !== vars.CLIENT_CIDRS.length) {
    faults.add('CLIENT_CIDRS lists a network twice', 'list each once');
  }
  for (const name of ['VPC_SECONDARY_CIDRS', 'DNS_SERVER_CIDRS'] as const) {
    for (const cidr of vars[name].filter((item) => parseCidr(item) === undefined)) {
      faults.add(`${name}: \`${cidr}\` is not an IPv4 network`, 'write networks such as 100.64.0.0/16, or 10.0.0.10/32 for one address, without bits behind the prefix');
    }
    if (new Set(vars[name]).size !== vars[name].length) {
      faults.add(`${name} lists a network twice`, 'list each once');
    }
  }
  if (vars.CREATE_VPC && vars.VPC_SECONDARY_CIDRS.length > 0) {
    faults.add('VPC_SECONDARY_CIDRS goes with CREATE_VPC false', 'leave it out: a VPC that is made has one CIDR, VPC_CIDR');
  }
  if (vars.DNS_SERVER_CIDRS.length > 0 && vars.EXTERNAL_FARGATE_SG_ID !== null) {
    faults.add('DNS_SERVER_CIDRS adds rules, and EXTERNAL_FARGATE_SG_ID is used as it is', 'leave it out, and let your group reach port 53 of the servers, UDP and TCP');
  }
  const zones = vars.AVAILABILITY_ZONES;
  for (const zone of zones.filter((item) => !/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/.test(item))) {
    faults.add(`AVAILABILITY_ZONES: \`${zone}\` is not the name of an Availability Zone`, `one looks like ${region}a`);
  }
  for (const zone of zones.filter((item) => item.slice(0, -1) !== region && /^[a-z]{2}(-[a-z]+)+-\d[a-z]$/.test(item))) {
    faults.add(`AVAILABILITY_ZONES: \`${zone}\` is not in ${region}`, "name zones of the stack's region");
  }
  if (zones.length > 3 || zones.length === 1 || new Set(zones).size !== zones.length) {
    faults.add(`AVAILABILITY_ZONES has ${zones.length} names`, 'name two or three different zones');
  }
  if (vars.CREATE_VPC && zones.length === 0) {
    faults.add('AVAILABILITY_ZONES is empty', 'name two or three: synthesis asks AWS nothing, so it cannot look them up');
  }
}

function checkExisting(vars: Variables, region: string, faults: Faults): void {
  const id = (name: keyof Variables, prefix: string, values: (string | null | undefined)[]) => {
    for (const value of values) {
      if (typeof value === 'string' && !new RegExp(`^${prefix}-[0-9a-f]{8,17}$`).test(value)) {
        faults.add(`${name}: \`${value}\` is not an id`, `ids look like ${prefix}-0123456789abcdef0`);
      }
    }
  };
  id('EXTERNAL_VPC_ID', 'vpc', [vars.EXTERNAL_VPC_ID]);
  id('EXTERNAL_PRIVATE_SUBNETS_ID', 'subnet', vars.EXTERNAL_PRIVATE_SUBNETS_ID);
  id('EXTERNAL_ALB_SG_ID', 'sg', [vars.EXTERNAL_ALB_SG_ID]);
  id('EXTERNAL_ENDPOINT_SG_ID', 'sg', [vars.EXTERNAL_ENDPOINT_SG_ID]);
  id('EXTERNAL_FARGATE_SG_ID', 'sg', [vars.EXTERNAL_FARGATE_SG_ID]);
  id('ROUTE_TABLE_IDS', 'rtb', vars.ROUTE_TABLE_IDS);
  id('S3_PREFIX_LIST_ID', 'pl', [vars.S3_PREFIX_LIST_ID]);
  id('EXISTING_ENDPOINTS', 'vpce', Object.values(vars.EXISTING_ENDPOINTS));
  for (const service of Object.keys(vars.EXISTING_ENDPOINTS).filter((item) => !SERVICES.includes(item))) {
    faults.add(`EXISTING_ENDPOINTS: \`${service}\` is not a service that is needed`, `its keys are ${SERVICES.join(', ')}`);
  }
  if (vars.EXTERNAL_FARGATE_SG_ID === null && vars.S3_PREFIX_LIST_ID === null) {
    faults.add(
      'S3_PREFIX_LIST_ID is missing',
      `the tasks' security group lets S3 be reached by its prefix list; it is: aws ec2 describe-managed-prefix-lists --region ${region} ` +
        `--filters Name=prefix-list-name,Values=com.amazonaws.${region}.s3 --query PrefixLists[0].PrefixListId --output text`,
    );
  }
  if (vars.EXECUTE_API_PRIVATE_DNS && vars.EXISTING_ENDPOINTS['execute-api'] !== undefined) {
    faults.add(
      'EXECUTE_API_PRIVATE_DNS is true, and EXISTING_ENDPOINTS has execute-api, which is not changed here',
      'leave one of the two out; to change the existing endpoint: aws ec2 modify-vpc-endpoint --vpc-endpoint-id VPCE --private-dns-enabled',
    );
  }
  if (vars.CREATE_VPC) {
    if (Object.keys(vars.EXISTING_ENDPOINTS).length > 0) {
      faults.add('EXISTING_ENDPOINTS goes with CREATE_VPC false', 'leave it out: a VPC that is made has no endpoints yet');
    }
    return;
  }
  if (vars.EXTERNAL_VPC_ID === null) {
    faults.add('CREATE_VPC is false and EXTERNAL_VPC_ID is missing', "give the existing VPC's id");
  }
  if (new Set(vars.EXTERNAL_PRIVATE_SUBNETS_ID).size !== vars.EXTERNAL_PRIVATE_SUBNETS_ID.length) {
    faults.add('EXTERNAL_PRIVATE_SUBNETS_ID lists a subnet twice', 'list each once');
  }
  if (new Set(vars.EXTERNAL_PRIVATE_SUBNETS_ID).size < 2) {
    faults.add('EXTERNAL_PRIVATE_SUBNETS_ID has fewer than two subnets', 'list two or more private subnets, each in another Availability Zone');
  }
  if (vars.ROUTE_TABLE_IDS.length === 0 && vars.EXISTING_ENDPOINTS.s3 === undefined) {
    faults.add(
      'ROUTE_TABLE_IDS is empty, and the VPC is to get an S3 gateway endpoint',
      "list the private subnets' route tables, or name the endpoint that is there: EXISTING_ENDPOINTS {\"s3\":\"vpce-...\"}",
    );
  }
  const existing = vars.EXISTING_ENDPOINTS['execute-api'] !== undefined;
  if (existing !== (vars.EXISTING_ENDPOINT_DNS_NAME !== null)) {
    faults.add(
      existing ? 'EXISTING_ENDPOINTS has execute-api and EXISTING_ENDPOINT_DNS_NAME is missing' : 'EXISTING_ENDPOINT_DNS_NAME goes with EXISTING_ENDPOINTS execute-api',
      'give both or neither; the name is: aws ec2 describe-vpc-endpoints --vpc-endpoint-ids VPCE --query VpcEndpoints[0].DnsEntries[0].DnsName --output text',
    );
  }
  if (vars.EXISTING_ENDPOINT_DNS_NAME !== null && !isDnsName(vars.EXISTING_ENDPOINT_DNS_NAME)) {
    faults.add(`EXISTING_ENDPOINT_DNS_NAME \`${vars.EXISTING_ENDPOINT_DNS_NAME}\` is not a DNS name`, 'one looks like vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com');
  }
}

function isDnsName(text: string): boolean {
  return /^[a-zA-Z0-9*-]+(\.[a-zA-Z0-9-]+)+$/.test(text);
}

function checkLoadBalancer(vars: Variables, plan: Plan, faults: Faults): void {
  if (!['NLB', 'ALB'].includes(vars.ELB_TYPE)) {
    faults.add(`ELB_TYPE is \`${String(vars.ELB_TYPE)}\``, 'it is NLB or ALB');
  } else if (plan.options.elb !== vars.ELB_TYPE) {
    faults.add(
      `the plan is for load balancer ${plan.options.elb}, and ELB_TYPE is ${vars.ELB_TYPE}`,
      `make it again: nameplate plan MAPPING --elb ${vars.ELB_TYPE} --state plan.json --output plan.json`,
    );
  }
}

function checkListener({ SSL_POLICY, ELB_TYPE, ALB_IDLE_TIMEOUT: idle, DROP_INVALID_HEADER_FIELDS: drops }: Variables, faults: Faults): void {
  if (!/^ELBSecurityPolicy-[A-Za-z0-9-]+$/.test(SSL_POLICY)) {
    faults.add(`SSL_POLICY \`${SSL_POLICY}\` is not the name of a TLS policy`, 'one is ELBSecurityPolicy-TLS13-1-2-2021-06; all of them: aws elbv2 describe-ssl-policies --query SslPolicies[].Name');
  }
  if (idle !== null && (!Number.isInteger(idle) || idle < 1 || idle > 4000)) {
    faults.add(`ALB_IDLE_TIMEOUT is ${idle}`, 'give whole seconds from 1 to 4000, which is what an ALB takes');
  }
  if (idle !== null && ELB_TYPE !== 'ALB') {
    faults.add(`ALB_IDLE_TIMEOUT is set and ELB_TYPE is ${ELB_TYPE}`, "leave it out: the idle timeout of an NLB's TLS listener is 350 s and cannot be changed");
  }
  if (drops && ELB_TYPE !== 'ALB') {
    faults.add(`DROP_INVALID_HEADER_FIELDS is true and ELB_TYPE is ${ELB_TYPE}`, 'leave it out: an NLB does not read headers');
  }
}

function checkCertificates(vars: Variables, plan: Plan, region: string, faults: Faults): void {
  const arns = vars.CERTIFICATE_ARNS;
  for (const arn of arns) {
    const match = /^arn:aws[a-z-]*:acm:([a-z0-9-]+):\d{12}:certificate\/[0-9a-zA-Z-]+$/.exec(arn);
    if (match === null) {
      faults.add(`CERTIFICATE_ARNS: \`${arn}\` is not the ARN of an ACM certificate`, `one looks like arn:aws:acm:${region}:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef`);
    } else if (match[1] !== region) {
      faults.add(`CERTIFICATE_ARNS: \`${arn}\` is in ${match[1]}`, `import it in ${region}, where the load balancer is`);
    }
  }
  if (new Set(arns).size !== arns.length) {
    faults.add('CERTIFICATE_ARNS lists a certificate twice', 'list each once');
  }
  const names = plan.import_names;
  const privately = vars.PRIVATE_CA_ARN === null ? 0 : names.length;
  // A listener that exists has a default certificate, and those that its owner attached.
  const covered = arns.length > 0 || privately > 0 || vars.EXISTING_LISTENER_ARN !== null;
  if (names.length > 0 && !covered) {
    faults.add(
      `ACM cannot validate ${names.join(', ')}`,
      `import a certificate for them into ACM in ${region}, and list its ARN in CERTIFICATE_ARNS; or name a CA of AWS Private CA in PRIVATE_CA_ARN`,
    );
  } else if (plan.default_certificate === null && !covered) {
    faults.add('the listener would have no certificate: the plan has none', 'list an imported one in CERTIFICATE_ARNS');
  }
  // The default certificate of an ALB does not count (ELB quotas).
  const most = plan.quotas.certificates_per_listener + (vars.ELB_TYPE === 'ALB' && vars.EXISTING_LISTENER_ARN === null ? 1 : 0);
  const count = plan.certificates.length + arns.length + privately;
  if (count > most) {
    faults.add(`the listener would have ${count} certificates; an ${vars.ELB_TYPE} takes ${most} with the default one`, 'deploy a second stack for some of the domains, or have the quota raised and say so: nameplate plan --quota certificates-per-listener=NUMBER');
  }
  for (const zone of new Set(plan.certificates.map((certificate) => certificate.validation_zone))) {
    if (vars.VALIDATION_ZONE_IDS[zone] === undefined) {
      faults.add(
        `VALIDATION_ZONE_IDS lacks ${zone}, where certificates are validated`,
        `give the id of the public hosted zone, {"${zone}":"Z..."}, or "${BY_HAND}" where it is in another account: README.md, "Certificates"`,
      );
    }
  }
  for (const [zone, id] of Object.entries(vars.VALIDATION_ZONE_IDS)) {
    if (id !== BY_HAND && !/^Z[0-9A-Z]{1,31}$/.test(id)) {
      faults.add(`VALIDATION_ZONE_IDS: \`${id}\` of ${zone} is not the id of a hosted zone`, `one looks like Z0123456789ABCDEFGHIJ; or "${BY_HAND}"`);
    }
  }
}

function checkHostedZones({ HOSTED_ZONES, HOSTED_ZONE_IDS }: Variables, plan: Plan, faults: Faults): void {
  if (!['create', 'existing', 'none'].includes(HOSTED_ZONES)) {
    faults.add(`HOSTED_ZONES is \`${String(HOSTED_ZONES)}\``, 'it is create, existing or none');
  }
  for (const [zone, id] of Object.entries(HOSTED_ZONE_IDS)) {
    if (!/^Z[0-9A-Z]{1,31}$/.test(id)) {
      faults.add(`HOSTED_ZONE_IDS: \`${id}\` of ${zone} is not the id of a hosted zone`, 'one looks like Z0123456789ABCDEFGHIJ');
    }
  }
  if (HOSTED_ZONES !== 'existing' && Object.keys(HOSTED_ZONE_IDS).length > 0) {
    faults.add(`HOSTED_ZONE_IDS is given, and HOSTED_ZONES is ${HOSTED_ZONES}`, 'set HOSTED_ZONES to existing, or leave the ids out');
  }
  const missing = plan.hosted_zones.map((zone) => zone.name).filter((name) => HOSTED_ZONE_IDS[name] === undefined);
  if (HOSTED_ZONES === 'existing' && missing.length > 0) {
    faults.add(`HOSTED_ZONES is existing, and HOSTED_ZONE_IDS lacks ${missing.join(', ')}`, 'make these zones, associate them with the VPC, and add their ids');
  }
}

/** The settings of conf/nameplate.yaml, and of these what the load balancer and its health checks depend on. */
export const SETTINGS = [
  'access_log', 'admin', 'admin_pages', 'client', 'emf', 'endpoint', 'endpoints', 'forwarded', 'limits', 'listeners', 'log', 'mapping',
  'memory', 'metrics', 'probes', 'reload', 'request_id', 'shutdown', 'threads',
];
const OURS = ['listeners', 'admin'];

function checkSettings(vars: Variables, faults: Faults): void {
  const unknown = Object.keys(vars.EXTRA_SETTINGS).filter((key) => !SETTINGS.includes(key));
  if (unknown.length > 0) {
    faults.add(`EXTRA_SETTINGS has keys that are no settings of Nameplate: ${unknown.join(', ')}`, 'conf/nameplate.yaml has all that there are');
  }
  const ours = Object.keys(vars.EXTRA_SETTINGS).filter((key) => OURS.includes(key));
  if (ours.length > 0) {
    faults.add(`EXTRA_SETTINGS has ${ours.join(' and ')}`, 'leave it out: the load balancer, its health checks and the security groups are made for those that are set here');
  }
}

function checkContainer(vars: Variables, region: string, faults: Faults): void {
  const { IMAGE, IMAGE_TAG, TASK_CPU, TASK_MEMORY, STOP_TIMEOUT } = vars;
  if (IMAGE !== null && (!/^[a-z0-9][a-zA-Z0-9./_:-]*(:[a-zA-Z0-9_][a-zA-Z0-9._-]*|@sha256:[0-9a-f]{64})$/.test(IMAGE) || IMAGE.endsWith(':latest'))) {
    faults.add(`IMAGE \`${IMAGE}\` names no version`, 'end it with a tag other than latest, or with a digest: with latest, tasks that start at different times run different code');
  }
  // Our security group lets tasks reach the VPC endpoints and S3, and nothing else.
  const registry = new RegExp(`^\\d{12}\\.dkr\\.ecr(-fips)?\\.${region}\\.amazonaws\\.com(\\.cn)?/`);
  if (IMAGE !== null && vars.EXTERNAL_FARGATE_SG_ID === null && !registry.test(IMAGE)) {
    faults.add(
      `IMAGE \`${IMAGE}\` is in no ECR registry of ${region}, and tasks reach no other`,
      'push it to the repository that is made, or to another one of the region; or give EXTERNAL_FARGATE_SG_ID, a group that lets tasks reach it',
    );
  }
  if (!/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/.test(IMAGE_TAG) || IMAGE_TAG === 'latest') {
    faults.add(`IMAGE_TAG \`${IMAGE_TAG}\` names no version`, "give a tag such as 0.1.0; the repository's tags are immutable, so latest could be pushed once");
  }
  if (!['ARM64', 'X86_64'].includes(vars.TASK_PLATFORM)) {
    faults.add(`TASK_PLATFORM is \`${String(vars.TASK_PLATFORM)}\``, 'it is ARM64 or X86_64');
  }
  const sizes = FARGATE_MEMORY[TASK_CPU];
  if (sizes === undefined) {
    faults.add(`TASK_CPU is ${TASK_CPU}`, `Fargate has ${Object.keys(FARGATE_MEMORY).join(', ')}`);
  } else if (!sizes.includes(TASK_MEMORY)) {
    faults.add(`TASK_MEMORY ${TASK_MEMORY} does not go with TASK_CPU ${TASK_CPU}`, `Fargate has ${sizes.join(', ')} MiB for it`);
  }
  if (!Number.isInteger(STOP_TIMEOUT) || STOP_TIMEOUT < 2 || STOP_TIMEOUT > 120) {
    faults.add(`STOP_TIMEOUT is ${STOP_TIMEOUT}`, 'give whole seconds from 2 to 120, which is what Fargate takes');
  }
  if (!RETENTION_DAYS.includes(vars.LOG_RETENTION_DAYS)) {
    faults.add(`LOG_RETENTION_DAYS is ${vars.LOG_RETENTION_DAYS}`, `CloudWatch has ${RETENTION_DAYS.join(', ')}`);
  }
}

function steps(first: number, last: number, by: number): number[] {
  return Array.from({ length: (last - first) / by + 1 }, (_, i) => first + i * by);
}

/** Memory in MiB that Fargate has for each CPU (ECS developer guide, "Task CPU and memory"). */
const FARGATE_MEMORY: Record<number, number[]> = {
  256: [512, 1024, 2048],
  512: steps(1024, 4096, 1024),
  1024: steps(2048, 8192, 1024),
  2048: steps(4096, 16384, 1024),
  4096: steps(8192, 30720, 1024),
  8192: steps(16384, 61440, 4096),
  16384: steps(32768, 122880, 8192),
};

function checkEndpoints(vars: Variables, plan: Plan, region: string, faults: Faults): void {
  const extra = vars.EXTRA_ENDPOINTS;
  for (const [name, dns] of Object.entries(extra)) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name) || name === 'default') {
      faults.add(`EXTRA_ENDPOINTS: \`${name}\` is not a name for an endpoint`, "use 1 to 64 letters, digits, - and _; `default` is the stack's own endpoint");
    }
    if (!isDnsName(dns)) {
      faults.add(`EXTRA_ENDPOINTS: \`${dns}\` of ${name} is not a DNS name`, 'one looks like vpce-0123456789abcdef0-abcdefgh.execute-api.eu-central-1.vpce.amazonaws.com');
    }
  }
  const missing = plan.endpoints.filter((name) => name !== 'default' && extra[name] === undefined);
  if (missing.length > 0) {
    faults.add(`EXTRA_ENDPOINTS lacks ${missing.join(', ')}, which the mapping's ENDPOINT names`, `add their DNS names: {"${missing[0]}":"vpce-..."}`);
  }
  const elsewhere = plan.regions.filter((item) => item !== region);
  if (elsewhere.length > 0 && Object.keys(extra).length === 0) {
    faults.add(
      `the mapping has APIs in ${elsewhere.join(', ')}, and the stack is in ${region}`,
      'an endpoint reaches the APIs of its own region: name one of each with ENDPOINT in the mapping, and give its DNS name in EXTRA_ENDPOINTS',
    );
  }
}

function checkScaling(vars: Variables, region: string, faults: Faults): void {
  const { TASK_SCALE_MIN: min, TASK_SCALE_MAX: max, TASK_SCALE_CPU_PCT: target, ALARM_TOPIC_ARN: topic } = vars;
  if (!Number.isInteger(min) || min < 1) {
    faults.add(`TASK_SCALE_MIN is ${min}`, 'give a whole number from 1');
  }
  if (!Number.isInteger(max) || max > 5000) {
    faults.add(`TASK_SCALE_MAX is ${max}`, 'give a whole number up to 5000, the most tasks of a service (ECS quotas)');
  }
  if (min > max) {
    faults.add(`TASK_SCALE_MIN (${min}) is over TASK_SCALE_MAX (${max})`, 'lower the one or raise the other');
  }
  if (target < 10 || target > 100) {
    faults.add(`TASK_SCALE_CPU_PCT is ${target}`, 'give a percentage from 10 to 100');
  }
  if (topic !== null && !/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+$/.test(topic)) {
    faults.add(`ALARM_TOPIC_ARN \`${topic}\` is not the ARN of an SNS topic`, `one looks like arn:aws:sns:${region}:111122223333:alarms`);
  } else if (topic !== null && topic.split(':')[3] !== region) {
    faults.add(`ALARM_TOPIC_ARN \`${topic}\` is not in ${region}`, 'an alarm tells topics of its own region only: name one of them');
  }
}
