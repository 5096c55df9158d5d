output "vpc_id" {
  description = "The VPC."
  value       = module.nameplate.vpc_id
}

output "vpc_endpoint_id" {
  description = "The execute-api VPC endpoint. Private APIs name it in their resource policies."
  value       = module.nameplate.vpc_endpoint_id
}

output "elb_dns_name" {
  description = "The load balancer's own DNS name."
  value       = module.nameplate.elb_dns_name
}

output "elb_hosted_zone_id" {
  description = "The hosted zone of the load balancer's DNS name, which alias records name."
  value       = module.nameplate.elb_hosted_zone_id
}

output "dns_records" {
  description = "The records that the custom domains need, by hosted zone, as `aws route53 change-resource-record-sets --change-batch` takes them. HOSTED_ZONES = none leaves them to you."
  value       = module.nameplate.dns_records
}

output "mapping_bucket" {
  description = "The bucket with the mapping."
  value       = module.nameplate.mapping_bucket
}

output "mapping_uri" {
  description = "The mapping, as nameplate's commands take it."
  value       = module.nameplate.mapping_uri
}

output "ecr_repository_url" {
  description = "Where to push the image."
  value       = module.nameplate.ecr_repository_url
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = module.nameplate.cluster_name
}

output "service_name" {
  description = "The ECS service."
  value       = module.nameplate.service_name
}

output "policies" {
  description = "A resource policy for each API, by API id. They are not applied here: APIs live in other stacks and accounts."
  value       = module.nameplate.policies
}

output "task_security_group_id" {
  description = "The tasks' security group, for rules of your own: a scraper's way in, the way out to EXTRA_ENDPOINTS."
  value       = module.nameplate.task_security_group_id
}

output "appconfig_application_id" {
  description = "The AppConfig application; null where MAPPING_SOURCE is s3."
  value       = module.nameplate.appconfig_application_id
}

output "appconfig_environment_id" {
  description = "The AppConfig environment; null where MAPPING_SOURCE is s3."
  value       = module.nameplate.appconfig_environment_id
}

output "appconfig_profile_id" {
  description = "The AppConfig configuration profile; null where MAPPING_SOURCE is s3."
  value       = module.nameplate.appconfig_profile_id
}

output "appconfig_strategy_id" {
  description = "The AppConfig deployment strategy of a rollout; null where MAPPING_SOURCE is s3."
  value       = module.nameplate.appconfig_strategy_id
}

output "appconfig_at_once_strategy_id" {
  description = "The AppConfig deployment strategy that gives a mapping to all tasks at once; null where MAPPING_SOURCE is s3."
  value       = module.nameplate.appconfig_at_once_strategy_id
}

output "endpoint_service_name" {
  description = "The PrivateLink endpoint service, as consumers name it; null where ENDPOINT_SERVICE is false."
  value       = module.nameplate.endpoint_service_name
}

output "zone_association_commands" {
  description = "What the owners of AUTHORIZED_VPC_IDS run, each in the account of the VPC, by zone and VPC."
  value       = module.nameplate.zone_association_commands
}
