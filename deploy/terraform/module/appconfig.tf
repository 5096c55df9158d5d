# The mapping through AWS AppConfig: it reads the object in S3, and gives it to the agent beside each task in steps. Alarms
# roll it back. Nothing of this is made where MAPPING_SOURCE is s3.

locals {
  appconfig       = var.MAPPING_SOURCE == "appconfig"
  appconfig_count = local.appconfig ? 1 : 0
  appconfig_port  = 2772

  mapping_source = local.appconfig ? "http://localhost:${local.appconfig_port}/applications/${local.prefix}/environments/${var.APP_ENVIRONMENT}/configurations/mapping" : "s3://${local.mapping_bucket}/${local.mapping_key}"

  # What the agent asks for, and nothing else.
  appconfig_statement = local.appconfig ? {
    Effect   = "Allow"
    Action   = ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"]
    Resource = "arn:${local.partition}:appconfig:${local.region}:${local.account}:application/${aws_appconfig_application.this[0].id}/environment/${aws_appconfig_environment.this[0].environment_id}/configuration/${aws_appconfig_configuration_profile.mapping[0].configuration_profile_id}"
  } : null

  agent_name = "appconfig-agent"
  agent = {
    name                   = local.agent_name
    image                  = var.APPCONFIG_AGENT_IMAGE
    essential              = true
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = false }
    environment = [
      { name = "HTTP_PORT", value = tostring(local.appconfig_port) },
      { name = "POLL_INTERVAL", value = "${var.APPCONFIG_POLL_SECONDS}s" },
      { name = "SERVICE_REGION", value = local.region },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(local.container.logConfiguration.options, { "awslogs-stream-prefix" = local.agent_name })
    }
  }

  containers = local.appconfig ? [
    jsonencode(merge(local.container, { dependsOn = [{ containerName = local.agent_name, condition = "START" }] })),
    jsonencode(local.agent),
  ] : [jsonencode(local.container)]

  agent_parts = try(regex("^([0-9]{12})\\.dkr\\.ecr(?:-fips)?\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/([^:@]+)", coalesce(var.APPCONFIG_AGENT_IMAGE, "-")), [])
  agent_repository_arns = [
    for parts in [local.agent_parts] : "arn:${local.partition}:ecr:${parts[1]}:${parts[0]}:repository/${parts[2]}" if local.appconfig && length(parts) == 3
  ]

  # AppConfig takes draft 4 alone. All that the schema says means the same there, but for the names of the draft and itself.
  schema_path = var.MAPPING_SCHEMA_PATH == null ? "" : startswith(var.MAPPING_SCHEMA_PATH, "/") ? var.MAPPING_SCHEMA_PATH : "${path.root}/${var.MAPPING_SCHEMA_PATH}"
  schema = local.schema_path == "" ? "" : try(jsonencode(merge(
    { for key, value in jsondecode(file(local.schema_path)) : key => value if key != "$id" },
    { "$schema" = "http://json-schema.org/draft-04/schema#" },
  )), "")
}

# --- Application, environment, profile ---------------------------------------------------------------------------------

resource "aws_appconfig_application" "this" {
  count = local.appconfig_count

  name        = local.prefix
  description = "Nameplate"

  tags = local.tags
}

resource "aws_appconfig_environment" "this" {
  count = local.appconfig_count

  application_id = aws_appconfig_application.this[0].id
  name           = var.APP_ENVIRONMENT
  description    = "The tasks of ${local.prefix}"

  dynamic "monitor" {
    for_each = aws_cloudwatch_metric_alarm.rollout
    content {
      alarm_arn      = monitor.value.arn
      alarm_role_arn = aws_iam_role.appconfig[0].arn
    }
  }

  tags = local.tags

  depends_on = [aws_iam_role_policy.appconfig]
}

resource "aws_appconfig_configuration_profile" "mapping" {
  count = local.appconfig_count

  application_id     = aws_appconfig_application.this[0].id
  name               = "mapping"
  description        = "Which custom domain stands for which private API"
  location_uri       = "s3://${local.mapping_bucket}/${local.mapping_key}"
  retrieval_role_arn = aws_iam_role.appconfig[0].arn
  type               = "AWS.Freeform"

  dynamic "validator" {
    for_each = var.MAPPING_SCHEMA_PATH == null ? [] : [local.schema]
    content {
      type    = "JSON_SCHEMA"
      content = validator.value
    }
  }

  tags = local.tags

  lifecycle {
    precondition {
      condition     = var.MAPPING_SCHEMA_PATH == null || (local.schema != "" && length(local.schema) <= 32768)
      error_message = "MAPPING_SCHEMA_PATH is ${coalesce(var.MAPPING_SCHEMA_PATH, "-")}, which is no JSON object, or has over 32,768 characters, the most that AppConfig takes. Write it with: nameplate schema mapping"
    }
    precondition {
      condition     = length(filebase64(local.mapping_path)) <= 4 * ceil(1048576 / 3)
      error_message = "${var.PROXY_CONFIG_PATH} is over 1 MB, and AppConfig takes no larger object (AppConfig user guide, About configurations stored in Amazon S3). Set MAPPING_SOURCE = \"s3\", or split the mapping between two stacks."
    }
  }

  depends_on = [aws_iam_role_policy.appconfig, aws_s3_object.mapping]
}

# --- Deployments -------------------------------------------------------------------------------------------------------

resource "aws_appconfig_deployment_strategy" "rollout" {
  count = local.appconfig_count

  name                           = local.prefix
  description                    = "In steps of ${var.ROLLOUT_GROWTH_PCT} % within ${var.ROLLOUT_MINUTES} min, then ${var.ROLLOUT_BAKE_MINUTES} min under watch"
  deployment_duration_in_minutes = var.ROLLOUT_MINUTES
  growth_factor                  = var.ROLLOUT_GROWTH_PCT
  growth_type                    = "LINEAR"
  final_bake_time_in_minutes     = var.ROLLOUT_BAKE_MINUTES
  replicate_to                   = "NONE"

  tags = local.tags
}

resource "aws_appconfig_deployment_strategy" "at_once" {
  count = local.appconfig_count

  name                           = "${local.prefix}-at-once"
  description                    = "To all tasks at once: the first mapping, and a way back in a hurry"
  deployment_duration_in_minutes = 0
  growth_factor                  = 100
  growth_type                    = "LINEAR"
  final_bake_time_in_minutes     = 0
  replicate_to                   = "NONE"

  tags = local.tags
}

# The first mapping, so that the first tasks have one: it goes to all at once, and is never deployed again.
resource "aws_appconfig_deployment" "first" {
  count = local.appconfig_count

  application_id           = aws_appconfig_application.this[0].id
  environment_id           = aws_appconfig_environment.this[0].environment_id
  configuration_profile_id = aws_appconfig_configuration_profile.mapping[0].configuration_profile_id
  configuration_version    = aws_s3_object.mapping[0].version_id
  deployment_strategy_id   = aws_appconfig_deployment_strategy.at_once[0].id
  description              = "The first one"

  lifecycle { ignore_changes = [configuration_version, deployment_strategy_id, description] }

  # These take minutes, in which new alarms get a state. AppConfig rolls back while an alarm has none.
  depends_on = [aws_lb_listener.this, aws_vpc_endpoint.interface]
}

# Each later one. The provider starts it and does not wait: `aws appconfig list-deployments` says what became of it.
resource "aws_appconfig_deployment" "mapping" {
  count = local.appconfig_count

  application_id           = aws_appconfig_application.this[0].id
  environment_id           = aws_appconfig_environment.this[0].environment_id
  configuration_profile_id = aws_appconfig_configuration_profile.mapping[0].configuration_profile_id
  configuration_version    = aws_s3_object.mapping[0].version_id
  deployment_strategy_id   = aws_appconfig_deployment_strategy.rollout[0].id
  description              = "By Terraform"

  # Another strategy is for the next mapping. It is no reason to deploy this one again.
  lifecycle { ignore_changes = [deployment_strategy_id] }

  # AppConfig has one deployment at a time, and tasks with the agent must run before a rollout means anything.
  depends_on = [aws_appconfig_deployment.first, aws_ecs_service.this]
}

# --- What AppConfig may do ---------------------------------------------------------------------------------------------

resource "aws_iam_role" "appconfig" {
  count = local.appconfig_count

  name        = "${local.prefix}-${local.region}-appconfig"
  description = "Nameplate: AppConfig reads the mapping and the alarms"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "appconfig.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  path                 = var.IAM_PATH
  permissions_boundary = var.PERMISSIONS_BOUNDARY_ARN

  tags = local.tags
}

resource "aws_iam_role_policy" "appconfig" {
  count = local.appconfig_count

  name = "read-mapping-and-alarms"
  role = aws_iam_role.appconfig[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion"], Resource = local.mapping_object_arn },
      {
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketVersions"]
        Resource = local.mapping_bucket_arn
      },
      { Effect = "Allow", Action = "s3:ListAllMyBuckets", Resource = "*" }, # it knows no resources
      { Effect = "Allow", Action = "cloudwatch:DescribeAlarms", Resource = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:*" },
    ]
  })
}

# --- What rolls a mapping back -----------------------------------------------------------------------------------------

locals {
  # Each task writes its own rates once a minute, without a dimension that names it: so their averages are over the tasks.
  # A second time it writes them with MappingVersion `new`, from when it took another mapping until a rollout is over, and
  # with `old` after that. While nobody has a new mapping, or everybody, one side has no data and the alarm is silent.
  rollout_metrics = { refusals = "RefusalsPerSecond", errors = "ServerErrorsPerSecond" }
  rollout_alarms = local.appconfig ? merge([for name, metric in local.rollout_metrics : {
    "mapping-${name}" = {
      description = "Over ${var.ROLLOUT_ALARM_PCT} % of the requests count as ${name}. A mapping that is being rolled out is rolled back."
      expression  = "IF(requests > 0.1, 100 * value / requests, 0)"
      queries     = { requests = ["RequestsPerSecond"], value = [metric] }
    }
    "mapping-${name}-new" = {
      description = "Tasks with a new mapping have over ${var.ROLLOUT_ALARM_PCT} % of their requests more as ${name} than tasks with an old one. A mapping that is being rolled out is rolled back."
      expression  = "IF((new_requests > 0.1) AND (old_requests > 0.1), 100 * (new_value / new_requests - old_value / old_requests), 0)"
      queries     = merge([for age in ["new", "old"] : { "${age}_requests" = ["RequestsPerSecond", age], "${age}_value" = [metric, age] }]...)
    }
  }]...) : {}

  # Until the last task has it, and the alarms have been watched for that long: an agent asks every 5 min at most.
  new_mapping_minutes = var.ROLLOUT_MINUTES + var.ROLLOUT_BAKE_MINUTES + 6
}

resource "aws_cloudwatch_metric_alarm" "rollout" {
  for_each = local.rollout_alarms

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.ROLLOUT_ALARM_PCT
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  # AppConfig rolls back on INSUFFICIENT_DATA, too.
  treat_missing_data = "notBreaching"
  alarm_actions      = local.alarm_actions
  ok_actions         = local.alarm_actions

  metric_query {
    id          = "share"
    expression  = each.value.expression
    label       = "percent of the requests"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.queries
    content {
      id = metric_query.key
      metric {
        namespace   = "Nameplate"
        metric_name = metric_query.value[0]
        dimensions  = merge({ Service = local.prefix }, length(metric_query.value) > 1 ? { MappingVersion = metric_query.value[1] } : {})
        period      = 60
        stat        = "Average"
      }
    }
  }

  tags = local.tags
}
