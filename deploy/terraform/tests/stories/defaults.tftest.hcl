# A deployment that says nothing but its plan. The first run makes it; the others look at what was made.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "validation"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "zones"
  source = "./tests/mocks"
}

variables {
  PLAN               = jsondecode(file("tests/plan.json"))
  PROXY_CONFIG_PATH  = "../tests/mapping.yaml"
  TASK_SCALE_MIN     = 2
  TASK_SCALE_CPU_PCT = 50
}

run "a_vpc_of_two_zones_without_a_way_out" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = aws_subnet.private[*].availability_zone == ["eu-west-1a", "eu-west-1b"]
    error_message = "Two zones, the first two available."
  }

  assert {
    condition     = aws_subnet.private[*].cidr_block == ["10.0.0.0/20", "10.0.16.0/20"]
    error_message = "Private subnets are the first sixteenths of the VPC."
  }

  assert {
    condition     = length(aws_subnet.public) + length(aws_internet_gateway.this) + length(aws_route.internet) == 0
    error_message = "Nothing public, and no route to the internet."
  }

  assert {
    condition     = aws_vpc.this[0].enable_dns_support && aws_vpc.this[0].enable_dns_hostnames
    error_message = "Private hosted zones need both."
  }

  assert {
    condition     = aws_flow_log.this[0].traffic_type == "ALL" && aws_flow_log.this[0].log_destination == aws_cloudwatch_log_group.flow_logs[0].arn
    error_message = "All traffic is in the flow logs."
  }

  assert {
    condition     = length(aws_default_security_group.this[0].ingress) + length(aws_default_security_group.this[0].egress) == 0
    error_message = "The default security group lets nothing by."
  }
}

run "endpoints_with_private_dns_but_for_execute_api" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "execute-api", "logs"])
    error_message = "What tasks need, and no ssmmessages."
  }

  assert {
    condition     = { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.private_dns_enabled } == { "ecr.api" = true, "ecr.dkr" = true, "execute-api" = false, "logs" = true }
    error_message = "With private DNS on execute-api, public APIs are out of reach."
  }

  assert {
    condition     = alltrue([for service, endpoint in aws_vpc_endpoint.interface : endpoint.service_name == "com.amazonaws.eu-west-1.${service}"])
    error_message = "Services of the region."
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3[0].route_table_ids == toset([aws_route_table.private[0].id])
    error_message = "S3 by the gateway."
  }
}

run "a_network_load_balancer_that_speaks_tls_on_both_sides" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = aws_lb.this[0].name == "reverse-proxy-dev-nlb" && aws_lb.this[0].load_balancer_type == "network"
    error_message = "An NLB."
  }

  assert {
    condition     = aws_lb.this[0].internal && aws_lb.this[0].enable_cross_zone_load_balancing && aws_lb.this[0].enable_deletion_protection
    error_message = "Internal, over all zones, not to be deleted by mistake."
  }

  assert {
    condition     = aws_lb_listener.this[0].port == 443 && aws_lb_listener.this[0].protocol == "TLS" && aws_lb_listener.this[0].ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    error_message = "TLS 1.2 and 1.3 from clients."
  }

  assert {
    condition     = aws_lb_listener.this[0].alpn_policy == null
    error_message = "ALPN stays off: HTTP/1.1."
  }

  assert {
    condition     = aws_lb_target_group.this.protocol == "TLS" && aws_lb_target_group.this.port == 8443 && aws_lb_target_group.this.target_type == "ip"
    error_message = "TLS to the tasks."
  }

  assert {
    condition     = aws_lb_target_group.this.proxy_protocol_v2 && aws_lb_target_group.this.preserve_client_ip == "false"
    error_message = "The client comes in the PROXY header."
  }

  assert {
    condition     = aws_lb_target_group.this.deregistration_delay == "60"
    error_message = "Not the default of 300 s."
  }

  assert {
    condition     = one([for check in aws_lb_target_group.this.health_check : "${check.protocol} ${check.port} ${check.path} ${check.matcher} ${check.interval} ${check.timeout} ${check.healthy_threshold} ${check.unhealthy_threshold}"]) == "HTTP 9901 /readyz 200 10 5 2 2"
    error_message = "Health is what /readyz says."
  }
}

run "zones_records_and_certificates_as_planned" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = length(aws_vpc_endpoint_service.this) == 0 && output.endpoint_service_name == null && length(aws_route53_vpc_association_authorization.this) == 0
    error_message = "No other account's networks are let in."
  }

  assert {
    condition     = toset(keys(aws_route53_zone.private)) == toset(["internal.private.example.com", "team.internal.private.example.com"])
    error_message = "A zone for each parent."
  }

  assert {
    condition     = toset(keys(aws_route53_record.private)) == toset(["*.internal.private.example.com", "*.team.internal.private.example.com", "team.internal.private.example.com"])
    error_message = "The records of the plan."
  }

  assert {
    condition     = alltrue([for record in aws_route53_record.private : record.type == "A" && record.alias[0].name == aws_lb.this[0].dns_name && record.alias[0].evaluate_target_health])
    error_message = "All lead to the load balancer."
  }

  assert {
    condition     = aws_acm_certificate.planned["c-3f9a0c21d4"].domain_name == "*.internal.private.example.com"
    error_message = "The first name is the domain name."
  }

  assert {
    condition     = aws_acm_certificate.planned["c-3f9a0c21d4"].subject_alternative_names == toset(["*.team.internal.private.example.com"])
    error_message = "The others are alternative names."
  }

  assert {
    condition     = aws_lb_listener.this[0].certificate_arn == aws_acm_certificate.planned["c-3f9a0c21d4"].arn && length(aws_lb_listener_certificate.planned) == 0
    error_message = "The one certificate is the default."
  }

  assert {
    condition     = toset(keys(aws_route53_record.validation)) == toset(["internal.private.example.com", "team.internal.private.example.com"])
    error_message = "A validation record for each name, the wildcard aside."
  }

  assert {
    condition     = alltrue([for record in aws_route53_record.validation : record.zone_id == "Z0LOOKEDUP" && record.allow_overwrite])
    error_message = "In the public zone that was looked up."
  }
}

run "a_service_on_fargate_that_heals_itself" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = aws_ecs_service.this.launch_type == "FARGATE" && aws_ecs_service.this.platform_version == "LATEST" && aws_ecs_service.this.desired_count == 2
    error_message = "TASK_SCALE_MIN tasks on Fargate."
  }

  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 100 && aws_ecs_service.this.deployment_maximum_percent == 200
    error_message = "New tasks before old ones go."
  }

  assert {
    condition     = aws_ecs_service.this.wait_for_steady_state
    error_message = "An apply is done when the tasks are, not when they are asked for."
  }

  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback
    error_message = "A bad version rolls back."
  }

  assert {
    condition     = aws_ecs_service.this.availability_zone_rebalancing == "ENABLED" && aws_ecs_service.this.health_check_grace_period_seconds == 30
    error_message = "Tasks return to a zone that was away."
  }

  assert {
    condition     = !aws_ecs_service.this.network_configuration[0].assign_public_ip && aws_ecs_service.this.network_configuration[0].subnets == toset(aws_subnet.private[*].id)
    error_message = "In private subnets."
  }

  assert {
    condition     = one([for target in aws_ecs_service.this.load_balancer : "${target.container_name}:${target.container_port}"]) == "nameplate:8443"
    error_message = "Behind the target group."
  }

  assert {
    condition     = !aws_ecs_service.this.enable_execute_command && aws_ecs_service.this.propagate_tags == "SERVICE"
    error_message = "No exec."
  }

  assert {
    condition     = one(aws_ecs_cluster.this[0].setting[*].value) == "enabled"
    error_message = "Container insights."
  }

  assert {
    condition     = aws_appautoscaling_target.this.min_capacity == 2 && aws_appautoscaling_target.this.max_capacity == 4 && aws_appautoscaling_target.this.resource_id == "service/reverse-proxy-dev/reverse-proxy-dev"
    error_message = "Scaled between minimum and maximum."
  }

  assert {
    condition     = aws_appautoscaling_policy.cpu.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type == "ECSServiceAverageCPUUtilization"
    error_message = "By CPU."
  }

  assert {
    condition     = aws_appautoscaling_policy.cpu.target_tracking_scaling_policy_configuration[0].target_value == 50 && aws_appautoscaling_policy.cpu.target_tracking_scaling_policy_configuration[0].scale_out_cooldown == 60 && aws_appautoscaling_policy.cpu.target_tracking_scaling_policy_configuration[0].scale_in_cooldown == 300
    error_message = "Target and cooldowns."
  }
}

run "a_container_with_nothing_to_spare" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = aws_ecs_task_definition.this.cpu == "1024" && aws_ecs_task_definition.this.memory == "2048" && aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "ARM64"
    error_message = "Size and platform."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].image == "111122223333.dkr.ecr.eu-west-1.amazonaws.com/reverse-proxy-dev:0.1.0"
    error_message = "The image is ours."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].command == ["serve"] && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "65532:65532"
    error_message = "Not as root."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].linuxParameters.capabilities.drop == ["ALL"] && !jsondecode(aws_ecs_task_definition.this.container_definitions)[0].linuxParameters.initProcessEnabled
    error_message = "Read-only, without capabilities."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].portMappings[*].containerPort == [8443, 9901] && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].ulimits[0].hardLimit == 65535 && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 30
    error_message = "Ports, descriptors and time to stop."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].healthCheck == { command = ["CMD", "/nameplate", "healthcheck"], interval = 10, timeout = 5, retries = 3, startPeriod = 10 }
    error_message = "It looks at itself."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].logConfiguration.options.mode == "non-blocking" && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].logConfiguration.options["awslogs-group"] == "/nameplate/reverse-proxy-dev"
    error_message = "Logs hold nothing up."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].mountPoints[0].containerPath == "/var/cache/nameplate" && one(aws_ecs_task_definition.this.volume[*].name) == "cache"
    error_message = "A place for the last good mapping."
  }

  assert {
    condition     = [for variable in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : variable.name] == ["NAMEPLATE_SETTINGS"]
    error_message = "Settings are all it is told."
  }
}

run "settings_that_name_the_endpoint_and_the_mapping_and_hold_nothing_of_it" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).listeners == [{ address = "0.0.0.0:8443", tls = { self_signed = ["nameplate.internal"] }, proxy_protocol = { trust = ["10.0.0.0/20", "10.0.16.0/20"] } }]
    error_message = "A TLS listener that takes PROXY headers from the load balancer's subnets."
  }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).endpoint == { name = "vpce-0fedcba9876543210-made.execute-api.eu-west-1.vpce.amazonaws.com" }
    error_message = "The endpoint's regional name, in whatever order names come."
  }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).mapping == "s3://reverse-proxy-dev-mapping-111122223333-eu-west-1/mapping.yaml" && jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).admin == "0.0.0.0:9901"
    error_message = "The mapping in S3."
  }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).forwarded == { proto = "https", port = 443 } && jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).shutdown == { delay = "5s", grace_period = "20s" } && jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).log == { format = "json" }
    error_message = "What clients used, how it stops, how it logs."
  }

  assert {
    condition     = toset(keys(jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value))) == toset(["admin", "client", "endpoint", "endpoints", "forwarded", "listeners", "log", "mapping", "shutdown"])
    error_message = "Nothing else."
  }

  assert {
    condition     = !strcontains(local.settings_text, "apiid1")
    error_message = "Nothing of the mapping."
  }
}

run "a_bucket_that_keeps_the_mapping_and_its_history" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = aws_s3_object.mapping[0].key == "mapping.yaml" && aws_s3_object.mapping[0].source_hash == filesha256("tests/mapping.yaml")
    error_message = "The object follows the file."
  }

  assert {
    condition     = aws_s3_bucket_versioning.mapping[0].versioning_configuration[0].status == "Enabled" && aws_s3_bucket_lifecycle_configuration.mapping[0].rule[0].noncurrent_version_expiration[0].noncurrent_days == 90
    error_message = "Old versions for 90 days."
  }

  assert {
    condition     = alltrue([for key in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"] : aws_s3_bucket_public_access_block.mapping[0][key]])
    error_message = "Never public."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.mapping[0].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256" && aws_s3_bucket_ownership_controls.mapping[0].rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Encrypted, and ours."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.mapping[0].policy).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } } && jsondecode(aws_s3_bucket_policy.mapping[0].policy).Statement[0].Effect == "Deny"
    error_message = "TLS only."
  }

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "Images do not change."
  }

  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.this.policy).rules[*].selection.tagStatus == ["untagged"]
    error_message = "No image with a tag goes: tasks may run it."
  }
}

run "alarms_for_an_nlb_that_tell_nobody_yet" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(["cpu-high", "no-healthy-target", "tls-errors", "unhealthy-targets"])
    error_message = "Four alarms."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : length(alarm.alarm_actions) == 0])
    error_message = "No topic was given."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-healthy-target"].threshold == 1 && aws_cloudwatch_metric_alarm.this["no-healthy-target"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["no-healthy-target"].statistic == "Maximum" && aws_cloudwatch_metric_alarm.this["no-healthy-target"].evaluation_periods == 2
    error_message = "No healthy target, or no word of any."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["unhealthy-targets"].evaluation_periods == 5 && aws_cloudwatch_metric_alarm.this["cpu-high"].threshold == 90 && aws_cloudwatch_metric_alarm.this["cpu-high"].namespace == "AWS/ECS"
    error_message = "Five minutes of trouble."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["tls-errors"].metric_name == "TargetTLSNegotiationErrorCount" && aws_cloudwatch_metric_alarm.this["tls-errors"].period == 300
    error_message = "Handshakes with tasks."
  }
}

run "outputs_that_the_next_step_needs" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = output.vpc_endpoint_id == "vpce-0fedcba9876543210" && output.vpc_id == aws_vpc.this[0].id && output.elb_dns_name == aws_lb.this[0].dns_name
    error_message = "Ids and names."
  }

  assert {
    condition     = output.mapping_uri == "s3://reverse-proxy-dev-mapping-111122223333-eu-west-1/mapping.yaml" && output.mapping_bucket == "reverse-proxy-dev-mapping-111122223333-eu-west-1"
    error_message = "Where the mapping is."
  }

  assert {
    condition     = output.cluster_name == "reverse-proxy-dev" && output.service_name == "reverse-proxy-dev" && output.ecr_repository_url == aws_ecr_repository.this.repository_url
    error_message = "What to deploy to."
  }

  assert {
    condition     = toset(keys(output.policies)) == toset(["apiid1", "apiid2"]) && jsondecode(output.policies["apiid1"]).Statement[0].Condition.StringNotEquals["aws:SourceVpce"] == ["vpce-0fedcba9876543210"]
    error_message = "Policies name the endpoint."
  }
}
