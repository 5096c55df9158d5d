# A share of Fargate Spot. With it the service names capacity providers in place of a launch type.

locals {
  spot = var.FARGATE_SPOT_PCT > 0

  spot_strategy = local.spot ? {
    FARGATE      = { base = var.TASK_SCALE_MIN, weight = 100 - var.FARGATE_SPOT_PCT }
    FARGATE_SPOT = { base = 0, weight = var.FARGATE_SPOT_PCT }
  } : {}
}

# A cluster that was brought has to know both already.
resource "aws_ecs_cluster_capacity_providers" "this" {
  count = local.spot && var.EXISTING_CLUSTER == null ? 1 : 0

  cluster_name       = aws_ecs_cluster.this[0].name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}
