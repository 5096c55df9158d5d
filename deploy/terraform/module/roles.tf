# Roles, each with what it needs. Both of the service's can be assumed by ECS tasks of this account and region only.

locals {
  ecs_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.region}:${local.account}:*" }
      }
    }]
  })

  exec_statement = {
    Effect   = "Allow"
    Action   = ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
    Resource = "*" # these actions know no resources
  }

  execution_role_arn = var.EXECUTION_ROLE_ARN == null ? aws_iam_role.execution[0].arn : var.EXECUTION_ROLE_ARN
  task_role_arn      = var.TASK_ROLE_ARN == null ? aws_iam_role.task[0].arn : var.TASK_ROLE_ARN

  pulled_repository_arns = concat(local.image_repository_arns, local.agent_repository_arns)

  pull_statements = length(local.pulled_repository_arns) == 0 ? [] : [
    { Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] }, # it knows no resources
    {
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
      Resource = local.pulled_repository_arns
    },
  ]
}

# --- Execution role: ECS starts tasks with it ------------------------------------------------------------------------

resource "aws_iam_role" "execution" {
  count = var.EXECUTION_ROLE_ARN == null ? 1 : 0

  name               = "${local.prefix}-${local.region}-execution"
  description        = "Nameplate: pulls the image, writes logs"
  assume_role_policy = local.ecs_trust

  path                 = var.IAM_PATH
  permissions_boundary = var.PERMISSIONS_BOUNDARY_ARN

  tags = local.tags
}

resource "aws_iam_role_policy" "execution" {
  count = var.EXECUTION_ROLE_ARN == null ? 1 : 0

  name = "start-tasks"
  role = aws_iam_role.execution[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.pull_statements, [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.service.arn}:*"]
    }])
  })
}

# --- Task role: Nameplate itself -------------------------------------------------------------------------------------

resource "aws_iam_role" "task" {
  count = var.TASK_ROLE_ARN == null ? 1 : 0

  name               = "${local.prefix}-${local.region}-task"
  description        = "Nameplate: reads its mapping"
  assume_role_policy = local.ecs_trust

  path                 = var.IAM_PATH
  permissions_boundary = var.PERMISSIONS_BOUNDARY_ARN

  tags = local.tags
}

resource "aws_iam_role_policy" "task" {
  count = var.TASK_ROLE_ARN == null ? 1 : 0

  name = "read-mapping"
  role = aws_iam_role.task[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in [
      local.appconfig ? jsonencode(local.appconfig_statement) : jsonencode({ Effect = "Allow", Action = "s3:GetObject", Resource = local.mapping_object_arn }),
      local.in_parts ? jsonencode({ Effect = "Allow", Action = "s3:ListBucket", Resource = local.mapping_bucket_arn, Condition = local.parts_condition }) : "",
      var.ECS_EXEC ? jsonencode(local.exec_statement) : "",
      var.S3_KMS_KEY_ARN != null ? jsonencode({ Effect = "Allow", Action = "kms:Decrypt", Resource = var.S3_KMS_KEY_ARN }) : "",
    ] : jsondecode(statement) if statement != ""]
  })
}

# --- Flow logs -------------------------------------------------------------------------------------------------------

resource "aws_iam_role" "flow_logs" {
  count = var.CREATE_VPC && var.FLOW_LOGS ? 1 : 0

  name        = "${local.prefix}-${local.region}-flow-logs"
  description = "Nameplate: writes the VPC's flow logs"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ec2:${local.region}:${local.account}:vpc-flow-log/*" }
      }
    }]
  })

  path                 = var.IAM_PATH
  permissions_boundary = var.PERMISSIONS_BOUNDARY_ARN

  tags = local.tags
}

resource "aws_iam_role_policy" "flow_logs" {
  count = var.CREATE_VPC && var.FLOW_LOGS ? 1 : 0

  name = "write-flow-logs"
  role = aws_iam_role.flow_logs[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
      Resource = ["${aws_cloudwatch_log_group.flow_logs[0].arn}:*"]
    }]
  })
}
