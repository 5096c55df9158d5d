output "vpc_id" {
  description = "The VPC."
  value       = local.vpc_id
}

output "vpc_endpoint_id" {
  description = "The execute-api VPC endpoint. Private APIs name it in their resource policies."
  value       = local.execute_api_id
}

output "elb_dns_name" {
  description = "The load balancer's own DNS name."
  value       = local.elb_dns_name
}

output "elb_hosted_zone_id" {
  description = "The hosted zone of the load balancer's DNS name, which alias records name."
  value       = local.elb_zone_id
}

output "dns_records" {
  description = "The records that the custom domains need, by hosted zone, as `aws route53 change-resource-record-sets --change-batch` takes them. HOSTED_ZONES = none leaves them to you."
  value = {
    for zone in var.PLAN.hosted_zones : zone.name => {
      Changes = [
        for record in zone.records : {
          Action = "UPSERT"
          ResourceRecordSet = {
            Name        = record
            Type        = "A"
            AliasTarget = { HostedZoneId = local.elb_zone_id, DNSName = local.elb_dns_name, EvaluateTargetHealth = true }
          }
        }
      ]
    }
  }
}

output "mapping_bucket" {
  description = "The bucket with the mapping."
  value       = local.mapping_bucket_id
}

output "mapping_uri" {
  description = "The mapping, as nameplate's commands take it."
  value       = "s3://${local.mapping_bucket_id}/${local.mapping_key}"
}

output "ecr_repository_url" {
  description = "Where to push the image."
  value       = aws_ecr_repository.this.repository_url
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = local.cluster_name
}

output "service_name" {
  description = "The ECS service."
  value       = aws_ecs_service.this.name
}

locals {
  # Endpoint, as the mapping's ENDPOINT calls it, to its id. That of another stack's is the first label of its DNS name.
  endpoint_ids = merge(
    { for name, dns_name in var.EXTRA_ENDPOINTS : name => try(regex("^vpce-[0-9a-f]+", dns_name), "VPC_ENDPOINT_ID") },
    { default = local.execute_api_id },
  )
}

output "policies" {
  description = "A resource policy for each API, by API id, and by id.region where two regions have an API of one id. They are not applied here: APIs live in other stacks and accounts."
  value = {
    for policy in var.PLAN.resource_policies :
    length([for other in var.PLAN.resource_policies : other if other.api_id == policy.api_id]) == 1 ? policy.api_id : "${policy.api_id}.${policy.region}" => replace(
      policy.policy,
      "\"VPC_ENDPOINT_ID\"",
      join(",", [for endpoint in policy.endpoints : "\"${local.endpoint_ids[endpoint]}\""]),
    )
  }
}

output "task_security_group_id" {
  description = "The tasks' security group, for rules of your own: a scraper's way in, the way out to EXTRA_ENDPOINTS."
  value       = local.task_sg_id
}

output "appconfig_application_id" {
  description = "The AppConfig application; null where MAPPING_SOURCE is s3."
  value       = one(aws_appconfig_application.this[*].id)
}

output "appconfig_environment_id" {
  description = "The AppConfig environment; null where MAPPING_SOURCE is s3."
  value       = one(aws_appconfig_environment.this[*].environment_id)
}

output "appconfig_profile_id" {
  description = "The AppConfig configuration profile; null where MAPPING_SOURCE is s3."
  value       = one(aws_appconfig_configuration_profile.mapping[*].configuration_profile_id)
}

output "appconfig_strategy_id" {
  description = "The AppConfig deployment strategy of a rollout; null where MAPPING_SOURCE is s3."
  value       = one(aws_appconfig_deployment_strategy.rollout[*].id)
}

output "appconfig_at_once_strategy_id" {
  description = "The AppConfig deployment strategy that gives a mapping to all tasks at once; null where MAPPING_SOURCE is s3."
  value       = one(aws_appconfig_deployment_strategy.at_once[*].id)
}

output "endpoint_service_name" {
  description = "The PrivateLink endpoint service, as consumers name it; null where ENDPOINT_SERVICE is false."
  value       = one(aws_vpc_endpoint_service.this[*].service_name)
}

output "zone_association_commands" {
  description = "What the owners of AUTHORIZED_VPC_IDS run, each in the account of the VPC, by zone and VPC."
  value = {
    for key, authorization in aws_route53_vpc_association_authorization.this :
    key => "aws route53 associate-vpc-with-hosted-zone --hosted-zone-id ${authorization.zone_id} --vpc VPCRegion=${local.region},VPCId=${authorization.vpc_id}"
  }
}
