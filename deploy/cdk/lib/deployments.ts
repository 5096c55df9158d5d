import type * as ecs from 'aws-cdk-lib/aws-ecs';
import type { Faults } from './faults';
import type { Plan } from './plan';
import type { Variables } from './variables';

/** Adds to `faults` what is wrong with PRIVATE_CA_ARN. */
export function checkPrivateCa({ PRIVATE_CA_ARN: arn }: Variables, plan: Plan, region: string, faults: Faults): void {
  if (arn === null) {
    return;
  }
  const match = /^arn:aws[a-z-]*:acm-pca:([a-z0-9-]+):\d{12}:certificate-authority\/[0-9a-f-]+$/.exec(arn);
  if (match === null) {
    faults.add(`PRIVATE_CA_ARN \`${arn}\` is not the ARN of an AWS Private CA`, `one looks like arn:aws:acm-pca:${region}:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef`);
  } else if (match[1] !== region) {
    faults.add(`PRIVATE_CA_ARN \`${arn}\` is in ${match[1]}`, `ACM asks CAs of its own region only: name one of ${region}`);
  }
  const long = plan.import_names.filter((name) => name.length > 64);
  if (long.length > 0) {
    faults.add(
      `PRIVATE_CA_ARN is given, and ${long.join(', ')} has over 64 characters, the most that ACM takes for the first name of a certificate`,
      `leave PRIVATE_CA_ARN out, import certificates for all of ${plan.import_names.join(', ')}, and list their ARNs in CERTIFICATE_ARNS`,
    );
  }
}

/** Adds to `faults` what is wrong with the variables of the service's deployments. */
export function checkDeployments(vars: Variables, faults: Faults): void {
  const { IMAGE, IMAGE_DIGEST, DEPLOYMENT_ALARMS: alarms, FARGATE_SPOT_PCT: spot } = vars;
  if (IMAGE_DIGEST !== null && !/^sha256:[0-9a-f]{64}$/.test(IMAGE_DIGEST)) {
    faults.add(
      `IMAGE_DIGEST \`${IMAGE_DIGEST}\` is not the digest of an image`,
      `it is: aws ecr describe-images --repository-name ${vars.APP_NAME}-${vars.APP_ENVIRONMENT} --image-ids imageTag=${vars.IMAGE_TAG} --query 'imageDetails[0].imageDigest' --output text`,
    );
  }
  if (IMAGE_DIGEST !== null && IMAGE !== null) {
    faults.add('IMAGE_DIGEST is of an image in the repository that is made, and IMAGE names another one', 'end IMAGE with @ and the digest, and leave IMAGE_DIGEST out');
  }
  if (alarms.some((name) => !/^[ -~]{1,255}$/.test(name) || name.startsWith('arn:'))) {
    faults.add('DEPLOYMENT_ALARMS has something that is not the name of an alarm', `list names, not ARNs: ${vars.APP_NAME}-${vars.APP_ENVIRONMENT}-unhealthy-targets`);
  }
  if (new Set(alarms).size !== alarms.length) {
    faults.add('DEPLOYMENT_ALARMS lists an alarm twice', 'list each once');
  }
  if (!Number.isInteger(spot) || spot < 0 || spot > 100) {
    faults.add(`FARGATE_SPOT_PCT is ${spot}`, 'give a whole percentage from 0 to 100');
  }
}

/** What the cluster offers: Spot only where a share of tasks runs on it. */
export function clusterProviders({ FARGATE_SPOT_PCT }: Variables): Pick<ecs.CfnClusterProps, 'capacityProviders'> {
  return FARGATE_SPOT_PCT === 0 ? {} : { capacityProviders: ['FARGATE', 'FARGATE_SPOT'] };
}

/** What the service runs on. TASK_SCALE_MIN tasks are never on Spot; the others are shared by weight. */
export function capacity({ FARGATE_SPOT_PCT: spot, TASK_SCALE_MIN }: Variables): Pick<ecs.CfnServiceProps, 'launchType' | 'capacityProviderStrategy'> {
  if (spot === 0) {
    return { launchType: 'FARGATE' };
  }
  return {
    capacityProviderStrategy: [
      { capacityProvider: 'FARGATE', base: TASK_SCALE_MIN, weight: 100 - spot },
      { capacityProvider: 'FARGATE_SPOT', base: 0, weight: spot },
    ],
  };
}

/** The alarms that end a deployment and roll it back, beside the circuit breaker. */
export function deploymentAlarms({ DEPLOYMENT_ALARMS }: Variables): Pick<ecs.CfnService.DeploymentConfigurationProperty, 'alarms'> {
  return DEPLOYMENT_ALARMS.length === 0 ? {} : { alarms: { alarmNames: DEPLOYMENT_ALARMS, enable: true, rollback: true } };
}
