import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PLAN_FILE } from './cases';

const ROOT = join(__dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'nameplate-cdk-commands-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function run(script: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const options = { cwd: ROOT, env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', `bin/${script}.ts`, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('the app', () => {
  it('says what is wrong with the context, and nothing of our code', async () => {
    const context = { REGION: 'eu-west-1', PLAN_PATH: PLAN_FILE, AVAILABILITY_ZONES: 'eu-west-1a', TASK_CPU: '3' };
    const ended = await run('app', [], { CDK_CONTEXT_JSON: JSON.stringify(context), CDK_OUTDIR: join(folder, 'out') });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^nameplate: 4 errors in the variables\n/);
    expect(ended.stderr).toContain('\n  TASK_CPU is 3\n    help: Fargate has 256, ');
    expect(ended.stderr).not.toMatch(/^\s+at /m);
  });
});

describe('npm run records', () => {
  it('prints what the AWS CLI writes into each zone', async () => {
    const path = join(folder, 'outputs-of-records.json');
    writeFileSync(path, JSON.stringify({ one: { ElbDnsName: 'lb.example.com', ElbHostedZoneId: 'Z0LB' } }));
    const ended = await run('records', [PLAN_FILE, path]);
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)['internal.private.example.com']).toEqual({
      Changes: [{
        Action: 'UPSERT',
        ResourceRecordSet: {
          Name: '*.internal.private.example.com', Type: 'A',
          AliasTarget: { HostedZoneId: 'Z0LB', DNSName: 'lb.example.com', EvaluateTargetHealth: true },
        },
      }],
    });
  });

  it('says how it is called', async () => {
    expect(await run('records', [PLAN_FILE])).toEqual({ code: 2, stdout: '', stderr: 'usage: npm run -s records -- PLAN OUTPUTS\n' });
  });
});

describe('npm run policies', () => {
  const outputs = (json: object) => {
    const path = join(folder, `outputs-${Object.keys(json).join('-')}.json`);
    writeFileSync(path, JSON.stringify(json));
    return path;
  };

  it('prints a policy for each API, with the endpoint of the stack', async () => {
    const ended = await run('policies', [PLAN_FILE, outputs({ one: { VpcEndpointId: 'vpce-0123456789abcdef0', VpcId: 'vpc-0' } })]);
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)['apiid2']).toContain('{"StringNotEquals":{"aws:SourceVpce":["vpce-0123456789abcdef0"]}}');
  });

  it('needs the outputs of one stack', async () => {
    const ended = await run('policies', [PLAN_FILE, outputs({ none: { VpcId: 'vpc-0' } })]);
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toContain('has 0 stacks with a VpcEndpointId, not one\n  help: ');
  });

  it('says how it is called', async () => {
    const ended = await run('policies', [PLAN_FILE]);
    expect([ended.code, ended.stderr]).toEqual([2, 'usage: npm run -s policies -- PLAN OUTPUTS [ENDPOINT=vpce-ID ...]\n']);
  });
});
