# Warnings: what can be deployed, and what somebody should know all the same. What cannot work is an error, at its
# variable or its resource.

check "the_plan_is_of_this_mapping" {
  assert {
    # That of a mapping in parts is of all parts, which Terraform does not read.
    condition     = local.in_parts ? true : var.PLAN.mapping.sha256 == filesha256(local.mapping_path)
    error_message = "PLAN was made from another mapping than ${var.PROXY_CONFIG_PATH}: domains of it may have no zone or certificate, and the policies are the old ones. Run: nameplate plan ${var.PROXY_CONFIG_PATH} --state nameplate.auto.tfvars.json --tfvars nameplate.auto.tfvars.json (the first time without --state)"
  }
}

check "one_task_is_lost_with_its_zone" {
  assert {
    condition     = var.TASK_SCALE_MIN >= 2
    error_message = "TASK_SCALE_MIN is ${var.TASK_SCALE_MIN}: nobody is served while a single task is replaced, or its Availability Zone is away. docs/scaling.md recommends 2 or more."
  }
}

check "scaling_begins_in_time" {
  assert {
    condition     = var.TASK_SCALE_CPU_PCT <= 60
    error_message = "TASK_SCALE_CPU_PCT is ${var.TASK_SCALE_CPU_PCT}: over 60 requests wait for seconds when load rises quickly. docs/scaling.md recommends 50."
  }
}

check "high_resolution_metrics_are_published" {
  assert {
    condition     = !var.HIGH_RESOLUTION_SCALING || var.HIGH_RESOLUTION_METRICS
    error_message = "HIGH_RESOLUTION_SCALING needs the service to publish CPUUtilization every 20 s, which this provider cannot say. Once, after the first apply: aws ecs update-service --cluster ${local.prefix} --service ${local.prefix} --monitoring 'metricConfigurations=[{metricNames=[CPUUtilization],resolutionSeconds=20}]'. Then set HIGH_RESOLUTION_METRICS = true."
  }
}

check "tasks_reach_existing_endpoints" {
  assert {
    condition     = var.EXTERNAL_ENDPOINT_SG_ID != null || var.EXTERNAL_FARGATE_SG_ID != null || length(setsubtract(keys(var.EXISTING_ENDPOINTS), ["s3"])) == 0
    error_message = "EXISTING_ENDPOINTS has interface endpoints (${join(", ", setsubtract(keys(var.EXISTING_ENDPOINTS), ["s3"]))}), and tasks may talk only to those that are made here. Give their security group as EXTERNAL_ENDPOINT_SG_ID, and let tasks in on 443 there."
  }
}

check "shutdown_has_time" {
  assert {
    condition     = var.STOP_TIMEOUT >= 15
    error_message = "STOP_TIMEOUT is ${var.STOP_TIMEOUT} s: requests in flight have ${local.shutdown_grace} s to finish when a task stops. API Gateway's integrations take up to 29 s by default."
  }
}

check "the_load_balancer_outlasts_the_mapping" {
  assert {
    condition     = local.longest_timeout < (local.nlb ? 350 : local.alb_idle_timeout)
    error_message = "The mapping lets an API be silent for ${local.longest_timeout} s (TIMEOUT), and the load balancer ends a silent connection after ${local.nlb ? 350 : local.alb_idle_timeout} s. ${local.nlb ? "That of an NLB cannot be changed: shorten the TIMEOUT, or use an ALB." : "Raise ALB_IDLE_TIMEOUT, or leave it out."}"
  }
}

check "connections_are_kept_long_enough" {
  assert {
    condition     = try(!contains(keys(var.EXTRA_SETTINGS), "client") || contains(keys(var.EXTRA_SETTINGS.client), "keep_alive"), true)
    error_message = "EXTRA_SETTINGS has `client` without `keep_alive`: it takes the place of ours, whose keep_alive is ${local.keep_alive}s, and tasks close idle connections after 75 s. Add keep_alive = \"${local.keep_alive}s\" to it."
  }
}

check "public_apis_stay_reachable" {
  assert {
    condition     = !var.EXECUTE_API_PRIVATE_DNS
    error_message = "EXECUTE_API_PRIVATE_DNS is true: from this VPC every name of execute-api.${local.region} leads to the endpoint, so public and edge-optimized APIs of the region answer 403 there, unless callers use a custom domain name (API Gateway developer guide, Private REST APIs)."
  }
}

check "clients_of_the_whole_vpc_may_call" {
  assert {
    condition     = length(var.CLIENT_CIDRS) > 0 || local.other_clients || length(local.unlisted_cidrs) == 0
    error_message = "The VPC has more networks than may call the load balancer: ${join(", ", local.unlisted_cidrs)}. Add them to VPC_SECONDARY_CIDRS, or say in CLIENT_CIDRS who may call."
  }
}

check "tls_is_1_2_or_newer" {
  assert {
    condition     = can(regex("^ELBSecurityPolicy-(TLS13-1-[23]|TLS-1-2|FS-1-2)-", var.SSL_POLICY))
    error_message = "SSL_POLICY is ${var.SSL_POLICY}, which lets clients use TLS 1.0 or 1.1."
  }
}

check "names_resolve_in_the_existing_vpc" {
  assert {
    condition     = var.CREATE_VPC || try(data.aws_vpc.existing[0].enable_dns_support && data.aws_vpc.existing[0].enable_dns_hostnames, false)
    error_message = "${coalesce(var.EXTERNAL_VPC_ID, "The VPC")} has DNS support or DNS hostnames off: custom domains and endpoints do not resolve in it. Turn both on (Route 53 developer guide, Working with private hosted zones)."
  }
}

check "an_existing_vpc_is_used" {
  assert {
    condition     = !var.CREATE_VPC || (var.EXTERNAL_VPC_ID == null && length(var.EXTERNAL_PRIVATE_SUBNETS_ID) == 0 && length(var.ROUTE_TABLE_IDS) == 0)
    error_message = "CREATE_VPC is true, so a VPC is made, and EXTERNAL_VPC_ID, EXTERNAL_PRIVATE_SUBNETS_ID and ROUTE_TABLE_IDS are not looked at. Set CREATE_VPC = false to use the existing VPC."
  }
}

check "security_groups_are_of_the_vpc" {
  assert {
    condition     = !var.CREATE_VPC || alltrue([for id in [var.EXTERNAL_ALB_SG_ID, var.EXTERNAL_ENDPOINT_SG_ID, var.EXTERNAL_FARGATE_SG_ID] : id == null])
    error_message = "CREATE_VPC is true, and a security group is of one VPC: the first apply cannot work with EXTERNAL_ALB_SG_ID, EXTERNAL_ENDPOINT_SG_ID or EXTERNAL_FARGATE_SG_ID, because no group can be in a VPC that is not made yet. Leave them out at first, or use an existing VPC (CREATE_VPC = false)."
  }
}

check "the_schema_is_for_a_mapping_in_json" {
  assert {
    condition     = var.MAPPING_SCHEMA_PATH == null || can(jsondecode(file(local.mapping_path)))
    error_message = "MAPPING_SCHEMA_PATH is set, and ${var.PROXY_CONFIG_PATH} is not JSON. AWS documents AppConfig's JSON Schema validators for JSON: it may refuse every deployment of a mapping in YAML. Write the mapping as JSON, or leave MAPPING_SCHEMA_PATH out."
  }
}
