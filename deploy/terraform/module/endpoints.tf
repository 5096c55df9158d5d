# VPC endpoints: how tasks in subnets without internet reach the private APIs, and the AWS services that start them.

data "aws_vpc_endpoint" "existing" {
  count = local.execute_api_exists ? 1 : 0

  id = var.EXISTING_ENDPOINTS["execute-api"]
}

# The addresses of S3 in this region; the security group's rule names this list.
data "aws_ec2_managed_prefix_list" "s3" {
  name = "com.amazonaws.${local.region}.s3"
}

locals {
  needed_endpoints  = toset(concat(["execute-api", "logs", "ecr.api", "ecr.dkr"], var.ECS_EXEC ? ["ssmmessages"] : [], local.appconfig ? ["appconfigdata"] : []))
  missing_endpoints = toset([for service in local.needed_endpoints : service if !contains(keys(var.EXISTING_ENDPOINTS), service)])

  execute_api_exists = contains(keys(var.EXISTING_ENDPOINTS), "execute-api")
  s3_exists          = contains(keys(var.EXISTING_ENDPOINTS), "s3")

  execute_api_id      = local.execute_api_exists ? var.EXISTING_ENDPOINTS["execute-api"] : aws_vpc_endpoint.interface["execute-api"].id
  execute_api_entries = local.execute_api_exists ? data.aws_vpc_endpoint.existing[0].dns_entry : aws_vpc_endpoint.interface["execute-api"].dns_entry

  # An endpoint has a name for itself, one more for each zone (which is longer), and with private DNS the service's own.
  # Ours is the first of these, whatever order they come in.
  execute_api_dns_names = [for entry in local.execute_api_entries : format("%04d %s", length(entry.dns_name), entry.dns_name) if strcontains(entry.dns_name, ".vpce.")]
  execute_api_dns_name  = split(" ", sort(local.execute_api_dns_names)[0])[1]

  own_account = { StringEquals = { "aws:PrincipalAccount" = local.account } }

  # What may be done through each endpoint: what tasks need, and nothing for other accounts' principals. APIs are
  # called without an AWS principal (their resource policies decide), so execute-api asks for none.
  endpoint_statements = {
    "execute-api" = {
      Effect    = "Allow"
      Principal = "*"
      Action    = "execute-api:Invoke"
      Resource  = "arn:${local.partition}:execute-api:${local.region}:*:*"
    }
    "logs" = {
      Effect    = "Allow"
      Principal = "*"
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "${aws_cloudwatch_log_group.service.arn}:*"
      Condition = local.own_account
    }
    "ecr.api"       = local.ecr_pull
    "ecr.dkr"       = local.ecr_pull
    "appconfigdata" = local.appconfig ? merge(local.appconfig_statement, { Principal = "*", Condition = local.own_account }) : null
    "ssmmessages"   = merge(local.exec_statement, { Principal = "*", Condition = local.own_account })
  }

  ecr_pull = {
    Effect    = "Allow"
    Principal = "*"
    Resource  = "*"
    Condition = local.own_account
    Action = [
      "ecr:GetAuthorizationToken",
      "ecr:BatchGetImage",
      "ecr:GetDownloadUrlForLayer",
      "ecr:BatchCheckLayerAvailability",
    ]
  }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.missing_endpoints

  vpc_id             = local.vpc_id
  service_name       = "com.amazonaws.${local.region}.${each.value}"
  vpc_endpoint_type  = "Interface"
  subnet_ids         = local.private_subnet_ids
  security_group_ids = [local.endpoint_sg_id]

  # With private DNS on the execute-api endpoint, public APIs cannot be reached from the VPC any more. Nameplate dials the
  # endpoint's own name, and needs none.
  private_dns_enabled = each.value != "execute-api" || var.EXECUTE_API_PRIVATE_DNS

  policy = jsonencode({ Version = "2012-10-17", Statement = [local.endpoint_statements[each.value]] })

  tags = merge(local.tags, { Name = "${local.prefix}-${each.value}" })

  lifecycle {
    precondition {
      condition     = local.vpc_owner == null
      error_message = "${coalesce(var.EXTERNAL_VPC_ID, "The VPC")} belongs to account ${coalesce(local.vpc_owner, "-")}, which shares it with this one, and only the owner makes endpoints in a shared VPC (VPC user guide, Responsibilities and permissions for owners and participants). Let the owner make one for ${each.value}, and name it in EXISTING_ENDPOINTS."
    }
    precondition {
      condition     = var.CREATE_VPC || (each.value == "execute-api" && !var.EXECUTE_API_PRIVATE_DNS) || try(data.aws_vpc.existing[0].enable_dns_support && data.aws_vpc.existing[0].enable_dns_hostnames, false)
      error_message = "${coalesce(var.EXTERNAL_VPC_ID, "The VPC")} has DNS support or DNS hostnames off, and EC2 makes no endpoint with private DNS in such a VPC, as that for ${each.value} is. Turn both on."
    }
  }
}

resource "aws_vpc_endpoint" "s3" {
  count = local.s3_exists ? 0 : 1

  vpc_id            = local.vpc_id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.CREATE_VPC ? [aws_route_table.private[0].id] : var.ROUTE_TABLE_IDS

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.appconfig ? [] : [
      {
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:GetObject"
        Resource  = local.mapping_object_arn
        Condition = local.own_account
      },
      ], [for arn in local.in_parts ? [local.mapping_bucket_arn] : [] : {
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:ListBucket"
        Resource  = arn
        Condition = merge(local.own_account, local.parts_condition)
      }
      ], [
      # ECR keeps images' layers here, and hands out signed URLs to them.
      {
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:GetObject"
        Resource  = "arn:${local.partition}:s3:::prod-${local.region}-starport-layer-bucket/*"
      },
    ])
  })

  tags = merge(local.tags, { Name = "${local.prefix}-s3" })

  lifecycle {
    precondition {
      condition     = local.vpc_owner == null
      error_message = "${coalesce(var.EXTERNAL_VPC_ID, "The VPC")} belongs to account ${coalesce(local.vpc_owner, "-")}, which shares it with this one, and only the owner makes endpoints in a shared VPC. Let the owner make a gateway endpoint for S3, and name it in EXISTING_ENDPOINTS (s3 = \"vpce-...\")."
    }
  }
}
