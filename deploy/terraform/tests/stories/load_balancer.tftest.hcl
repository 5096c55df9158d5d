# A load balancer of the user's, and a listener of an ALB that others use too.

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
  ROUTE_TABLE_IDS             = ["rtb-0123456789abcdef0"]
  VPC_SECONDARY_CIDRS         = ["100.64.0.0/16"]

  ELB_TYPE                 = "ALB"
  EXTERNAL_ALB_SG_ID       = "sg-0123456789abcdef0"
  EXISTING_ELB_ARN         = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/platform/0123456789abcdef"
  EXISTING_LISTENER_ARN    = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/platform/0123456789abcdef/fedcba9876543210"
  LISTENER_RULE_PRIORITIES = { "internal.private.example.com" = 100, "team.internal.private.example.com" = 200 }
}

run "rules_by_host_in_a_listener_that_exists" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = length(aws_lb.this) + length(aws_lb_listener.this) + length(aws_security_group.load_balancer) == 0
    error_message = "Neither a load balancer, nor a listener or a group for it is made."
  }

  assert {
    condition = { for key, rule in aws_lb_listener_rule.hosts : key => [tostring(rule.priority), rule.listener_arn, rule.action[0].target_group_arn, join(" ", sort(one(one(rule.condition).host_header).values))] } == {
      "internal.private.example.com 0"      = ["100", var.EXISTING_LISTENER_ARN, aws_lb_target_group.this.arn, "*.internal.private.example.com"]
      "team.internal.private.example.com 0" = ["200", var.EXISTING_LISTENER_ARN, aws_lb_target_group.this.arn, "*.team.internal.private.example.com team.internal.private.example.com"]
    }
    error_message = "A rule for each zone leads its names to the tasks, and nobody else's."
  }

  assert {
    condition     = toset(keys(aws_lb_listener_certificate.planned)) == toset(var.PLAN.certificates[*].id) && aws_lb_listener_certificate.planned["c-3f9a0c21d4"].listener_arn == var.EXISTING_LISTENER_ARN
    error_message = "Every certificate is attached: the listener has a default one of its own."
  }

  assert {
    condition     = jsondecode(local.settings_text).forwarded.trust == ["172.16.0.0/16", "100.64.0.0/16"] && jsondecode(local.settings_text).client.keep_alive == "75s"
    error_message = "It may be in any subnet of the VPC, and closes idle connections before tasks do."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer_to_task["listener"].referenced_security_group_id == "sg-0123456789abcdef0" && aws_vpc_security_group_ingress_rule.load_balancer_to_task["admin"].from_port == 9901 && aws_lb_target_group.this.health_check[0].path == "/readyz"
    error_message = "Tasks let its group in, to health checks as well."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-healthy-target"].dimensions == tomap({ LoadBalancer = "app/platform/0123456789abcdef", TargetGroup = aws_lb_target_group.this.arn_suffix }) && !contains(keys(aws_cloudwatch_metric_alarm.this), "server-errors") && aws_cloudwatch_metric_alarm.this["connection-errors"].dimensions.TargetGroup == aws_lb_target_group.this.arn_suffix
    error_message = "Alarms are about the tasks, not about what else is behind the load balancer."
  }

  assert {
    condition     = aws_route53_record.private["team.internal.private.example.com"].alias[0].name == "internal-platform.eu-west-1.elb.amazonaws.com" && output.elb_hosted_zone_id == "Z0ALOADBALANCER"
    error_message = "The names lead to it."
  }
}

run "a_listener_of_ours_on_an_nlb_that_exists" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ELB_TYPE                 = "NLB"
    EXISTING_ELB_ARN         = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/platform/0123456789abcdef"
    EXISTING_LISTENER_ARN    = null
    LISTENER_RULE_PRIORITIES = {}
  }

  assert {
    condition     = length(aws_lb.this) + length(aws_lb_listener_rule.hosts) == 0 && aws_lb_listener.this[0].load_balancer_arn == var.EXISTING_ELB_ARN && aws_lb_listener.this[0].protocol == "TLS"
    error_message = "The listener is made on it."
  }

  assert {
    condition     = jsondecode(local.settings_text).listeners[0].proxy_protocol.trust == ["172.16.0.0/16", "100.64.0.0/16"] && contains(keys(aws_cloudwatch_metric_alarm.this), "tls-errors")
    error_message = "Its PROXY headers are believed."
  }
}

run "a_load_balancer_of_another_type" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXISTING_ELB_ARN = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/platform/0123456789abcdef"
  }

  expect_failures = [var.EXISTING_ELB_ARN]
}

run "a_load_balancer_without_its_group" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXTERNAL_ALB_SG_ID = null
  }

  expect_failures = [var.EXTERNAL_ALB_SG_ID]
}

run "a_listener_of_another_load_balancer" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXISTING_LISTENER_ARN      = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/another/0123456789abcdef/fedcba9876543210"
    DROP_INVALID_HEADER_FIELDS = true
  }

  expect_failures = [var.EXISTING_LISTENER_ARN, var.DROP_INVALID_HEADER_FIELDS]
}

run "rules_that_would_share_a_priority" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN                     = merge(jsondecode(file("tests/plan.json")), { hosted_zones = [{ name = "a.example.com", records = [for i in range(6) : "${i}.a.example.com"], domains = 6 }, { name = "b.example.com", records = ["b.example.com"], domains = 1 }] })
    LISTENER_RULE_PRIORITIES = { "a.example.com" = 7, "b.example.com" = 8 }
  }

  expect_failures = [var.LISTENER_RULE_PRIORITIES]
}

run "a_load_balancer_that_does_not_fit" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXTERNAL_VPC_ID    = "vpc-0fedcba9876543210"
    EXTERNAL_ALB_SG_ID = "sg-0fedcba9876543210"
    ALB_IDLE_TIMEOUT   = 120
  }

  expect_failures = [data.aws_lb.existing]
}

run "a_listener_for_http" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  override_data {
    target = data.aws_lb_listener.existing
    values = { protocol = "HTTP" }
  }

  expect_failures = [data.aws_lb_listener.existing]
}
