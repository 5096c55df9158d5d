import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import { Construct } from 'constructs';
import type { Settled } from './props';
import { BY_HAND } from './validate';

/** The planned certificates, validated by DNS, with those imported by hand and those of a private CA. */
export class Certificates extends Construct {
  /** The listener's default certificate; `undefined` where the listener exists, and has one. */
  readonly defaultArn: string | undefined;
  /** The others, by a key that stays the same while the certificate does. */
  readonly others: ReadonlyMap<string, string>;
  /** Validation zones whose records somebody has to write while the deployment waits. */
  readonly byHand: string[];

  constructor(scope: Construct, id: string, { vars, plan }: Settled) {
    super(scope, id);
    const arns = new Map<string, string>();
    const byHand = new Set<string>();
    for (const { id: key, names, validation_zone: zone } of plan.certificates) {
      const zoneId = vars.VALIDATION_ZONE_IDS[zone]!;
      if (zoneId === BY_HAND) {
        byHand.add(zone);
      }
      const [domainName, ...subjectAlternativeNames] = names;
      const certificate = new acm.CfnCertificate(this, key, {
        domainName: domainName!,
        ...(subjectAlternativeNames.length > 0 ? { subjectAlternativeNames } : {}),
        validationMethod: 'DNS',
        // With a zone's id CloudFormation writes ACM's CNAMEs into it, and waits; without, it only waits.
        ...(zoneId === BY_HAND ? {} : { domainValidationOptions: names.map((name) => ({ domainName: name, hostedZoneId: zoneId })) }),
      });
      arns.set(key, certificate.ref);
    }
    for (const arn of vars.CERTIFICATE_ARNS) {
      arns.set(arn.slice(arn.lastIndexOf('/') + 1), arn);
    }
    const issued = vars.PRIVATE_CA_ARN === null ? [] : [...plan.import_names].sort();
    for (const name of issued) {
      // One for each name: a name that comes or goes touches no other's certificate.
      const certificate = new acm.CfnCertificate(this, `private-${name}`, { domainName: name, certificateAuthorityArn: vars.PRIVATE_CA_ARN! });
      arns.set(`private-${name}`, certificate.ref);
    }
    const [defaultKey] = plan.default_certificate === null ? [...firstImported(vars.CERTIFICATE_ARNS), ...issued.map((name) => `private-${name}`)] : [plan.default_certificate];
    if (vars.EXISTING_LISTENER_ARN === null) {
      this.defaultArn = arns.get(defaultKey!)!;
      arns.delete(defaultKey!);
    }
    this.others = arns;
    this.byHand = [...byHand].sort();
  }
}

function firstImported(arns: readonly string[]): string[] {
  return arns.slice(0, 1).map((arn) => arn.slice(arn.lastIndexOf('/') + 1));
}
