# What somebody should be told of. What Nameplate itself knows (the mapping in trouble, refusals, latency) is in its
# metrics: docs/observability.md.

locals {
  alarm_actions    = var.ALARM_TOPIC_ARN == null ? [] : [var.ALARM_TOPIC_ARN]
  elb_namespace    = local.nlb ? "AWS/NetworkELB" : "AWS/ApplicationELB"
  elb_dimensions   = { LoadBalancer = local.elb_arn_suffix }
  group_dimensions = { LoadBalancer = local.elb_arn_suffix, TargetGroup = aws_lb_target_group.this.arn_suffix }

  alarms = {
    no-healthy-target = {
      description = "No task has been healthy for 2 minutes: nobody is served. See the service's events, then the tasks' /readyz."
      namespace   = local.elb_namespace
      metric      = "HealthyHostCount"
      dimensions  = local.group_dimensions
      statistic   = "Maximum"
      comparison  = "LessThanThreshold"
      threshold   = 1
      period      = 60
      periods     = 2
      missing     = "breaching"
    }
    unhealthy-targets = {
      description = "A task has been unhealthy for 5 minutes."
      namespace   = local.elb_namespace
      metric      = "UnHealthyHostCount"
      dimensions  = local.group_dimensions
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      period      = 60
      periods     = 5
      missing     = "notBreaching"
    }
    cpu-high = {
      description = "CPU over 90 % for 5 minutes: scaling does not keep up, or TASK_SCALE_MAX is reached."
      namespace   = "AWS/ECS"
      metric      = "CPUUtilization"
      dimensions  = { ClusterName = local.cluster_name, ServiceName = aws_ecs_service.this.name }
      statistic   = "Average"
      comparison  = "GreaterThanThreshold"
      threshold   = 90
      period      = 60
      periods     = 5
      missing     = "notBreaching"
    }
    tls-errors = {
      wanted      = local.nlb && var.LISTENER_TLS
      description = "TLS between the load balancer and tasks fails."
      namespace   = local.elb_namespace
      metric      = "TargetTLSNegotiationErrorCount"
      dimensions  = local.elb_dimensions
      statistic   = "Sum"
      comparison  = "GreaterThanThreshold"
      threshold   = 10
      period      = 300
      periods     = 1
      missing     = "notBreaching"
    }
    server-errors = {
      wanted      = !local.nlb && !local.existing_elb
      description = "The load balancer itself answers with 5xx: no healthy task, or tasks that hang up."
      namespace   = local.elb_namespace
      metric      = "HTTPCode_ELB_5XX_Count"
      dimensions  = local.elb_dimensions
      statistic   = "Sum"
      comparison  = "GreaterThanThreshold"
      threshold   = 10
      period      = 300
      periods     = 1
      missing     = "notBreaching"
    }
    # Of an ALB that others share, only what is about our tasks.
    connection-errors = {
      wanted      = !local.nlb && local.existing_elb
      description = "The load balancer cannot connect to tasks."
      namespace   = local.elb_namespace
      metric      = "TargetConnectionErrorCount"
      dimensions  = local.group_dimensions
      statistic   = "Sum"
      comparison  = "GreaterThanThreshold"
      threshold   = 10
      period      = 300
      periods     = 1
      missing     = "notBreaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = { for name, alarm in local.alarms : name => alarm if try(alarm.wanted, true) }

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  tags = local.tags

  lifecycle {
    precondition {
      condition     = try(split(":", var.ALARM_TOPIC_ARN)[3] == local.region, true)
      error_message = "ALARM_TOPIC_ARN is a topic of another region than the stack's (${local.region}), and an alarm tells topics of its own region only. Name one of ${local.region}."
    }
  }
}
