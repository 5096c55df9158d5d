# What a platform team brings: a boundary and a path for roles, keys, and who its clients are.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "validation"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "zones"
  source = "./tests/mocks"
}

variables {
  PLAN               = jsondecode(file("tests/plan.json"))
  PROXY_CONFIG_PATH  = "../tests/mapping.yaml"
  TASK_SCALE_MIN     = 2
  TASK_SCALE_CPU_PCT = 50
}

run "a_boundary_a_path_and_keys" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PERMISSIONS_BOUNDARY_ARN = "arn:aws:iam::111122223333:policy/boundary"
    IAM_PATH                 = "/platform/"
    LOGS_KMS_KEY_ARN         = "arn:aws:kms:eu-west-1:111122223333:key/logs"
    ECR_KMS_KEY_ARN          = "arn:aws:kms:eu-west-1:111122223333:key/ecr"
    S3_KMS_KEY_ARN           = "arn:aws:kms:eu-west-1:111122223333:key/s3"
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.execution[0], aws_iam_role.task[0], aws_iam_role.flow_logs[0]] : role.path == "/platform/" && role.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"])
    error_message = "On every role."
  }

  assert {
    condition     = aws_cloudwatch_log_group.service.kms_key_id == "arn:aws:kms:eu-west-1:111122223333:key/logs" && aws_cloudwatch_log_group.flow_logs[0].kms_key_id == "arn:aws:kms:eu-west-1:111122223333:key/logs"
    error_message = "Both log groups."
  }

  assert {
    condition     = aws_ecr_repository.this.encryption_configuration[0].kms_key == "arn:aws:kms:eu-west-1:111122223333:key/ecr" && aws_ecr_repository.this.encryption_configuration[0].encryption_type == "KMS"
    error_message = "The repository."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.mapping[0].rule).apply_server_side_encryption_by_default).kms_master_key_id == "arn:aws:kms:eu-west-1:111122223333:key/s3" && one(aws_s3_bucket_server_side_encryption_configuration.mapping[0].rule).bucket_key_enabled
    error_message = "The bucket."
  }
}

run "a_bucket_a_cluster_and_roles" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXISTING_BUCKET    = "platform-nameplate"
    EXISTING_CLUSTER   = "platform"
    EXECUTION_ROLE_ARN = "arn:aws:iam::111122223333:role/platform/start"
    TASK_ROLE_ARN      = "arn:aws:iam::111122223333:role/platform/run"
  }

  assert {
    condition     = length(aws_s3_bucket.mapping) + length(aws_s3_bucket_policy.mapping) + length(aws_ecs_cluster.this) + length(aws_iam_role.execution) + length(aws_iam_role.task) + length(aws_iam_role_policy.execution) + length(aws_iam_role_policy.task) == 0
    error_message = "None of them is made."
  }

  assert {
    condition     = aws_s3_object.mapping[0].bucket == "platform-nameplate" && local.settings.mapping == "s3://platform-nameplate/mapping.yaml" && output.mapping_uri == "s3://platform-nameplate/mapping.yaml"
    error_message = "The mapping is in the bucket that is there."
  }

  assert {
    condition     = jsondecode(aws_vpc_endpoint.s3[0].policy).Statement[0].Resource == "arn:aws:s3:::platform-nameplate/mapping.yaml"
    error_message = "The endpoint leads to it."
  }

  assert {
    condition     = aws_ecs_service.this.cluster == "arn:aws:ecs:eu-west-1:111122223333:cluster/platform" && aws_appautoscaling_target.this.resource_id == "service/platform/reverse-proxy-dev" && output.cluster_name == "platform"
    error_message = "In the cluster that is there."
  }

  assert {
    condition     = aws_ecs_task_definition.this.execution_role_arn == "arn:aws:iam::111122223333:role/platform/start" && aws_ecs_task_definition.this.task_role_arn == "arn:aws:iam::111122223333:role/platform/run"
    error_message = "With the roles that are there."
  }
}

run "a_mapping_in_parts" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXISTING_BUCKET   = "platform-nameplate"
    MAPPING_PREFIX    = "maps/live"
    PROXY_CONFIG_PATH = "no-such-file.yaml"
  }

  assert {
    condition     = length(aws_s3_object.mapping) == 0 && local.settings.mapping == "s3://platform-nameplate/maps/live/" && output.mapping_uri == "s3://platform-nameplate/maps/live/"
    error_message = "Tasks read the prefix, and nothing is uploaded."
  }
  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.task[0].policy).Statement : statement if startswith(statement.Action, "s3:")] == [
      { Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::platform-nameplate/maps/live/*" },
      { Effect = "Allow", Action = "s3:ListBucket", Resource = "arn:aws:s3:::platform-nameplate", Condition = { StringLike = { "s3:prefix" = "maps/live/*" } } },
    ]
    error_message = "The task role lists and reads what is below the prefix, and nothing else."
  }
  assert {
    condition     = one([for statement in jsondecode(aws_vpc_endpoint.s3[0].policy).Statement : statement if statement.Action == "s3:ListBucket"]).Condition.StringLike == { "s3:prefix" = "maps/live/*" } && length(keys(one([for statement in jsondecode(aws_vpc_endpoint.s3[0].policy).Statement : statement if statement.Action == "s3:ListBucket"]).Condition)) == 2
    error_message = "So does the S3 endpoint, for this account alone."
  }
}

run "names_that_are_none" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXISTING_BUCKET    = "s3://platform/mapping"
    EXISTING_CLUSTER   = "arn:aws:ecs:eu-west-1:111122223333:cluster/platform"
    EXECUTION_ROLE_ARN = "start"
    TASK_ROLE_ARN      = "arn:aws:iam::111122223333:user/run"
    MAPPING_PREFIX     = "/maps/"
  }

  expect_failures = [var.EXISTING_BUCKET, var.EXISTING_CLUSTER, var.EXECUTION_ROLE_ARN, var.TASK_ROLE_ARN, var.MAPPING_PREFIX]
}

run "the_task_role_decrypts_the_mapping" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    S3_KMS_KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/s3"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.task[0].policy).Statement[1] == { Effect = "Allow", Action = "kms:Decrypt", Resource = "arn:aws:kms:eu-west-1:111122223333:key/s3" }
    error_message = "With this key alone."
  }
}

run "clients_by_prefix_list_and_by_group" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CLIENT_PREFIX_LIST_IDS    = ["pl-0fedcba9876543210"]
    CLIENT_SECURITY_GROUP_IDS = ["sg-0123456789abcdef0"]
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.client_prefix_lists["pl-0fedcba9876543210"].prefix_list_id == "pl-0fedcba9876543210" && aws_vpc_security_group_ingress_rule.client_groups["sg-0123456789abcdef0"].referenced_security_group_id == "sg-0123456789abcdef0"
    error_message = "Both may call."
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.clients) == 0
    error_message = "And nobody else of the VPC."
  }
}

run "what_is_written_wrong" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PERMISSIONS_BOUNDARY_ARN  = "boundary"
    IAM_PATH                  = "platform"
    LOGS_KMS_KEY_ARN          = "alias/logs"
    ECR_KMS_KEY_ARN           = "arn:aws:kms:eu-west-1:111122223333:alias/ecr"
    S3_KMS_KEY_ARN            = "s3"
    CLIENT_PREFIX_LIST_IDS    = ["corporate"]
    CLIENT_SECURITY_GROUP_IDS = ["default"]
  }

  expect_failures = [
    var.PERMISSIONS_BOUNDARY_ARN,
    var.IAM_PATH,
    var.LOGS_KMS_KEY_ARN,
    var.ECR_KMS_KEY_ARN,
    var.S3_KMS_KEY_ARN,
    var.CLIENT_PREFIX_LIST_IDS,
    var.CLIENT_SECURITY_GROUP_IDS,
  ]
}

run "a_key_of_another_region" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    LOGS_KMS_KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/logs"
  }

  expect_failures = [aws_cloudwatch_log_group.service]
}

run "clients_of_a_group_that_is_used_as_it_is" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CREATE_VPC                  = false
    EXTERNAL_VPC_ID             = "vpc-0123456789abcdef0"
    EXTERNAL_PRIVATE_SUBNETS_ID = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
    ROUTE_TABLE_IDS             = ["rtb-0123456789abcdef0"]
    EXTERNAL_ALB_SG_ID          = "sg-0000000a"
    CLIENT_PREFIX_LIST_IDS      = ["pl-0fedcba9876543210"]
    CLIENT_SECURITY_GROUP_IDS   = ["sg-0123456789abcdef0"]
  }

  expect_failures = [var.CLIENT_PREFIX_LIST_IDS, var.CLIENT_SECURITY_GROUP_IDS]
}

run "no_container_insights_and_no_flow_logs" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CONTAINER_INSIGHTS = "disabled"
    FLOW_LOGS          = false
  }

  assert {
    condition     = one(aws_ecs_cluster.this[0].setting).value == "disabled"
    error_message = "The cluster says so."
  }

  assert {
    condition     = length(aws_flow_log.this) + length(aws_cloudwatch_log_group.flow_logs) + length(aws_iam_role.flow_logs) + length(aws_iam_role_policy.flow_logs) == 0
    error_message = "Neither the logs, nor a group or a role for them."
  }
}

run "insights_of_a_cluster_of_ones_own" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXISTING_CLUSTER   = "platform"
    CONTAINER_INSIGHTS = "enhanced"
  }

  expect_failures = [var.CONTAINER_INSIGHTS]
}
