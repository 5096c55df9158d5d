# The ECS service on Fargate.

locals {
  container = {
    name      = "nameplate"
    image     = local.image
    command   = ["serve"]
    essential = true
    user      = "65532:65532"

    # ECS Exec writes into the root file system (aws/containers-roadmap#1359).
    readonlyRootFilesystem = !var.ECS_EXEC
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = false }
    stopTimeout            = var.STOP_TIMEOUT

    environment  = [{ name = "NAMEPLATE_SETTINGS", value = local.settings_text }]
    portMappings = [for port in [local.listener_port, local.admin_port] : { containerPort = port, hostPort = port, protocol = "tcp" }]
    mountPoints  = [{ sourceVolume = "cache", containerPath = "/var/cache/nameplate", readOnly = false }]
    ulimits      = [{ name = "nofile", softLimit = 65535, hardLimit = 65535 }]

    healthCheck = {
      command     = ["CMD", "/nameplate", "healthcheck"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 10
    }

    # Non-blocking: while CloudWatch Logs is away, lines are lost after 25 MB, and no task stands still.
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-region"        = local.region
        "awslogs-group"         = aws_cloudwatch_log_group.service.name
        "awslogs-stream-prefix" = "nameplate"
        "mode"                  = "non-blocking"
        "max-buffer-size"       = "25m"
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "service" {
  name              = "/nameplate/${local.prefix}"
  retention_in_days = var.LOG_RETENTION_DAYS
  kms_key_id        = var.LOGS_KMS_KEY_ARN

  tags = local.tags

  lifecycle {
    precondition {
      condition     = alltrue([for arn in local.kms_key_arns : split(":", arn)[3] == local.region])
      error_message = "A KMS key of another region than the stack's (${local.region}) cannot be used: ${join(", ", [for arn in local.kms_key_arns : arn if split(":", arn)[3] != local.region])}. Name one of ${local.region} in LOGS_KMS_KEY_ARN, ECR_KMS_KEY_ARN and S3_KMS_KEY_ARN."
    }
  }
}

resource "aws_ecs_cluster" "this" {
  count = var.EXISTING_CLUSTER == null ? 1 : 0

  name = local.prefix

  setting {
    name  = "containerInsights"
    value = var.CONTAINER_INSIGHTS
  }

  tags = local.tags
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.prefix
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = tostring(var.TASK_CPU)
  memory                   = tostring(var.TASK_MEMORY)
  execution_role_arn       = local.execution_role_arn
  task_role_arn            = local.task_role_arn
  container_definitions    = "[${join(",", local.containers)}]"

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.TASK_PLATFORM
  }

  # The last good mapping, kept for a restart of the container while S3 is away.
  volume {
    name = "cache"
  }

  tags = local.tags

  lifecycle {
    precondition {
      condition     = var.IMAGE == null || var.EXTERNAL_FARGATE_SG_ID != null || try(local.image_parts[1] == local.region, false)
      error_message = "IMAGE is ${coalesce(var.IMAGE, "-")}, which tasks cannot reach: they have a way to ECR of ${local.region} alone, through VPC endpoints. Push the image to the repository that is made (output ecr_repository_url), or to another ECR repository of ${local.region}; or give tasks a way out with a security group of your own, EXTERNAL_FARGATE_SG_ID."
    }
    precondition {
      condition     = !local.appconfig || var.EXTERNAL_FARGATE_SG_ID != null || try(local.agent_parts[1] == local.region, false)
      error_message = "APPCONFIG_AGENT_IMAGE is ${coalesce(var.APPCONFIG_AGENT_IMAGE, "-")}, which tasks cannot reach: they have a way to ECR of ${local.region} alone. Copy it to an ECR repository of ${local.region}; or give tasks a way out with a security group of your own, EXTERNAL_FARGATE_SG_ID."
    }
    precondition {
      condition     = length(local.foreign_regions) == 0 || length(var.EXTRA_ENDPOINTS) > 0
      error_message = "The mapping has APIs of ${join(", ", local.foreign_regions)}, and the stack's own execute-api endpoint reaches those of ${local.region} only. Give such entries an ENDPOINT, and its DNS name in EXTRA_ENDPOINTS."
    }
  }
}

locals {
  cluster_name = var.EXISTING_CLUSTER == null ? aws_ecs_cluster.this[0].name : var.EXISTING_CLUSTER
  cluster_id   = var.EXISTING_CLUSTER == null ? aws_ecs_cluster.this[0].id : "arn:${local.partition}:ecs:${local.region}:${local.account}:cluster/${var.EXISTING_CLUSTER}"

  foreign_regions = setsubtract(var.PLAN.regions, [local.region])
}

resource "aws_ecs_service" "this" {
  name            = local.prefix
  cluster         = local.cluster_id
  task_definition = aws_ecs_task_definition.this.arn

  launch_type      = local.spot ? null : "FARGATE"
  platform_version = "LATEST"
  desired_count    = var.TASK_SCALE_MIN

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"
  health_check_grace_period_seconds  = 30

  enable_execute_command  = var.ECS_EXEC
  enable_ecs_managed_tags = true
  propagate_tags          = "SERVICE"

  # As CloudFormation: an apply is done when the tasks are, and fails where the circuit breaker rolls them back.
  wait_for_steady_state = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "alarms" {
    for_each = length(var.DEPLOYMENT_ALARMS) == 0 ? [] : [var.DEPLOYMENT_ALARMS]
    content {
      alarm_names = alarms.value
      enable      = true
      rollback    = true
    }
  }

  # TASK_SCALE_MIN tasks are never on Spot; the others are shared by weight. A change of the shares replaces tasks, and
  # without a new deployment the provider would replace the service.
  force_new_deployment = local.spot ? true : null
  dynamic "capacity_provider_strategy" {
    for_each = local.spot_strategy
    content {
      capacity_provider = capacity_provider_strategy.key
      base              = capacity_provider_strategy.value.base
      weight            = capacity_provider_strategy.value.weight
    }
  }

  network_configuration {
    subnets          = local.private_subnet_ids
    security_groups  = [local.task_sg_id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = local.container.name
    container_port   = local.listener_port
  }

  tags = local.tags

  # Application Auto Scaling sets it from here on.
  lifecycle { ignore_changes = [desired_count] }

  # A task that starts before these are there fails, and the circuit breaker counts it.
  depends_on = [
    aws_lb_listener.this,
    aws_lb_listener_rule.hosts,
    aws_ecs_cluster_capacity_providers.this,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.task,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_ingress_rule.load_balancer_to_task,
    aws_vpc_security_group_ingress_rule.task_to_endpoints,
    aws_vpc_security_group_egress_rule.load_balancer_to_task,
    aws_vpc_security_group_egress_rule.task_to_endpoints,
    aws_vpc_security_group_egress_rule.task_to_s3,
    aws_vpc_security_group_egress_rule.task_to_dns,
    aws_route_table_association.private,
    aws_s3_object.mapping,
    aws_appconfig_deployment.first,
  ]
}
