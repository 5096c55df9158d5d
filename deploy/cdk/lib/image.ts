import { Aws, CfnDeletionPolicy } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import { Construct } from 'constructs';
import type { Settled } from './props';

/** Days after which an image without a tag goes. One with a tag is kept: tasks may run it, however many came after it. */
const UNTAGGED_DAYS = 14;

/** The repository, and the image that tasks run. */
export class Image extends Construct {
  /** The URI of the repository that is made. */
  readonly repositoryUri: string;
  /** The image's URI, with a version. */
  readonly uri: string;
  /** The ECR repository that the image is pulled from; `undefined` where it is in no ECR. */
  readonly pulledArn: string | undefined;

  constructor(scope: Construct, id: string, { vars, prefix }: Settled) {
    super(scope, id);
    // It is made where IMAGE is given, too: a change of IMAGE must not take the images with it.
    const repository = new ecr.CfnRepository(this, 'Repository', {
      repositoryName: prefix,
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
      ...(vars.ECR_KMS_KEY_ARN === null ? {} : { encryptionConfiguration: { encryptionType: 'KMS', kmsKey: vars.ECR_KMS_KEY_ARN } }),
      lifecyclePolicy: {
        lifecyclePolicyText: JSON.stringify({
          rules: [
            {
              rulePriority: 1,
              description: `Expire images without a tag after ${UNTAGGED_DAYS} days`,
              selection: { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: UNTAGGED_DAYS },
              action: { type: 'expire' },
            },
          ],
        }),
      },
    });
    repository.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
    repository.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
    this.repositoryUri = `${Aws.ACCOUNT_ID}.dkr.ecr.${Aws.REGION}.${Aws.URL_SUFFIX}/${repository.ref}`;
    const version = vars.IMAGE_DIGEST === null ? `:${vars.IMAGE_TAG}` : `@${vars.IMAGE_DIGEST}`;
    this.uri = vars.IMAGE ?? `${this.repositoryUri}${version}`;
    this.pulledArn = vars.IMAGE === null ? repository.attrArn : repositoryArn(vars.IMAGE);
  }
}

/** The ARN of the ECR repository that an image's URI names; `undefined` for any other registry. */
export function repositoryArn(image: string): string | undefined {
  const match = /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^:@]+)[:@]/.exec(image);
  return match === null ? undefined : `arn:${Aws.PARTITION}:ecr:${match[2]}:${match[1]}:repository/${match[3]}`;
}
