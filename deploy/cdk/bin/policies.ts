// Writes the resource policy of each API, {API id: policy}, from the plan and the outputs of `cdk deploy --outputs-file`.
import { policiesOf, readPlan } from '../lib/index';
import { outputOf } from './outputs';

const USAGE = 'usage: npm run -s policies -- PLAN OUTPUTS [ENDPOINT=vpce-ID ...]';

function main(args: string[]): number {
  const [plan, outputs, ...extra] = args;
  if (plan === undefined || outputs === undefined || extra.some((item) => !/^[A-Za-z0-9_-]+=vpce-/.test(item))) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  try {
    const ids = Object.fromEntries(extra.map((item) => item.split('=', 2) as [string, string]));
    const policies = policiesOf(readPlan(plan), { default: outputOf(outputs, 'VpcEndpointId'), ...ids });
    process.stdout.write(`${JSON.stringify(policies, null, 2)}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}

process.exitCode = main(process.argv.slice(2));
