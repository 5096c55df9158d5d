# A landing zone: the network team shares its VPC through AWS RAM, has made the VPC endpoints and the private hosted
# zones, and another account has the public zone. The module makes the rest in this account.
provider "aws" {}

provider "aws" {
  alias = "dns"
  assume_role { role_arn = var.dns_role_arn }
}

variable "PLAN" {
  description = "What `nameplate plan mapping.yaml --tfvars nameplate.auto.tfvars.json` wrote."
  type        = any
}

variable "dns_role_arn" {
  description = "A role of the account with the zones, which may write their records."
  type        = string
}

variable "vpc_id" {
  description = "The shared VPC."
  type        = string
}

variable "private_subnet_ids" {
  description = "Shared private subnets, two or more, in different Availability Zones."
  type        = list(string)
}

variable "endpoint_ids" {
  description = "The VPC's endpoints, service to id: execute-api, logs, ecr.api, ecr.dkr, s3."
  type        = map(string)
}

variable "endpoint_security_group_id" {
  description = "The endpoints' security group, which lets the tasks in on port 443."
  type        = string
}

variable "hosted_zone_ids" {
  description = "The private hosted zones of the plan, name to id."
  type        = map(string)
}

variable "permissions_boundary_arn" {
  description = "The organisation's permissions boundary for roles."
  type        = string
}

module "nameplate" {
  source    = "../.."
  providers = { aws = aws, aws.validation = aws.dns, aws.zones = aws.dns }

  PLAN              = var.PLAN
  PROXY_CONFIG_PATH = "mapping.yaml"
  APP_ENVIRONMENT   = "prod"

  CREATE_VPC                  = false
  EXTERNAL_VPC_ID             = var.vpc_id
  EXTERNAL_PRIVATE_SUBNETS_ID = var.private_subnet_ids
  EXISTING_ENDPOINTS          = var.endpoint_ids
  EXTERNAL_ENDPOINT_SG_ID     = var.endpoint_security_group_id
  HOSTED_ZONES                = "existing"
  HOSTED_ZONE_IDS             = var.hosted_zone_ids
  PERMISSIONS_BOUNDARY_ARN    = var.permissions_boundary_arn

  TASK_SCALE_MIN     = 2
  TASK_SCALE_CPU_PCT = 50
}

output "vpc_endpoint_id" {
  description = "The execute-api endpoint, which the APIs' resource policies name."
  value       = module.nameplate.vpc_endpoint_id
}
