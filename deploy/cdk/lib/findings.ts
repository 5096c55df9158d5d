import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Says why findings about a construct stay: id of the rule to the reason. Rules are those of cdk-nag's AwsSolutions, which
 * `bin/app.ts` runs, and of CDK's own validation of templates. No finding without its reason gets past synthesis.
 */
export function acknowledge(construct: IConstruct, reasons: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(reasons)) {
    Validations.of(construct).acknowledge({ id, reason });
  }
}
