data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  # The prefix of all names. It has at most 24 characters, so that the longest suffix of a load balancer or a target
  # group (8) still fits into their 32: nothing is ever cut, and two stacks never meet in one name.
  prefix = "${var.APP_NAME}-${var.APP_ENVIRONMENT}"
  tags   = merge({ Application = var.APP_NAME, Environment = var.APP_ENVIRONMENT }, var.TAGS)

  kms_key_arns = [for arn in [var.LOGS_KMS_KEY_ARN, var.ECR_KMS_KEY_ARN, var.S3_KMS_KEY_ARN] : arn if arn != null]

  nlb = var.ELB_TYPE == "NLB"

  listener_port = var.LISTENER_TLS ? 8443 : 8080
  admin_port    = 9901
}
