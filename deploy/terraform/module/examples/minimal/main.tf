# Everything in one account: the module makes the VPC, the zones and the certificates. Region and credentials come from
# the environment.
#
#   nameplate plan mapping.yaml --tfvars nameplate.auto.tfvars.json
#   terraform init && terraform apply
provider "aws" {}

variable "PLAN" {
  description = "What `nameplate plan mapping.yaml --tfvars nameplate.auto.tfvars.json` wrote."
  type        = any
}

module "nameplate" {
  source    = "../.."
  providers = { aws = aws, aws.validation = aws, aws.zones = aws }

  PLAN              = var.PLAN
  PROXY_CONFIG_PATH = "mapping.yaml"

  TASK_SCALE_MIN     = 2
  TASK_SCALE_CPU_PCT = 50
}

output "ecr_repository_url" {
  description = "Where to push the image."
  value       = module.nameplate.ecr_repository_url
}

output "policies" {
  description = "A resource policy for each API, by API id."
  value       = module.nameplate.policies
}
