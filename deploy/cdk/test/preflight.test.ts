import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { NameplateProps } from '../lib/index';
import { checkFound, find, type Found } from '../lib/preflight';
import { settle } from '../lib/props';
import { CASES, PLAN, PLAN_FILE } from './cases';

const ZONES = ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'];
/** A region whose every zone has all that is needed, and the subnets of the existing VPC. */
const ALL: Found = {
  zones: ZONES.map((name, i) => ({ name, id: `euw1-az${i + 1}` })),
  services: Object.fromEntries(['execute-api', 'logs', 'ecr.api', 'ecr.dkr'].map((service) => [service, ZONES])),
  account: '111122223333',
  vpc: { owner: '111122223333', cidrs: ['10.0.0.0/16'] },
  loadBalancer: undefined,
  subnets: { 'subnet-0123456789abcdef0': 'eu-west-1a', 'subnet-0fedcba9876543210': 'eu-west-1b' },
};

/** What preflight says of a case where AWS says this; '' where nothing is wrong. */
function said(found: Partial<Found>, props: NameplateProps = CASES.nlb, region = 'eu-west-1'): string {
  try {
    checkFound(settle(props, region), region, { ...ALL, ...found });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('preflight', () => {
  it('says nothing where every zone has what tasks need', () => {
    expect([said({}), said({}, CASES.existing)]).toEqual(['', '']);
  });

  it('refuses a zone without an endpoint service, and names those that have all', () => {
    const message = said({ services: { ...ALL.services, 'execute-api': ['eu-west-1b', 'eu-west-1c'], logs: ['eu-west-1b', 'eu-west-1c'] } });
    expect(message).toContain('AVAILABILITY_ZONES: eu-west-1a lacks the endpoint service execute-api and the endpoint service logs');
    expect(message).toContain('help: name zones out of eu-west-1b, eu-west-1c');
  });

  it('refuses a zone without Fargate, by its id', () => {
    const props = { ...CASES.nlb, AVAILABILITY_ZONES: ['us-west-1a', 'us-west-1b'], ALARM_TOPIC_ARN: null as never, PLAN: { ...PLAN, regions: ['us-west-1'] } };
    const zones = [{ name: 'us-west-1a', id: 'usw1-az2' }, { name: 'us-west-1b', id: 'usw1-az1' }, { name: 'us-west-1c', id: 'usw1-az3' }];
    expect(said({ zones, services: {} }, props, 'us-west-1')).toContain('us-west-1a lacks Fargate\n    help: name zones out of us-west-1b, us-west-1c');
  });

  it('refuses a zone that the account does not have', () => {
    expect(said({}, { ...CASES.nlb, AVAILABILITY_ZONES: ['eu-west-1a', 'eu-west-1f'] })).toContain('eu-west-1f is not one of the available zones of eu-west-1');
  });

  it('refuses an existing subnet in such a zone, and one that is not there', () => {
    const services = { ...ALL.services, 'ecr.dkr': ['eu-west-1b'] };
    expect(said({ services }, CASES.existing)).toContain('subnet-0123456789abcdef0 is in eu-west-1a, which lacks the endpoint service ecr.dkr');
    expect(said({ subnets: {} }, CASES.existing)).toContain('there is no subnet-0123456789abcdef0');
  });

  it('refuses zones and endpoints in a VPC that another account shares', () => {
    const vpc = { owner: '444455556666', cidrs: ['10.0.0.0/16'] };
    const message = said({ vpc }, CASES.existing);
    expect(message).toContain('vpc-0123456789abcdef0 belongs to account 444455556666, which shares it with this one (111122223333): Route 53 makes');
    expect(message).toContain('EXISTING_ENDPOINTS lacks logs, ecr.api, ecr.dkr, ssmmessages, s3, and vpc-0123456789abcdef0 belongs to');
    const ids = { 'execute-api': 'vpce-00000001', logs: 'vpce-00000002', 'ecr.api': 'vpce-00000003', 'ecr.dkr': 'vpce-00000004', ssmmessages: 'vpce-00000005', s3: 'vpce-00000006' };
    expect(said({ vpc, services: {} }, { ...CASES.existing, HOSTED_ZONES: 'none', EXISTING_ENDPOINTS: ids })).toBe('');
  });
});

describe('preflight of an existing VPC', () => {
  it('refuses networks that synthesis was not told', () => {
    const vpc = { owner: '111122223333', cidrs: ['172.16.0.0/16', '100.64.0.0/16'] };
    const message = said({ vpc }, CASES.existing);
    expect(message).toContain('VPC_CIDR is 10.0.0.0/16, and that of vpc-0123456789abcdef0 is 172.16.0.0/16\n    help: set VPC_CIDR to 172.16.0.0/16');
    expect(message).toContain('VPC_SECONDARY_CIDRS lacks 100.64.0.0/16');
    expect(said({ vpc }, { ...CASES.existing, VPC_CIDR: '172.16.0.0/16', VPC_SECONDARY_CIDRS: ['100.64.0.0/16'] })).toBe('');
  });

  it('reads them as AWS writes them', () => {
    const settled = settle(CASES.existing, 'eu-west-1');
    const associations = [['10.0.0.0/16', 'associated'], ['100.64.0.0/16', 'associated'], ['10.9.0.0/16', 'disassociated']];
    const vpc = {
      OwnerId: '111122223333', CidrBlock: '10.0.0.0/16',
      CidrBlockAssociationSet: associations.map(([CidrBlock, State]) => ({ CidrBlock, CidrBlockState: { State } })),
    };
    const answers: Record<string, object> = {
      'describe-availability-zones': { AvailabilityZones: [] }, 'describe-vpc-endpoint-services': { ServiceDetails: [] },
      'describe-subnets': { Subnets: [{ SubnetId: 'subnet-01', AvailabilityZone: 'eu-west-1a' }] }, 'describe-vpcs': { Vpcs: [vpc] },
      'get-caller-identity': { Account: '111122223333' },
    };
    const found = find(settled, 'eu-west-1', (words) => answers[words[1]!]);
    expect(found).toMatchObject({ vpc: { owner: '111122223333', cidrs: ['10.0.0.0/16', '100.64.0.0/16'] }, subnets: { 'subnet-01': 'eu-west-1a' } });
  });
});

describe('npm run preflight', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nameplate-cdk-preflight-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const WORDS = [
    'REGION=eu-west-1', `PLAN_PATH=${PLAN_FILE}`, 'AVAILABILITY_ZONES=eu-west-1a,eu-west-1b', 'S3_PREFIX_LIST_ID=pl-0123456789abcdef0',
    'VALIDATION_ZONE_IDS={"example.com":"Z0123456789COM","example.net":"Z0123456789NET"}',
  ].flatMap((word) => ['-c', word]);

  /** Runs it beside an AWS CLI that answers so, and keeps what it is asked. */
  function run(answers: Record<string, object>, words = WORDS): Promise<{ code: number; stdout: string; stderr: string }> {
    for (const [command, answer] of Object.entries(answers)) {
      writeFileSync(join(folder, command), JSON.stringify(answer));
    }
    const aws = join(folder, 'aws');
    writeFileSync(aws, `#!/bin/sh\necho "$@" >>${folder}/asked\ncat ${folder}/"$2"\n`);
    chmodSync(aws, 0o755);
    const options = { cwd: join(__dirname, '..'), env: { PATH: `${folder}:${process.env['PATH']}`, HOME: folder } };
    return new Promise((resolve) => {
      execFile(process.execPath, ['--import', 'tsx', 'bin/preflight.ts', ...words], options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }

  it('asks the AWS CLI, and says what is wrong', async () => {
    const zones = { AvailabilityZones: ZONES.map((ZoneName, i) => ({ ZoneName, ZoneId: `euw1-az${i + 1}` })) };
    const services = (first: string[]) => ({
      ServiceDetails: ['execute-api', 'logs', 'ecr.api', 'ecr.dkr'].map((service, i) => ({
        ServiceName: `com.amazonaws.eu-west-1.${service}`, AvailabilityZones: i === 0 ? first : ZONES,
      })),
    });
    const answers = { 'get-caller-identity': { Account: '111122223333' }, 'describe-availability-zones': zones, 'describe-vpc-endpoint-services': services(ZONES) };
    expect(await run(answers)).toEqual({ code: 0, stdout: 'preflight: nothing in eu-west-1 is against deploying the stack\n', stderr: '' });
    const refused = await run({ ...answers, 'describe-vpc-endpoint-services': services(['eu-west-1b']) });
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('AVAILABILITY_ZONES: eu-west-1a lacks the endpoint service execute-api')]);
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toContain('ec2 describe-vpc-endpoint-services --service-names com.amazonaws.eu-west-1.execute-api');
  });

  it('says how it is called, and what failed', async () => {
    expect(await run({}, ['zones'])).toEqual({ code: 2, stdout: '', stderr: 'usage: npm run -s preflight -- [-c NAME=VALUE ...]\n' });
    rmSync(join(folder, 'describe-availability-zones'), { force: true });
    const failed = await run({});
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('aws ec2 describe-availability-zones failed: ')]);
  });
});
