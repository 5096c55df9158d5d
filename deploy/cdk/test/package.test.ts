import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Not the kind that blocks: vitest takes a worker that is silent for a minute for dead. */
const run = promisify(execFile);
const ROOT = join(__dirname, '..');
const app = mkdtempSync(join(tmpdir(), 'nameplate-cdk-app-'));
let packed: string[];

/** Another repository's app, which has installed the package. */
beforeAll(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', app], { cwd: ROOT });
  const [report] = JSON.parse(stdout.replace(/^[^[]*/, ''));
  packed = report.files.map((file: { path: string }) => file.path);
  const modules = join(app, 'node_modules');
  mkdirSync(modules);
  await run('tar', ['-xzf', join(app, report.filename), '-C', app]);
  symlinkSync(join(app, 'package'), join(modules, 'nameplate-cdk'));
  for (const name of ['aws-cdk-lib', 'constructs', '@types']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    // The package asks for its peers from where it is.
    mkdirSync(join(app, 'package/node_modules'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(app, 'package/node_modules', name));
  }
  writeFileSync(join(app, 'plan.json'), readFileSync(join(__dirname, 'fixtures/more.json')));
});
afterAll(() => rmSync(app, { recursive: true }));

const APP = `
import { App, Stack } from 'aws-cdk-lib';
import { Nameplate, type NameplateProps } from 'nameplate-cdk';

const props: NameplateProps = {
  APP_NAME: 'gate',
  AVAILABILITY_ZONES: ['eu-west-1a', 'eu-west-1b'],
  S3_PREFIX_LIST_ID: 'pl-0123456789abcdef0',
  VALIDATION_ZONE_IDS: { 'example.com': 'Z0123456789COM', 'example.net': 'by-hand' },
};
const app = new App({ outdir: 'out' });
const stack = new Stack(app, 'Mine', { env: { region: 'eu-west-1' } });
const nameplate = new Nameplate(stack, 'Gate', props);
stack.exportValue(nameplate.elbDnsName);
app.synth();
`;

describe('the package', () => {
  it('has the construct, its licence and nothing else', () => {
    expect(packed.filter((path) => !/^dist\/[a-z-]+\.(js|d\.ts)$/.test(path)).sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
    expect(packed).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/nameplate.js']));
  });

  it('says what npm shows', () => {
    const metadata = JSON.parse(readFileSync(join(app, 'package/package.json'), 'utf8'));
    expect(metadata).toMatchObject({ license: 'Apache-2.0', description: expect.any(String), keywords: expect.arrayContaining(['aws-cdk']) });
    expect(metadata).not.toHaveProperty('private');
    expect(Object.keys(metadata.peerDependencies).sort()).toEqual(['aws-cdk-lib', 'constructs']);
  });

  it('is typed and works in an app of another repository', async () => {
    writeFileSync(join(app, 'app.ts'), APP);
    const options = { strict: true, module: 'Node16', moduleResolution: 'Node16', target: 'ES2022', skipLibCheck: true, types: ['node'], outDir: 'js' };
    writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['app.ts'] }));
    await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', app], { cwd: app });
    await run(process.execPath, ['js/app.js'], { cwd: app });
    const template = JSON.parse(readFileSync(join(app, 'out/Mine.template.json'), 'utf8'));
    const types = Object.values<any>(template.Resources).map((resource) => resource.Type);
    expect(types).toContain('AWS::ECS::Service');
    expect(Object.values<any>(template.Resources).find((resource) => resource.Type === 'AWS::ECS::Cluster').Properties.ClusterName).toBe('gate-dev');
  });

  it('is locked without the address of any registry but npm\'s', () => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
    const addresses = Object.values<any>(lock.packages).map((item) => item.resolved).filter((address) => address !== undefined);
    expect(addresses.filter((address) => !address.startsWith('https://registry.npmjs.org/'))).toEqual([]);
  });

  it('pins every tool to one version', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(Object.values<string>(devDependencies).filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    expect(existsSync(join(ROOT, 'package-lock.json'))).toBe(true);
  });
});
