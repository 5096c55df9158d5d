# Zones that lack Fargate or an endpoint service.

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

run "the_first_two_zones_that_have_every_endpoint_service" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  override_data {
    target = data.aws_vpc_endpoint_service.used["execute-api"]
    values = { availability_zones = ["eu-west-1b", "eu-west-1c"] }
  }

  assert {
    condition     = aws_subnet.private[*].availability_zone == ["eu-west-1b", "eu-west-1c"]
    error_message = "The first zone lacks execute-api."
  }
}

run "named_zones_without_an_endpoint_service" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    AVAILABILITY_ZONES = ["eu-west-1a", "eu-west-1b"]
  }

  override_data {
    target = data.aws_vpc_endpoint_service.used["logs"]
    values = { availability_zones = ["eu-west-1b", "eu-west-1c"] }
  }

  expect_failures = [aws_route_table.private]
}

run "a_zone_of_another_region" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    AVAILABILITY_ZONES = ["eu-west-1a", "us-east-1a"]
  }

  expect_failures = [aws_route_table.private]
}

run "fewer_than_two_usable_zones" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  override_data {
    target = data.aws_vpc_endpoint_service.used["ecr.dkr"]
    values = { availability_zones = ["eu-west-1b"] }
  }

  expect_failures = [aws_route_table.private]
}

run "zones_of_tokyo_by_their_ids" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN = merge(jsondecode(file("tests/plan.json")), { regions = ["ap-northeast-1"] })
  }

  override_data {
    target = data.aws_region.current
    values = { region = "ap-northeast-1" }
  }

  override_data {
    target = data.aws_availability_zones.available
    values = {
      names    = ["ap-northeast-1a", "ap-northeast-1b", "ap-northeast-1c"]
      zone_ids = ["apne1-az4", "apne1-az3", "apne1-az1"]
    }
  }

  override_data {
    target = data.aws_vpc_endpoint_service.used
    values = { availability_zones = ["ap-northeast-1a", "ap-northeast-1b", "ap-northeast-1c"] }
  }

  assert {
    condition     = aws_subnet.private[*].availability_zone == ["ap-northeast-1a", "ap-northeast-1c"]
    error_message = "apne1-az3 has no Fargate."
  }
}

run "a_subnet_in_a_zone_without_an_endpoint_service" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CREATE_VPC                  = false
    EXTERNAL_VPC_ID             = "vpc-0123456789abcdef0"
    EXTERNAL_PRIVATE_SUBNETS_ID = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
    ROUTE_TABLE_IDS             = ["rtb-0123456789abcdef0"]
  }

  override_data {
    target = data.aws_vpc_endpoint_service.used["ecr.api"]
    values = { availability_zones = ["eu-west-1b", "eu-west-1c"] }
  }

  expect_failures = [data.aws_subnet.existing]
}
