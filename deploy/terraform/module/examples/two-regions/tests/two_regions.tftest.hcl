# Two stacks, and the records that choose between them.

mock_provider "aws" {
  alias  = "first"
  source = "../../../tests/mocks"
}

mock_provider "aws" {
  alias  = "second"
  source = "../../../tests/mocks"
}

override_data {
  target = module.second.data.aws_region.current
  values = { region = "eu-central-1" }
}

variables {
  plans = [
    jsondecode(file("../../../tests/plan.json")),
    merge(jsondecode(file("../../../tests/plan.json")), { regions = ["eu-central-1"] }),
  ]
  mappings = ["../../../tests/mapping.yaml", "../../../tests/mapping.yaml"]
}

run "the_nearer_region" {
  command = plan

  assert {
    condition     = toset([for record in aws_route53_record.private : "${record.name} ${record.latency_routing_policy[0].region} ${record.set_identifier}"]) == toset(flatten([for name in flatten(var.plans[0].hosted_zones[*].records) : ["${name} eu-west-1 eu-west-1", "${name} eu-central-1 eu-central-1"]]))
    error_message = "Each record is there once for each region, and the nearer one is the answer."
  }

  assert {
    condition     = alltrue([for record in aws_route53_record.private : record.alias[0].evaluate_target_health])
    error_message = "A load balancer without a healthy task is left out."
  }

  assert {
    condition     = alltrue([for zone in aws_route53_zone.private : toset(zone.vpc[*].vpc_region) == toset(["eu-west-1", "eu-central-1"])])
    error_message = "The zones are those of both VPCs."
  }

  assert {
    condition     = { for name, check in aws_route53_health_check.stack : name => "${check.cloudwatch_alarm_name} ${check.cloudwatch_alarm_region}" } == { first = "reverse-proxy-dev-no-healthy-target eu-west-1", second = "reverse-proxy-dev-no-healthy-target eu-central-1" }
    error_message = "The alarm of each region says whether its stack is healthy."
  }
}

run "the_first_region_while_it_is_healthy" {
  command = plan

  variables { routing = "failover" }

  assert {
    condition     = alltrue([for record in aws_route53_record.private : record.failover_routing_policy[0].type == (record.set_identifier == "eu-west-1" ? "PRIMARY" : "SECONDARY")])
    error_message = "The first region is the primary one."
  }
}

run "plans_of_different_domains" {
  command = plan

  variables {
    plans = [
      jsondecode(file("../../../tests/plan.json")),
      merge(jsondecode(file("../../../tests/plan.json")), { regions = ["eu-central-1"], hosted_zones = [] }),
    ]
  }

  expect_failures = [aws_route53_zone.private]
}
