import { Aws } from 'aws-cdk-lib';

/** The name of the tasks' log group. */
export function logGroupName(prefix: string): string {
  return `/nameplate/${prefix}`;
}

/** The ARN of all streams of the tasks' log group, as policies name it. */
export function logGroupArn(prefix: string): string {
  return `arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:log-group:${logGroupName(prefix)}:*`;
}
