# The same domains in two regions: a stack in each, which is whole by itself, and one set of private hosted zones for the
# VPCs of both. Route 53 answers with the nearer load balancer (latency) or with the first one (failover), and leaves one
# out when it has no healthy task.
provider "aws" {
  alias  = "first"
  region = var.regions[0]
}

provider "aws" {
  alias  = "second"
  region = var.regions[1]
}

module "first" {
  source    = "../.."
  providers = { aws = aws.first, aws.validation = aws.first, aws.zones = aws.first }

  PLAN               = var.plans[0]
  PROXY_CONFIG_PATH  = var.mappings[0]
  VPC_CIDR           = "10.0.0.0/16"
  HOSTED_ZONES       = "none"
  TASK_SCALE_MIN     = 2
  TASK_SCALE_CPU_PCT = 50
}

module "second" {
  source    = "../.."
  providers = { aws = aws.second, aws.validation = aws.second, aws.zones = aws.second }

  PLAN               = var.plans[1]
  PROXY_CONFIG_PATH  = var.mappings[1]
  VPC_CIDR           = "10.1.0.0/16"
  HOSTED_ZONES       = "none"
  TASK_SCALE_MIN     = 2
  TASK_SCALE_CPU_PCT = 50
}

locals {
  stacks = {
    first  = { module = module.first, region = var.regions[0], role = "PRIMARY" }
    second = { module = module.second, region = var.regions[1], role = "SECONDARY" }
  }
  zones = { for zone in var.plans[0].hosted_zones : zone.name => zone.records }
  answers = merge([
    for name, records in local.zones : {
      for pair in setproduct(records, keys(local.stacks)) : "${pair[0]} ${pair[1]}" => { zone = name, name = pair[0], stack = pair[1] }
    }
  ]...)
}

resource "aws_route53_zone" "private" {
  for_each = local.zones
  provider = aws.first

  name    = each.key
  comment = "Nameplate, in ${join(" and ", var.regions)}"

  dynamic "vpc" {
    for_each = local.stacks
    content {
      vpc_id     = vpc.value.module.vpc_id
      vpc_region = vpc.value.region
    }
  }

  lifecycle {
    # VPCs of consumers.
    ignore_changes = [vpc]

    precondition {
      condition     = { for zone in var.plans[1].hosted_zones : zone.name => zone.records } == local.zones
      error_message = "The plans have different zones or records: both mappings must have the same domains, each with the APIs of its region."
    }
  }
}

# Route 53 reaches nothing in a VPC, so the health of a stack is the alarm that no task of it is healthy.
resource "aws_route53_health_check" "stack" {
  for_each = local.stacks
  provider = aws.first

  type                            = "CLOUDWATCH_METRIC"
  cloudwatch_alarm_name           = "${each.value.module.service_name}-no-healthy-target"
  cloudwatch_alarm_region         = each.value.region
  insufficient_data_health_status = "LastKnownStatus"

  tags = { Name = "${each.value.module.service_name} in ${each.value.region}" }
}

resource "aws_route53_record" "private" {
  for_each = local.answers
  provider = aws.first

  zone_id         = aws_route53_zone.private[each.value.zone].zone_id
  name            = each.value.name
  type            = "A"
  set_identifier  = local.stacks[each.value.stack].region
  health_check_id = aws_route53_health_check.stack[each.value.stack].id

  alias {
    name                   = local.stacks[each.value.stack].module.elb_dns_name
    zone_id                = local.stacks[each.value.stack].module.elb_hosted_zone_id
    evaluate_target_health = true
  }

  dynamic "latency_routing_policy" {
    for_each = var.routing == "latency" ? [local.stacks[each.value.stack].region] : []
    content {
      region = latency_routing_policy.value
    }
  }

  dynamic "failover_routing_policy" {
    for_each = var.routing == "failover" ? [local.stacks[each.value.stack].role] : []
    content {
      type = failover_routing_policy.value
    }
  }
}
