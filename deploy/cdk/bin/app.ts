import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { NameplateStack, variablesOf } from '../lib/index';

const app = new App();
try {
  const variables = variablesOf(app);
  const name = `${variables.APP_NAME ?? 'reverse-proxy'}-${variables.APP_ENVIRONMENT ?? 'dev'}`;
  new NameplateStack(app, 'Nameplate', variables, {
    stackName: name,
    env: {
      account: app.node.tryGetContext('ACCOUNT') ?? process.env['CDK_DEFAULT_ACCOUNT'],
      region: app.node.tryGetContext('REGION') ?? process.env['CDK_DEFAULT_REGION'],
    },
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { verbose: true }));
} catch (error) {
  // What is wrong with the input is said in full; where in our code it was noticed helps nobody.
  if (!(error instanceof Error) || !error.message.startsWith('nameplate: ')) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
