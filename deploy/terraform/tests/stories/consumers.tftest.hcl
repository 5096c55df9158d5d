# Consumers in other accounts.

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

run "an_endpoint_service_and_zones_for_vpcs_of_other_accounts" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ENDPOINT_SERVICE            = true
    ENDPOINT_SERVICE_PRINCIPALS = ["arn:aws:iam::444455556666:root"]
    ENDPOINT_SERVICE_DNS_NAME   = "*.internal.private.example.com"
    AUTHORIZED_VPC_IDS          = ["vpc-0fedcba9876543210", "vpc-0123456789abcdef0"]
  }

  assert {
    condition     = aws_vpc_endpoint_service.this[0].acceptance_required && aws_vpc_endpoint_service.this[0].allowed_principals == toset(var.ENDPOINT_SERVICE_PRINCIPALS) && aws_vpc_endpoint_service.this[0].network_load_balancer_arns == toset([aws_lb.this[0].arn]) && aws_vpc_endpoint_service.this[0].private_dns_name == var.ENDPOINT_SERVICE_DNS_NAME
    error_message = "The service is in front of the NLB, for those that are named, and each connection is accepted by hand."
  }

  assert {
    condition     = aws_lb.this[0].enforce_security_group_inbound_rules_on_private_link_traffic == "off"
    error_message = "The group's rules do not keep out who was accepted."
  }

  assert {
    condition     = length(aws_route53_vpc_association_authorization.this) == 2 * length(var.PLAN.hosted_zones)
    error_message = "Each zone lets each VPC in."
  }

  assert {
    condition     = output.zone_association_commands["internal.private.example.com vpc-0fedcba9876543210"] == "aws route53 associate-vpc-with-hosted-zone --hosted-zone-id ${aws_route53_zone.private["internal.private.example.com"].zone_id} --vpc VPCRegion=eu-west-1,VPCId=vpc-0fedcba9876543210"
    error_message = "The output has the command for the other account."
  }
}

run "values_that_are_wrong" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ENDPOINT_SERVICE            = true
    ENDPOINT_SERVICE_PRINCIPALS = ["*"]
    ENDPOINT_SERVICE_DNS_NAME   = "orders example"
    AUTHORIZED_VPC_IDS          = ["vpc-1"]
  }

  expect_failures = [var.ENDPOINT_SERVICE_PRINCIPALS, var.ENDPOINT_SERVICE_DNS_NAME, var.AUTHORIZED_VPC_IDS]
}

run "an_endpoint_service_behind_an_alb_and_a_zone_that_is_not_ours" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ELB_TYPE           = "ALB"
    ENDPOINT_SERVICE   = true
    HOSTED_ZONES       = "none"
    AUTHORIZED_VPC_IDS = ["vpc-0123456789abcdef0"]
  }

  expect_failures = [var.ENDPOINT_SERVICE, var.AUTHORIZED_VPC_IDS]
}

run "principals_without_a_service" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ENDPOINT_SERVICE_PRINCIPALS = ["arn:aws:iam::444455556666:root"]
  }

  expect_failures = [var.ENDPOINT_SERVICE]
}
