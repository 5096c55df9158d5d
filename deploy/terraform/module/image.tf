# Where the image is kept, and which one tasks run.

locals {
  image = coalesce(var.IMAGE, var.IMAGE_DIGEST == null ? "${aws_ecr_repository.this.repository_url}:${var.IMAGE_TAG}" : "${aws_ecr_repository.this.repository_url}@${var.IMAGE_DIGEST}")

  # IMAGE in some ECR: account, region and repository. Empty for any other registry, which needs no permission.
  image_parts = try(regex("^([0-9]{12})\\.dkr\\.ecr(?:-fips)?\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/([^:@]+)", coalesce(var.IMAGE, "-")), [])

  image_repository_arns = var.IMAGE == null ? [aws_ecr_repository.this.arn] : [
    for parts in [local.image_parts] : "arn:${local.partition}:ecr:${parts[1]}:${parts[0]}:repository/${parts[2]}" if length(parts) == 3
  ]
}

resource "aws_ecr_repository" "this" {
  name                 = local.prefix
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  dynamic "encryption_configuration" {
    for_each = var.ECR_KMS_KEY_ARN == null ? [] : [var.ECR_KMS_KEY_ARN]

    content {
      encryption_type = "KMS"
      kms_key         = encryption_configuration.value
    }
  }

  tags = local.tags
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name

  # An image with a tag is kept: tasks may run it, however many came after it. What buildx pushes beside it has no tag, and
  # stays while an index refers to it.
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Expire images without a tag after 14 days"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}
