# This folder is a root: `terraform apply` works in it. What it deploys is ./module, which other roots can use too.
module "nameplate" {
  source = "./module"

  providers = {
    aws            = aws
    aws.validation = aws.validation
    aws.zones      = aws.zones
  }

  PLAN                        = var.PLAN
  PROXY_CONFIG_PATH           = var.PROXY_CONFIG_PATH
  APP_ENVIRONMENT             = var.APP_ENVIRONMENT
  APP_NAME                    = var.APP_NAME
  TAGS                        = var.TAGS
  CREATE_VPC                  = var.CREATE_VPC
  VPC_CIDR                    = var.VPC_CIDR
  AVAILABILITY_ZONES          = var.AVAILABILITY_ZONES
  PUBLIC_SUBNETS              = var.PUBLIC_SUBNETS
  EXTERNAL_VPC_ID             = var.EXTERNAL_VPC_ID
  VPC_SECONDARY_CIDRS         = var.VPC_SECONDARY_CIDRS
  DNS_SERVER_CIDRS            = var.DNS_SERVER_CIDRS
  EXTERNAL_PRIVATE_SUBNETS_ID = var.EXTERNAL_PRIVATE_SUBNETS_ID
  ROUTE_TABLE_IDS             = var.ROUTE_TABLE_IDS
  EXISTING_ENDPOINTS          = var.EXISTING_ENDPOINTS
  EXECUTE_API_PRIVATE_DNS     = var.EXECUTE_API_PRIVATE_DNS
  EXTERNAL_ALB_SG_ID          = var.EXTERNAL_ALB_SG_ID
  EXTERNAL_ENDPOINT_SG_ID     = var.EXTERNAL_ENDPOINT_SG_ID
  EXTERNAL_FARGATE_SG_ID      = var.EXTERNAL_FARGATE_SG_ID
  ELB_TYPE                    = var.ELB_TYPE
  CLIENT_CIDRS                = var.CLIENT_CIDRS
  LISTENER_TLS                = var.LISTENER_TLS
  SSL_POLICY                  = var.SSL_POLICY
  ALB_IDLE_TIMEOUT            = var.ALB_IDLE_TIMEOUT
  DROP_INVALID_HEADER_FIELDS  = var.DROP_INVALID_HEADER_FIELDS
  HOSTED_ZONES                = var.HOSTED_ZONES
  HOSTED_ZONE_IDS             = var.HOSTED_ZONE_IDS
  DELETION_PROTECTION         = var.DELETION_PROTECTION
  CERTIFICATE_ARNS            = var.CERTIFICATE_ARNS
  VALIDATION_ZONE_IDS         = var.VALIDATION_ZONE_IDS
  IMAGE                       = var.IMAGE
  IMAGE_TAG                   = var.IMAGE_TAG
  TASK_PLATFORM               = var.TASK_PLATFORM
  TASK_CPU                    = var.TASK_CPU
  TASK_MEMORY                 = var.TASK_MEMORY
  STOP_TIMEOUT                = var.STOP_TIMEOUT
  EXTRA_SETTINGS              = var.EXTRA_SETTINGS
  EXTRA_ENDPOINTS             = var.EXTRA_ENDPOINTS
  ECS_EXEC                    = var.ECS_EXEC
  LOG_RETENTION_DAYS          = var.LOG_RETENTION_DAYS
  TASK_SCALE_MIN              = var.TASK_SCALE_MIN
  TASK_SCALE_MAX              = var.TASK_SCALE_MAX
  TASK_SCALE_CPU_PCT          = var.TASK_SCALE_CPU_PCT
  HIGH_RESOLUTION_SCALING     = var.HIGH_RESOLUTION_SCALING
  HIGH_RESOLUTION_METRICS     = var.HIGH_RESOLUTION_METRICS
  ALARM_TOPIC_ARN             = var.ALARM_TOPIC_ARN
}
