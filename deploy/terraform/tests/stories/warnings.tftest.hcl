# What can be deployed and should not go unnoticed, and what cannot work together.

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

run "the_samples_defaults_and_high_resolution" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    TASK_SCALE_MIN          = 1
    TASK_SCALE_CPU_PCT      = 80
    HIGH_RESOLUTION_SCALING = true
  }

  assert {
    condition     = aws_appautoscaling_policy.cpu.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type == "ECSServiceAverageCPUUtilizationHighResolution"
    error_message = "The metric of 20 s."
  }

  expect_failures = [check.one_task_is_lost_with_its_zone, check.scaling_begins_in_time, check.high_resolution_metrics_are_published]
}

run "high_resolution_that_the_service_publishes" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  # Nothing is expected to warn.
  variables {
    HIGH_RESOLUTION_SCALING = true
    HIGH_RESOLUTION_METRICS = true
  }
}

run "an_old_tls_policy_and_a_network_that_may_not_call" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    SSL_POLICY                  = "ELBSecurityPolicy-2016-08"
    CREATE_VPC                  = false
    EXTERNAL_VPC_ID             = "vpc-0123456789abcdef0"
    EXTERNAL_PRIVATE_SUBNETS_ID = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
    ROUTE_TABLE_IDS             = ["rtb-0123456789abcdef0"]
  }

  override_data {
    target = data.aws_vpc.existing[0]
    values = {
      cidr_block              = "172.16.0.0/16", enable_dns_hostnames = true, enable_dns_support = true, owner_id = "111122223333"
      cidr_block_associations = [{ association_id = "b", cidr_block = "100.64.0.0/16", state = "associated" }]
    }
  }

  expect_failures = [check.tls_is_1_2_or_newer, check.clients_of_the_whole_vpc_may_call]
}

run "a_plan_of_another_mapping" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN = merge(jsondecode(file("tests/plan.json")), { mapping = { version = "0", sha256 = "0", entries = 0, domains = 0 } })
  }

  expect_failures = [check.the_plan_is_of_this_mapping]
}

run "an_existing_vpc_and_groups_where_a_vpc_is_made" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXTERNAL_VPC_ID        = "vpc-0123456789abcdef0"
    EXTERNAL_FARGATE_SG_ID = "sg-0f000000"
  }

  expect_failures = [check.an_existing_vpc_is_used, check.security_groups_are_of_the_vpc]
}

run "an_existing_vpc_without_dns_where_endpoints_are_there" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CREATE_VPC                  = false
    EXTERNAL_VPC_ID             = "vpc-0123456789abcdef0"
    EXTERNAL_PRIVATE_SUBNETS_ID = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
    ROUTE_TABLE_IDS             = ["rtb-0123456789abcdef0"]
    EXISTING_ENDPOINTS          = { logs = "vpce-00000001", "ecr.api" = "vpce-00000002", "ecr.dkr" = "vpce-00000003" }
  }

  override_data {
    target = data.aws_vpc.existing[0]
    values = { cidr_block = "172.16.0.0/16", enable_dns_hostnames = false, enable_dns_support = true, owner_id = "111122223333" }
  }

  expect_failures = [check.tasks_reach_existing_endpoints, check.names_resolve_in_the_existing_vpc]
}

run "an_existing_vpc_without_dns" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CREATE_VPC                  = false
    EXTERNAL_VPC_ID             = "vpc-0123456789abcdef0"
    EXTERNAL_PRIVATE_SUBNETS_ID = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
    ROUTE_TABLE_IDS             = ["rtb-0123456789abcdef0"]
    EXISTING_ENDPOINTS          = { execute-api = "vpce-0123456789abcdef0" }
  }

  override_data {
    target = data.aws_vpc.existing[0]
    values = { cidr_block = "172.16.0.0/16", enable_dns_hostnames = false, enable_dns_support = true, owner_id = "111122223333" }
  }

  expect_failures = [aws_vpc_endpoint.interface, check.tasks_reach_existing_endpoints, check.names_resolve_in_the_existing_vpc]
}

run "apis_of_a_region_that_nothing_reaches" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN = merge(jsondecode(file("tests/plan.json")), { regions = ["eu-west-1", "us-east-1"] })
  }

  expect_failures = [aws_ecs_task_definition.this]
}

run "a_listener_without_a_certificate" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN = merge(jsondecode(file("tests/plan.json")), { certificates = [], default_certificate = null })
  }

  expect_failures = [aws_lb_listener.this]
}

run "an_image_that_tasks_cannot_reach" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    IMAGE = "docker.io/library/nameplate:0.1.0"
  }

  expect_failures = [aws_ecs_task_definition.this]
}

run "an_image_of_another_region" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    IMAGE = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/nameplate:0.1.0"
  }

  expect_failures = [aws_ecs_task_definition.this]
}

run "a_certificate_of_another_region" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    CERTIFICATE_ARNS = ["arn:aws:acm:us-east-1:111122223333:certificate/1"]
  }

  expect_failures = [aws_lb_listener.this]
}

run "a_topic_of_another_region" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ALARM_TOPIC_ARN = "arn:aws:sns:us-east-1:111122223333:alarms"
  }

  expect_failures = [aws_cloudwatch_metric_alarm.this]
}

run "apis_that_are_silent_for_longer_than_an_nlb_waits" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN           = merge(jsondecode(file("tests/plan.json")), { longest_timeout = 350 })
    EXTRA_SETTINGS = { client = { read_timeout = "60s" } }
  }

  expect_failures = [check.the_load_balancer_outlasts_the_mapping, check.connections_are_kept_long_enough]
}

run "apis_that_are_silent_for_longer_than_the_alb_that_is_wanted" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ELB_TYPE         = "ALB"
    ALB_IDLE_TIMEOUT = 30
    PLAN             = merge(jsondecode(file("tests/plan.json")), { longest_timeout = 60 })
  }

  expect_failures = [check.the_load_balancer_outlasts_the_mapping]
}
