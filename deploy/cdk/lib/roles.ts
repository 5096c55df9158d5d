import type { CfnRoleProps } from 'aws-cdk-lib/aws-iam';
import type { Variables } from './variables';

/** What every role that is made has: a path, and a permissions boundary where one is given. */
export function roleRules({ IAM_PATH, PERMISSIONS_BOUNDARY_ARN }: Variables): Pick<CfnRoleProps, 'path' | 'permissionsBoundary'> {
  // CloudFormation replaces a role whose path it takes for changed, so the usual one is not said.
  return { ...keyOf('path', IAM_PATH === '/' ? null : IAM_PATH), ...keyOf('permissionsBoundary', PERMISSIONS_BOUNDARY_ARN) };
}

/** A property with this value, or none where there is no value: a template without it is as it was before. */
export function keyOf<K extends string>(name: K, value: string | null): Partial<Record<K, string>> {
  return (value === null ? {} : { [name]: value }) as Partial<Record<K, string>>;
}
