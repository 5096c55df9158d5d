# The mapping: an object in S3 that running tasks poll, or the objects below MAPPING_PREFIX. A change of it changes this
# object and nothing else here.

locals {
  mapping_path = startswith(var.PROXY_CONFIG_PATH, "/") ? var.PROXY_CONFIG_PATH : "${path.root}/${var.PROXY_CONFIG_PATH}"
  # A prefix ends in a slash: by that Nameplate knows it.
  in_parts    = var.MAPPING_PREFIX != null
  mapping_key = local.in_parts ? "${var.MAPPING_PREFIX}/" : "mapping.yaml"

  make_bucket       = var.EXISTING_BUCKET == null
  mapping_bucket    = local.make_bucket ? "${local.prefix}-mapping-${local.account}-${local.region}" : var.EXISTING_BUCKET
  mapping_bucket_id = local.make_bucket ? aws_s3_bucket.mapping[0].id : var.EXISTING_BUCKET
  # From the name, not from the object: nothing that tasks depend on may change with the object's content.
  mapping_bucket_arn = local.make_bucket ? aws_s3_bucket.mapping[0].arn : "arn:${local.partition}:s3:::${local.mapping_bucket}"
  mapping_object_arn = "${local.mapping_bucket_arn}/${local.mapping_key}${local.in_parts ? "*" : ""}"

  # Of a mapping in parts, tasks list what is below the prefix, and nothing else of the bucket.
  parts_condition = { StringLike = { "s3:prefix" = "${local.mapping_key}*" } }
}

resource "aws_s3_bucket" "mapping" {
  count = local.make_bucket ? 1 : 0

  bucket = local.mapping_bucket

  tags = local.tags
}

resource "aws_s3_bucket_versioning" "mapping" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.mapping[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "mapping" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.mapping[0].id

  rule {
    # With a key of the bucket's own, S3 asks KMS once for many reads: tasks poll the mapping.
    bucket_key_enabled = var.S3_KMS_KEY_ARN == null ? null : true

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.S3_KMS_KEY_ARN == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.S3_KMS_KEY_ARN
    }
  }
}

resource "aws_s3_bucket_public_access_block" "mapping" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.mapping[0].id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "mapping" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.mapping[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "mapping" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.mapping[0].id

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 90
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.mapping]
}

resource "aws_s3_bucket_policy" "mapping" {
  count = local.make_bucket ? 1 : 0

  bucket = aws_s3_bucket.mapping[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.mapping[0].arn, "${aws_s3_bucket.mapping[0].arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.mapping]
}

# Parts are uploaded one by one, by whoever owns them.
resource "aws_s3_object" "mapping" {
  count = local.in_parts ? 0 : 1

  bucket       = local.mapping_bucket_id
  key          = local.mapping_key
  source       = local.mapping_path
  source_hash  = filesha256(local.mapping_path)
  content_type = "application/yaml"

  # So that the first version is encrypted, and there is a version to go back to.
  depends_on = [aws_s3_bucket_versioning.mapping, aws_s3_bucket_server_side_encryption_configuration.mapping]
}
