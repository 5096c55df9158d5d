// Asks AWS, with the AWS CLI, what synthesis does not: whether the stack can run in the zones and in the VPC that it is
// told. Takes the variables as `cdk` does: from cdk.json, and from `-c NAME=VALUE`.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { App } from 'aws-cdk-lib';
import { variablesOf } from '../lib/index';
import { checkFound, find } from '../lib/preflight';
import { settle } from '../lib/props';

const USAGE = 'usage: npm run -s preflight -- [-c NAME=VALUE ...]';

/** The context of cdk.json with that of the command line laid over it; `undefined` where a word is neither. */
function contextOf(args: string[]): Record<string, unknown> | undefined {
  const context: Record<string, unknown> = JSON.parse(readFileSync('cdk.json', 'utf8')).context ?? {};
  for (let i = 0; i < args.length; i += 2) {
    const [name, ...rest] = (args[i + 1] ?? '').split('=');
    if (!['-c', '--context'].includes(args[i]!) || !name || rest.length === 0) {
      return undefined;
    }
    context[name] = rest.join('=');
  }
  return context;
}

function awsCli(region: string): (words: string[]) => any {
  return (words) => {
    try {
      const said = execFileSync('aws', [...words, '--region', region, '--output', 'json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
      return JSON.parse(said);
    } catch (error) {
      const { stderr, message } = error as { stderr?: string; message: string };
      throw new Error(`nameplate: aws ${words[0]} ${words[1]} failed: ${(stderr || message).trim()}\n  help: preflight needs the AWS CLI, with credentials that may call it`);
    }
  };
}

function main(args: string[]): number {
  const context = contextOf(args);
  if (context === undefined) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  try {
    const app = new App({ context });
    const region = String(app.node.tryGetContext('REGION') ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'] ?? '');
    if (region === '') {
      throw new Error('nameplate: the region is not known\n  help: add -c REGION=eu-west-1, or set AWS_REGION');
    }
    const settled = settle(variablesOf(app), region);
    checkFound(settled, region, find(settled, region, awsCli(region)));
    process.stdout.write(`preflight: nothing in ${region} is against deploying the stack\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}

process.exitCode = main(process.argv.slice(2));
