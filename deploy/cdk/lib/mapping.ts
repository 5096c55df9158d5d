import { Aws, CfnDeletionPolicy } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from './findings';
import type { Settled } from './props';
import type { Variables } from './variables';

/** The key of the mapping in its bucket. */
export const MAPPING_KEY = 'mapping.yaml';
/** Days that an overwritten mapping can be brought back. */
const OLD_VERSION_DAYS = 90;
/** Days after which the parts of an upload that was never finished are deleted. */
const ABANDONED_UPLOAD_DAYS = 7;

/**
 * The bucket of the mapping: one that is made, or EXISTING_BUCKET. The object is not the stack's: CloudFormation has no resource for one, and whoever uploads
 * it changes nothing here, which is what makes a mapping change hot.
 */
export class Mapping extends Construct {
  readonly bucketName: string;
  readonly bucketArn: string;
  /** Where tasks read the mapping, `s3://BUCKET/mapping.yaml`, or `s3://BUCKET/MAPPING_PREFIX/` with its parts. */
  readonly uri: string;
  /** Of the object, or of everything below the prefix. */
  readonly objectArn: string;
  /** The condition to list the parts of a mapping, and nothing else of the bucket. Of one object there is nothing to list. */
  readonly listCondition?: { StringLike: { 's3:prefix': string } };

  constructor(scope: Construct, id: string, { vars, prefix }: Settled) {
    super(scope, id);
    const { name, arn } = vars.EXISTING_BUCKET === null ? this.make(vars, prefix) : { name: vars.EXISTING_BUCKET, arn: `arn:${Aws.PARTITION}:s3:::${vars.EXISTING_BUCKET}` };
    this.bucketName = name;
    this.bucketArn = arn;
    if (vars.MAPPING_PREFIX === null) {
      this.uri = `s3://${name}/${MAPPING_KEY}`;
      this.objectArn = `${arn}/${MAPPING_KEY}`;
    } else {
      this.uri = `s3://${name}/${vars.MAPPING_PREFIX}/`;
      this.objectArn = `${arn}/${vars.MAPPING_PREFIX}/*`;
      this.listCondition = { StringLike: { 's3:prefix': `${vars.MAPPING_PREFIX}/*` } };
    }
  }

  private make(vars: Variables, prefix: string): { name: string; arn: string } {
    const bucket = new s3.CfnBucket(this, 'Bucket', {
      bucketName: `${prefix}-mapping-${Aws.ACCOUNT_ID}-${Aws.REGION}`,
      versioningConfiguration: { status: 'Enabled' },
      bucketEncryption: {
        serverSideEncryptionConfiguration: [
          vars.S3_KMS_KEY_ARN === null
            ? { serverSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }
            : // With a key of the bucket's own, S3 asks KMS once for many reads: tasks poll the mapping.
              { bucketKeyEnabled: true, serverSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: vars.S3_KMS_KEY_ARN } },
        ],
      },
      publicAccessBlockConfiguration: {
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      ownershipControls: { rules: [{ objectOwnership: 'BucketOwnerEnforced' }] },
      lifecycleConfiguration: {
        rules: [
          {
            id: 'old-versions',
            status: 'Enabled',
            noncurrentVersionExpiration: { noncurrentDays: OLD_VERSION_DAYS },
            abortIncompleteMultipartUpload: { daysAfterInitiation: ABANDONED_UPLOAD_DAYS },
          },
        ],
      },
    });
    bucket.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
    bucket.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
    acknowledge(bucket, {
      'AwsSolutions::AwsSolutions-S1':
        'Tasks ask for one small object every few seconds, so access logs would be many times larger than what they tell; who writes it is in CloudTrail',
    });
    new s3.CfnBucketPolicy(this, 'Policy', {
      bucket: bucket.ref,
      policyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'TlsOnly',
            Effect: 'Deny',
            Principal: '*',
            Action: 's3:*',
            Resource: [bucket.attrArn, `${bucket.attrArn}/*`],
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
        ],
      },
    });
    return { name: bucket.ref, arn: bucket.attrArn };
  }
}
