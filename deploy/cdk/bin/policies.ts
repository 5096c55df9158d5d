// Writes the resource policy of each API, {API id: policy}, from the plan and the outputs of `cdk deploy --outputs-file`.
import { readFileSync } from 'node:fs';
import { policiesOf, readPlan } from '../lib/index';

const USAGE = 'usage: npm run -s policies -- PLAN OUTPUTS [ENDPOINT=vpce-ID ...]';

/** The one stack's VpcEndpointId. */
function endpointOf(path: string): string {
  const outputs = Object.values<Record<string, string>>(JSON.parse(readFileSync(path, 'utf8')));
  const ids = outputs.map((stack) => stack['VpcEndpointId']).filter((id) => id !== undefined);
  if (ids.length !== 1) {
    throw new Error(`nameplate: ${path} has ${ids.length} stacks with a VpcEndpointId, not one\n  help: write it with: npx cdk deploy --outputs-file ${path}`);
  }
  return ids[0]!;
}

function main(args: string[]): number {
  const [plan, outputs, ...extra] = args;
  if (plan === undefined || outputs === undefined || extra.some((item) => !/^[A-Za-z0-9_-]+=vpce-/.test(item))) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  try {
    const ids = Object.fromEntries(extra.map((item) => item.split('=', 2) as [string, string]));
    const policies = policiesOf(readPlan(plan), { default: endpointOf(outputs), ...ids });
    process.stdout.write(`${JSON.stringify(policies, null, 2)}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}

process.exitCode = main(process.argv.slice(2));
