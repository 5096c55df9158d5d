import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Nameplate } from './nameplate';
import type { NameplateProps } from './variables';

/** A stack with one {@link Nameplate} and its outputs: what `bin/app.ts` deploys. */
export class NameplateStack extends Stack {
  readonly nameplate: Nameplate;

  constructor(scope: Construct, id: string, variables: NameplateProps, props: StackProps = {}) {
    super(scope, id, { description: 'Nameplate: names of your own for private APIs', ...props });
    this.nameplate = new Nameplate(this, 'Nameplate', variables);
    for (const [name, value] of Object.entries(this.nameplate.outputs)) {
      new CfnOutput(this, name, { value });
    }
  }
}
