import { describe, expect, it } from 'vitest';
import { App } from 'aws-cdk-lib';
import { variablesOf } from '../lib/index';

function read(context: Record<string, unknown>) {
  return variablesOf(new App({ context }));
}

describe('context', () => {
  it.each<[name: string, text: string, value: unknown]>([
    ['APP_NAME', 'gate', 'gate'],
    ['CREATE_VPC', 'false', false],
    ['TASK_CPU', '2048', 2048],
    ['AVAILABILITY_ZONES', 'eu-west-1a, eu-west-1b', ['eu-west-1a', 'eu-west-1b']],
    ['AVAILABILITY_ZONES', '["eu-west-1a","eu-west-1b"]', ['eu-west-1a', 'eu-west-1b']],
    ['TAGS', '{"Owner":"platform"}', { Owner: 'platform' }],
    ['EXTRA_SETTINGS', '{"access_log":{"to":"stdout"}}', { access_log: { to: 'stdout' } }],
  ])('of %s may be the text %s, as -c gives it', (name, text, value) => {
    expect(read({ [name]: text })).toEqual({ [name]: value });
  });

  it('may be JSON, as cdk.json gives it', () => {
    const context = { CREATE_VPC: false, TASK_SCALE_MIN: 2, CLIENT_CIDRS: ['10.0.0.0/8'], TAGS: { Owner: 'platform' } };
    expect(read(context)).toEqual(context);
  });

  it('null leaves the default', () => {
    expect(read({ IMAGE: null, ALARM_TOPIC_ARN: 'null' })).toEqual({});
  });

  it.each<[name: string, text: string, says: string]>([
    ['CREATE_VPC', 'yes', 'CREATE_VPC is `yes`, not true or false'],
    ['TASK_CPU', '1 vCPU', 'TASK_CPU is `1 vCPU`, not a number'],
    ['TAGS', 'Owner=platform', 'TAGS is not JSON'],
    ['TASK_SCALE_MX', '4', 'there is no variable TASK_SCALE_MX'],
  ])('%s=%s is refused', (name, text, says) => {
    expect(() => read({ [name]: text })).toThrow(says);
  });

  it('has keys that are not ours', () => {
    expect(read({ '@aws-cdk/core:checkSecretUsage': true, ACCOUNT: '111122223333', REGION: 'eu-west-1', lower_case: 1 })).toEqual({});
  });
});
