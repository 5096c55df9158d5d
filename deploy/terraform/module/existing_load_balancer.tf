# A load balancer of the user's, in place of the one that is made; and of an ALB a listener of the user's, with rules by
# host. Both are looked up, and neither is changed but for rules and certificates.

locals {
  existing_elb      = var.EXISTING_ELB_ARN != null
  existing_listener = var.EXISTING_LISTENER_ARN != null

  elb_arn        = local.existing_elb ? data.aws_lb.existing[0].arn : aws_lb.this[0].arn
  elb_arn_suffix = local.existing_elb ? data.aws_lb.existing[0].arn_suffix : aws_lb.this[0].arn_suffix
  elb_dns_name   = local.existing_elb ? data.aws_lb.existing[0].dns_name : aws_lb.this[0].dns_name
  elb_zone_id    = local.existing_elb ? data.aws_lb.existing[0].zone_id : aws_lb.this[0].zone_id
  listener_arn   = local.existing_listener ? var.EXISTING_LISTENER_ARN : aws_lb_listener.this[0].arn

  # Where its connections come from: its subnets may be any of the VPC's.
  load_balancer_cidrs = local.existing_elb ? concat([local.vpc_cidr], var.VPC_SECONDARY_CIDRS) : local.private_subnet_cidrs

  # By zone, so that a new parent changes no rule of another. A rule takes 5 hosts (ELB quotas, "Condition values per rule").
  listener_rules = !local.existing_listener ? {} : merge([
    for zone in var.PLAN.hosted_zones : {
      for index, hosts in chunklist(zone.records, 5) : "${zone.name} ${index}" => { priority = var.LISTENER_RULE_PRIORITIES[zone.name] + index, hosts = hosts }
    }
  ]...)
}

data "aws_lb" "existing" {
  count = local.existing_elb ? 1 : 0

  arn = var.EXISTING_ELB_ARN

  lifecycle {
    precondition {
      condition     = split(":", var.EXISTING_ELB_ARN)[3] == local.region
      error_message = "EXISTING_ELB_ARN is a load balancer of another region than the stack's (${local.region}). Name one of ${local.region}."
    }
    postcondition {
      condition     = self.vpc_id == local.vpc_id
      error_message = "EXISTING_ELB_ARN is in ${self.vpc_id}, and tasks are in ${local.vpc_id}. Name a load balancer of the same VPC."
    }
    postcondition {
      condition     = contains(self.security_groups, var.EXTERNAL_ALB_SG_ID)
      error_message = "EXTERNAL_ALB_SG_ID is ${var.EXTERNAL_ALB_SG_ID}, which EXISTING_ELB_ARN does not have, and tasks let in that group alone. Name one of its own: ${join(", ", self.security_groups)}."
    }
    postcondition {
      condition     = local.nlb || self.idle_timeout == local.alb_idle_timeout
      error_message = "The idle timeout of EXISTING_ELB_ARN is ${self.idle_timeout} s, and tasks would keep connections for one of ${local.alb_idle_timeout} s. Set ALB_IDLE_TIMEOUT = ${self.idle_timeout}."
    }
  }
}

data "aws_lb_listener" "existing" {
  count = local.existing_listener ? 1 : 0

  arn = var.EXISTING_LISTENER_ARN

  lifecycle {
    postcondition {
      condition     = self.protocol == "HTTPS"
      error_message = "EXISTING_LISTENER_ARN is a listener for ${self.protocol}, and clients use HTTPS. Name an HTTPS listener of the load balancer."
    }
  }
}

resource "aws_lb_listener_rule" "hosts" {
  for_each = local.listener_rules

  listener_arn = var.EXISTING_LISTENER_ARN
  priority     = each.value.priority

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  condition {
    host_header {
      values = each.value.hosts
    }
  }

  tags = local.tags

  depends_on = [data.aws_lb_listener.existing]
}
