// Writes the DNS records of the custom domains, {hosted zone: change batch}, from the plan and the outputs of
// `cdk deploy --outputs-file`: for HOSTED_ZONES none, and for zones of another account.
import { readPlan, recordsOf } from '../lib/index';
import { outputOf } from './outputs';

function main(args: string[]): number {
  const [plan, outputs] = args;
  if (plan === undefined || outputs === undefined || args.length > 2) {
    process.stderr.write('usage: npm run -s records -- PLAN OUTPUTS\n');
    return 2;
  }
  try {
    const target = { dnsName: outputOf(outputs, 'ElbDnsName'), hostedZoneId: outputOf(outputs, 'ElbHostedZoneId') };
    process.stdout.write(`${JSON.stringify(recordsOf(readPlan(plan), target), null, 2)}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}

process.exitCode = main(process.argv.slice(2));
