# Private hosted zones that are made, that are there, or that somebody else keeps; and a VPC that another account shares.

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

  CREATE_VPC                  = false
  EXTERNAL_VPC_ID             = "vpc-0123456789abcdef0"
  EXTERNAL_PRIVATE_SUBNETS_ID = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
  EXTERNAL_ENDPOINT_SG_ID     = "sg-0e000000"
  EXISTING_ENDPOINTS = {
    execute-api = "vpce-0123456789abcdef0", logs = "vpce-00000001", "ecr.api" = "vpce-00000002", "ecr.dkr" = "vpce-00000003", s3 = "vpce-00000004"
  }
}

run "records_in_zones_that_are_there" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    HOSTED_ZONES    = "existing"
    HOSTED_ZONE_IDS = { "internal.private.example.com" = "Z0INTERNAL", "team.internal.private.example.com" = "Z0TEAM" }
  }

  override_data {
    target = data.aws_vpc.existing[0]
    values = { cidr_block = "172.16.0.0/16", enable_dns_hostnames = true, enable_dns_support = true, owner_id = "444455556666" }
  }

  assert {
    condition     = length(aws_route53_zone.private) + length(aws_route53_record.private) == 0
    error_message = "No zone is made."
  }

  assert {
    condition     = { for name, record in aws_route53_record.existing : name => record.zone_id } == { "*.internal.private.example.com" = "Z0INTERNAL", "*.team.internal.private.example.com" = "Z0TEAM", "team.internal.private.example.com" = "Z0TEAM" }
    error_message = "Each record in its zone."
  }

  assert {
    condition     = alltrue([for record in aws_route53_record.existing : record.type == "A" && one(record.alias).name == aws_lb.this[0].dns_name && one(record.alias).evaluate_target_health])
    error_message = "Aliases of the load balancer."
  }
}

run "no_zones_and_the_records_as_an_output" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    HOSTED_ZONES = "none"
  }

  assert {
    condition     = length(aws_route53_zone.private) + length(aws_route53_record.private) + length(aws_route53_record.existing) == 0
    error_message = "Neither zones nor records."
  }

  assert {
    condition     = toset(keys(output.dns_records)) == toset(["internal.private.example.com", "team.internal.private.example.com"]) && output.elb_hosted_zone_id == aws_lb.this[0].zone_id
    error_message = "By zone."
  }

  assert {
    condition = jsonencode(output.dns_records["internal.private.example.com"]) == jsonencode({
      Changes = [{
        Action = "UPSERT"
        ResourceRecordSet = {
          Name        = "*.internal.private.example.com"
          Type        = "A"
          AliasTarget = { HostedZoneId = aws_lb.this[0].zone_id, DNSName = aws_lb.this[0].dns_name, EvaluateTargetHealth = true }
        }
      }]
    })
    error_message = "As the AWS CLI takes them."
  }
}

run "zones_for_a_vpc_that_another_account_shares" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  override_data {
    target = data.aws_vpc.existing[0]
    values = { cidr_block = "172.16.0.0/16", enable_dns_hostnames = true, enable_dns_support = true, owner_id = "444455556666" }
  }

  expect_failures = [aws_route53_zone.private]
}

run "endpoints_in_a_vpc_that_another_account_shares" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    HOSTED_ZONES       = "none"
    EXISTING_ENDPOINTS = { execute-api = "vpce-0123456789abcdef0" }
    ROUTE_TABLE_IDS    = ["rtb-0123456789abcdef0"]
  }

  override_data {
    target = data.aws_vpc.existing[0]
    values = { cidr_block = "172.16.0.0/16", enable_dns_hostnames = true, enable_dns_support = true, owner_id = "444455556666" }
  }

  expect_failures = [aws_vpc_endpoint.interface, aws_vpc_endpoint.s3]
}

run "a_word_that_is_none_of_the_three" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    HOSTED_ZONES = "shared"
  }

  expect_failures = [var.HOSTED_ZONES]
}

run "a_zone_by_its_name" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    HOSTED_ZONES    = "existing"
    HOSTED_ZONE_IDS = { "internal.private.example.com" = "internal", "team.internal.private.example.com" = "Z0TEAM" }
  }

  expect_failures = [var.HOSTED_ZONE_IDS]
}

run "a_zone_of_the_plan_that_is_missing" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    HOSTED_ZONES    = "existing"
    HOSTED_ZONE_IDS = { "internal.private.example.com" = "Z0INTERNAL" }
  }

  expect_failures = [var.HOSTED_ZONE_IDS]
}

run "ids_of_zones_that_are_made" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    HOSTED_ZONE_IDS = { "internal.private.example.com" = "Z0INTERNAL" }
  }

  expect_failures = [var.HOSTED_ZONE_IDS]
}
