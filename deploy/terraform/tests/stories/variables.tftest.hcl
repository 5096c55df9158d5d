# Every variable refuses what cannot work, before anything is made.

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

run "words_where_ids_are_wanted" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXTERNAL_VPC_ID             = "main"
    EXTERNAL_PRIVATE_SUBNETS_ID = ["private-a"]
    ROUTE_TABLE_IDS             = ["private"]
    EXTERNAL_ALB_SG_ID          = "default"
    EXTERNAL_ENDPOINT_SG_ID     = "default"
    EXTERNAL_FARGATE_SG_ID      = "default"
    CERTIFICATE_ARNS            = ["c-3f9a0c21d4"]
    VALIDATION_ZONE_IDS         = { "example.com" = "example.com" }
    ALARM_TOPIC_ARN             = "alarms"
  }

  expect_failures = [
    var.EXTERNAL_VPC_ID,
    var.EXTERNAL_PRIVATE_SUBNETS_ID,
    var.ROUTE_TABLE_IDS,
    var.EXTERNAL_ALB_SG_ID,
    var.EXTERNAL_ENDPOINT_SG_ID,
    var.EXTERNAL_FARGATE_SG_ID,
    var.CERTIFICATE_ARNS,
    var.VALIDATION_ZONE_IDS,
    var.ALARM_TOPIC_ARN,
  ]
}

run "what_is_written_wrong" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PROXY_CONFIG_PATH  = ""
    APP_NAME           = "Proxy"
    TAGS               = { "aws:created" = "me" }
    VPC_CIDR           = "10.0.0.0"
    AVAILABILITY_ZONES = ["eu-west-1", "eu-west-1a"]
    CLIENT_CIDRS       = ["10.0.0.1"]
    IMAGE              = "registry.example.com/nameplate"
    IMAGE_TAG          = "latest"
    EXTRA_SETTINGS     = "access_log"
    EXTRA_ENDPOINTS    = { shared = "https://vpce-1.execute-api.eu-west-1.vpce.amazonaws.com" }
  }

  expect_failures = [
    var.PROXY_CONFIG_PATH,
    var.APP_NAME,
    var.TAGS,
    var.VPC_CIDR,
    var.AVAILABILITY_ZONES,
    var.CLIENT_CIDRS,
    var.IMAGE,
    var.IMAGE_TAG,
    var.EXTRA_SETTINGS,
    var.EXTRA_ENDPOINTS,
  ]
}

run "what_aws_does_not_have" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ELB_TYPE           = "CLB"
    TASK_PLATFORM      = "RISCV64"
    TASK_CPU           = 1000
    STOP_TIMEOUT       = 121
    LOG_RETENTION_DAYS = 31
    TASK_SCALE_MAX     = 5001
    TASK_SCALE_CPU_PCT = 101
  }

  expect_failures = [
    var.ELB_TYPE,
    var.TASK_PLATFORM,
    var.TASK_CPU,
    var.STOP_TIMEOUT,
    var.LOG_RETENTION_DAYS,
    var.TASK_SCALE_MAX,
    var.TASK_SCALE_CPU_PCT,
  ]
}

run "too_few_too_small_or_an_underscore" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    AVAILABILITY_ZONES = ["eu-west-1a"]
    VPC_CIDR           = "10.0.0.0/25"
    TASK_MEMORY        = 1024
    TASK_SCALE_MIN     = 0
    STOP_TIMEOUT       = 1
    TASK_SCALE_CPU_PCT = 0
    APP_ENVIRONMENT    = "pre_prod"
    IMAGE              = "registry.example.com/nameplate@sha256:12"
  }

  expect_failures = [
    var.APP_ENVIRONMENT,
    var.IMAGE,
    var.AVAILABILITY_ZONES,
    var.VPC_CIDR,
    var.TASK_MEMORY,
    var.TASK_SCALE_MIN,
    var.STOP_TIMEOUT,
    var.TASK_SCALE_CPU_PCT,
  ]
}

run "the_same_thing_twice" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN               = merge(jsondecode(file("tests/plan.json")), { hosted_zones = [for _ in [1, 2] : { name = "a.example.com", records = [], domains = 1 }] })
    AVAILABILITY_ZONES = ["eu-west-1a", "eu-west-1a"]
    CLIENT_CIDRS       = ["10.0.0.0/8", "192.168.0.0/16", "10.0.0.0/8"]
  }

  expect_failures = [var.PLAN, var.AVAILABILITY_ZONES, var.CLIENT_CIDRS]
}

run "a_certificate_twice" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CERTIFICATE_ARNS = [for _ in [1, 2] : "arn:aws:acm:eu-west-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef"]
  }

  expect_failures = [var.CERTIFICATE_ARNS]
}

run "a_plan_of_another_format_the_latest_image_and_a_vpc_too_large" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN     = merge(jsondecode(file("tests/plan.json")), { format = 2 })
    IMAGE    = "registry.example.com/nameplate:latest"
    VPC_CIDR = "10.0.0.0/8"
  }

  expect_failures = [var.PLAN, var.IMAGE, var.VPC_CIDR]
}

run "a_default_certificate_that_is_not_there_and_a_name_that_aws_keeps" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN     = merge(jsondecode(file("tests/plan.json")), { default_certificate = "c-0000000000" })
    APP_NAME = "internal"
  }

  expect_failures = [var.PLAN, var.APP_NAME]
}

run "a_name_that_would_have_to_be_cut" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    APP_NAME        = "a-name-of-20-letters"
    APP_ENVIRONMENT = "prod"
  }

  expect_failures = [var.APP_NAME]
}

run "an_existing_vpc_that_is_not_named" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CREATE_VPC = false
  }

  expect_failures = [var.EXTERNAL_VPC_ID, var.EXTERNAL_PRIVATE_SUBNETS_ID, var.ROUTE_TABLE_IDS]
}

run "existing_endpoints_in_a_new_vpc" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXISTING_ENDPOINTS = { logs = "vpce-0123456789abcdef0" }
  }

  expect_failures = [var.EXISTING_ENDPOINTS]
}

run "an_endpoint_of_a_service_that_is_not_needed" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CREATE_VPC                  = false
    EXTERNAL_VPC_ID             = "vpc-0123456789abcdef0"
    EXTERNAL_PRIVATE_SUBNETS_ID = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
    ROUTE_TABLE_IDS             = ["rtb-0123456789abcdef0"]
    EXISTING_ENDPOINTS          = { dynamodb = "vpce-0123456789abcdef0" }
  }

  expect_failures = [var.EXISTING_ENDPOINTS]
}

run "an_endpoint_by_its_name" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CREATE_VPC                  = false
    EXTERNAL_VPC_ID             = "vpc-0123456789abcdef0"
    EXTERNAL_PRIVATE_SUBNETS_ID = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
    ROUTE_TABLE_IDS             = ["rtb-0123456789abcdef0"]
    EXISTING_ENDPOINTS          = { logs = "logs" }
  }

  expect_failures = [var.EXISTING_ENDPOINTS]
}

run "private_dns_on_an_endpoint_that_is_not_made" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CREATE_VPC                  = false
    EXTERNAL_VPC_ID             = "vpc-0123456789abcdef0"
    EXTERNAL_PRIVATE_SUBNETS_ID = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
    ROUTE_TABLE_IDS             = ["rtb-0123456789abcdef0"]
    EXISTING_ENDPOINTS          = { execute-api = "vpce-0123456789abcdef0" }
    EXTERNAL_ENDPOINT_SG_ID     = "sg-0e000000"
    EXECUTE_API_PRIVATE_DNS     = true
  }

  expect_failures = [var.EXECUTE_API_PRIVATE_DNS]
}

run "names_to_import_without_a_certificate_and_an_endpoint_that_nobody_has" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN = merge(jsondecode(file("tests/plan.json")), { import_names = ["*.orders.corp"], endpoints = ["default", "shared-services"] })
  }

  expect_failures = [var.CERTIFICATE_ARNS, var.EXTRA_ENDPOINTS]
}

run "more_certificates_than_an_nlb_takes" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CERTIFICATE_ARNS = [for number in range(25) : "arn:aws:acm:eu-west-1:111122223333:certificate/${number}"]
    EXTRA_ENDPOINTS  = { default = "vpce-1.execute-api.eu-west-1.vpce.amazonaws.com" }
  }

  expect_failures = [var.CERTIFICATE_ARNS, var.EXTRA_ENDPOINTS]
}

run "more_certificates_and_smaller_subnets_than_an_alb_takes" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ELB_TYPE         = "ALB"
    VPC_CIDR         = "10.0.0.0/24"
    CERTIFICATE_ARNS = [for number in range(26) : "arn:aws:acm:eu-west-1:111122223333:certificate/${number}"]
  }

  expect_failures = [var.CERTIFICATE_ARNS, var.VPC_CIDR]
}

run "memory_between_two_steps_and_a_minimum_over_the_maximum" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    TASK_CPU       = 8192
    TASK_MEMORY    = 17408
    TASK_SCALE_MIN = 5
  }

  expect_failures = [var.TASK_MEMORY, var.TASK_SCALE_MAX]
}

run "networks_and_a_policy_that_are_none" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    VPC_SECONDARY_CIDRS     = ["100.64.0.0"]
    DNS_SERVER_CIDRS        = ["10.0.0.10"]
    SSL_POLICY              = "TLS13"
    HIGH_RESOLUTION_METRICS = true
  }

  expect_failures = [var.VPC_SECONDARY_CIDRS, var.DNS_SERVER_CIDRS, var.SSL_POLICY, var.HIGH_RESOLUTION_METRICS]
}

run "a_second_network_of_a_vpc_that_is_made_and_rules_of_a_group_that_is_not" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    VPC_SECONDARY_CIDRS    = ["100.64.0.0/16"]
    DNS_SERVER_CIDRS       = ["10.0.0.10/32"]
    EXTERNAL_FARGATE_SG_ID = "sg-0f000000"
  }

  expect_failures = [var.VPC_SECONDARY_CIDRS, var.DNS_SERVER_CIDRS, check.security_groups_are_of_the_vpc]
}

run "settings_of_an_alb_for_an_nlb" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ALB_IDLE_TIMEOUT           = 120
    DROP_INVALID_HEADER_FIELDS = true
  }

  expect_failures = [var.ALB_IDLE_TIMEOUT, var.DROP_INVALID_HEADER_FIELDS]
}

run "an_idle_timeout_that_no_alb_has" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ELB_TYPE         = "ALB"
    ALB_IDLE_TIMEOUT = 4001
  }

  expect_failures = [var.ALB_IDLE_TIMEOUT]
}

run "settings_that_there_are_not" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXTRA_SETTINGS = { accesslog = { to = "stdout" } }
  }

  expect_failures = [var.EXTRA_SETTINGS]
}

run "settings_that_the_load_balancer_is_made_for" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXTRA_SETTINGS = { admin = "127.0.0.1:9901", log = { level = "debug" } }
  }

  expect_failures = [var.EXTRA_SETTINGS]
}

run "every_setting_is_known" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  # Those that the variable takes, as it is written.
  variables {
    EXTRA_SETTINGS = { for key in jsondecode(regex("(\\[\"access_log[^]]*\\])", file("module/variables.tf"))[0]) : key => { keep_alive = "340s" } if !contains(["admin", "listeners"], key) }
  }

  # `threads` stands in a comment of conf/nameplate.yaml.
  assert {
    condition     = toset(concat(keys(var.EXTRA_SETTINGS), ["admin", "listeners"])) == toset(regexall("(?m)^(?:# )?([a-z_]+):(?: |$)", file("../../conf/nameplate.yaml"))[*][0])
    error_message = "The keys that EXTRA_SETTINGS takes are those of conf/nameplate.yaml."
  }
}
