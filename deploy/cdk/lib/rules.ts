import type { Faults } from './faults';
import type { Variables } from './variables';

const KEYS = ['LOGS_KMS_KEY_ARN', 'ECR_KMS_KEY_ARN', 'S3_KMS_KEY_ARN'] as const;
const CLIENTS = [
  ['CLIENT_PREFIX_LIST_IDS', /^pl-[0-9a-f]{8,17}$/, 'pl-0123456789abcdef0'],
  ['CLIENT_SECURITY_GROUP_IDS', /^sg-[0-9a-f]{8,17}$/, 'sg-0123456789abcdef0'],
] as const;

/** Adds to `faults` what is wrong with what an organisation brings: a bucket, a cluster, roles and rules for them, keys and clients. */
export function checkRules(vars: Variables, region: string, faults: Faults): void {
  const { EXISTING_BUCKET: bucket, EXISTING_CLUSTER: cluster } = vars;
  if (bucket !== null && !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    faults.add(`EXISTING_BUCKET \`${bucket}\` is not the name of a bucket`, 'give it without s3:// and without a key: platform-nameplate-prod');
  }
  if (cluster !== null && !/^[A-Za-z0-9_-]{1,255}$/.test(cluster)) {
    faults.add(`EXISTING_CLUSTER \`${cluster}\` is not the name of an ECS cluster`, 'give its name, not its ARN: platform');
  }
  const { CONTAINER_INSIGHTS: insights } = vars;
  if (!['enabled', 'enhanced', 'disabled'].includes(insights)) {
    faults.add(`CONTAINER_INSIGHTS is \`${String(insights)}\``, 'it is enabled, enhanced or disabled');
  } else if (insights !== 'enabled' && cluster !== null) {
    faults.add(
      `CONTAINER_INSIGHTS is set, and EXISTING_CLUSTER \`${cluster}\` is not changed here`,
      `leave it out; to change the cluster: aws ecs update-cluster-settings --cluster ${cluster} --settings name=containerInsights,value=${insights}`,
    );
  }
  for (const name of ['EXECUTION_ROLE_ARN', 'TASK_ROLE_ARN'] as const) {
    if (vars[name] !== null && !/^arn:aws[a-z-]*:iam::\d{12}:role\/[A-Za-z0-9+=,.@_/-]+$/.test(vars[name])) {
      faults.add(`${name} \`${vars[name]}\` is not the ARN of an IAM role`, 'one looks like arn:aws:iam::111122223333:role/nameplate-task');
    }
  }
  const { PERMISSIONS_BOUNDARY_ARN: boundary, IAM_PATH: path } = vars;
  if (boundary !== null && !/^arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/[A-Za-z0-9+=,.@_/-]+$/.test(boundary)) {
    faults.add(`PERMISSIONS_BOUNDARY_ARN \`${boundary}\` is not the ARN of an IAM policy`, 'one looks like arn:aws:iam::111122223333:policy/boundary');
  }
  if (!/^\/([A-Za-z0-9+=,.@_-]+\/)*$/.test(path) || path.length > 512) {
    faults.add(`IAM_PATH \`${path}\` is not a path`, 'begin and end it with a slash: /platform/nameplate/');
  }
  for (const name of KEYS) {
    const match = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key\/[0-9a-zA-Z-]+$/.exec(vars[name] ?? '');
    if (vars[name] !== null && match === null) {
      faults.add(`${name} \`${vars[name]}\` is not the ARN of a KMS key`, `give that of the key, not of an alias: arn:aws:kms:${region}:111122223333:key/01234567-89ab-cdef-0123-456789abcdef`);
    } else if (match !== null && match[1] !== region) {
      faults.add(`${name} is a key of ${match[1]}`, `name one of ${region}, where the stack is`);
    }
  }
  for (const [name, pattern, example] of CLIENTS) {
    for (const id of vars[name].filter((item) => !pattern.test(item))) {
      faults.add(`${name}: \`${id}\` is not an id`, `ids look like ${example}`);
    }
    if (new Set(vars[name]).size !== vars[name].length) {
      faults.add(`${name} lists an id twice`, 'list each once');
    }
    if (vars[name].length > 0 && vars.EXTERNAL_ALB_SG_ID !== null) {
      faults.add(`${name} adds rules, and EXTERNAL_ALB_SG_ID is used as it is`, 'leave one of the two out');
    }
  }
}
