# What changes when a variable does.

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

run "an_application_load_balancer" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ELB_TYPE        = "ALB"
    ALARM_TOPIC_ARN = "arn:aws:sns:eu-west-1:111122223333:alarms"
  }

  assert {
    condition     = aws_lb.this[0].load_balancer_type == "application" && aws_lb.this[0].name == "reverse-proxy-dev-alb" && !aws_lb.this[0].drop_invalid_header_fields && aws_lb.this[0].idle_timeout == 60
    error_message = "An ALB."
  }

  assert {
    condition     = aws_lb_listener.this[0].protocol == "HTTPS" && aws_lb_listener.this[0].ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    error_message = "HTTPS from clients."
  }

  assert {
    condition     = aws_lb_target_group.this.protocol == "HTTPS" && aws_lb_target_group.this.protocol_version == "HTTP1" && aws_lb_target_group.this.port == 8443 && !aws_lb_target_group.this.proxy_protocol_v2
    error_message = "HTTPS to tasks, no PROXY header."
  }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).listeners == [{ address = "0.0.0.0:8443", tls = { self_signed = ["nameplate.internal"] } }] && jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).forwarded == { trust = ["10.0.0.0/20", "10.0.16.0/20"] }
    error_message = "Its headers are believed."
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(["cpu-high", "no-healthy-target", "server-errors", "unhealthy-targets"]) && aws_cloudwatch_metric_alarm.this["server-errors"].metric_name == "HTTPCode_ELB_5XX_Count" && aws_cloudwatch_metric_alarm.this["no-healthy-target"].namespace == "AWS/ApplicationELB"
    error_message = "Its own alarms."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset(["arn:aws:sns:eu-west-1:111122223333:alarms"])])
    error_message = "They tell the topic."
  }
}

run "dns_servers_and_a_tls_policy_of_ones_own" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    DNS_SERVER_CIDRS = ["10.0.0.10/32", "10.0.1.10/32"]
    SSL_POLICY       = "ELBSecurityPolicy-TLS13-1-3-2021-06"
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_egress_rule.task_to_dns : "${rule.ip_protocol} ${rule.from_port} ${rule.to_port} ${rule.cidr_ipv4}"]) == toset(["udp 53 53 10.0.0.10/32", "tcp 53 53 10.0.0.10/32", "udp 53 53 10.0.1.10/32", "tcp 53 53 10.0.1.10/32"])
    error_message = "UDP and TCP to each."
  }

  assert {
    condition     = aws_lb_listener.this[0].ssl_policy == "ELBSecurityPolicy-TLS13-1-3-2021-06"
    error_message = "As it is given."
  }
}

run "private_dns_on_the_execute_api_endpoint" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXECUTE_API_PRIVATE_DNS = true
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled])
    error_message = "On all endpoints."
  }

  expect_failures = [check.public_apis_stay_reachable]
}

run "an_alb_that_waits_for_the_longest_timeout" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ELB_TYPE                   = "ALB"
    PLAN                       = merge(jsondecode(file("tests/plan.json")), { longest_timeout = 300 })
    DROP_INVALID_HEADER_FIELDS = true
  }

  assert {
    condition     = aws_lb.this[0].idle_timeout == 305 && aws_lb.this[0].drop_invalid_header_fields
    error_message = "Longer than any API may be silent."
  }

  assert {
    condition     = local.settings.client == { keep_alive = "320s" }
    error_message = "Tasks keep connections longer than the ALB does."
  }
}

run "an_alb_idle_timeout_that_is_given" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ELB_TYPE         = "ALB"
    ALB_IDLE_TIMEOUT = 120
    PLAN             = merge(jsondecode(file("tests/plan.json")), { longest_timeout = 90 })
  }

  assert {
    condition     = aws_lb.this[0].idle_timeout == 120 && local.settings.client == { keep_alive = "135s" }
    error_message = "As it is given."
  }
}

run "connections_through_an_nlb_that_clients_keep_for_90_s" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = local.settings.client == { keep_alive = "340s" }
    error_message = "Tasks close no connection before a client that keeps it for 90 s, and close it before the NLB forgets it."
  }
}

run "plaintext_targets_behind_an_alb" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ELB_TYPE     = "ALB"
    LISTENER_TLS = false
  }

  assert {
    condition     = aws_lb_target_group.this.name == "reverse-proxy-dev-alb-web" && aws_lb_target_group.this.protocol == "HTTP" && aws_lb_target_group.this.port == 8080
    error_message = "HTTP, under another name."
  }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).listeners == [{ address = "0.0.0.0:8080" }] && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].portMappings[*].containerPort == [8080, 9901]
    error_message = "A plaintext listener."
  }
}

run "plaintext_targets_behind_an_nlb" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    LISTENER_TLS = false
  }

  assert {
    condition     = aws_lb_target_group.this.name == "reverse-proxy-dev-nlb-tcp" && aws_lb_target_group.this.protocol == "TCP" && aws_lb_target_group.this.port == 8080 && aws_lb_target_group.this.proxy_protocol_v2
    error_message = "TCP, under another name."
  }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).listeners == [{ address = "0.0.0.0:8080", proxy_protocol = { trust = ["10.0.0.0/20", "10.0.16.0/20"] } }]
    error_message = "A plaintext listener that takes PROXY headers."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer_to_task["listener"].from_port == 8080 && !contains(keys(aws_cloudwatch_metric_alarm.this), "tls-errors")
    error_message = "Its port is open, and no handshake is watched."
  }
}

run "exec_a_public_side_three_zones_and_an_image_of_another_account" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ECS_EXEC           = true
    PUBLIC_SUBNETS     = true
    AVAILABILITY_ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    IMAGE              = "444455556666.dkr.ecr-fips.eu-west-1.amazonaws.com/team/nameplate@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  assert {
    condition     = aws_ecs_service.this.enable_execute_command && contains(keys(aws_vpc_endpoint.interface), "ssmmessages")
    error_message = "Exec has its endpoint."
  }

  assert {
    condition     = length(jsondecode(aws_iam_role_policy.task[0].policy).Statement) == 2 && alltrue([for action in jsondecode(aws_iam_role_policy.task[0].policy).Statement[1].Action : startswith(action, "ssmmessages:")])
    error_message = "And its permissions."
  }

  assert {
    condition     = !jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem
    error_message = "And a root file system to write to."
  }

  assert {
    condition     = aws_subnet.public[*].cidr_block == ["10.0.128.0/20", "10.0.144.0/20", "10.0.160.0/20"] && aws_route.internet[0].destination_cidr_block == "0.0.0.0/0" && length(aws_subnet.private) == 3
    error_message = "Public subnets beside three private ones."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].image == "444455556666.dkr.ecr-fips.eu-west-1.amazonaws.com/team/nameplate@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    error_message = "The image as it was given."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.execution[0].policy).Statement[1].Resource == ["arn:aws:ecr:eu-west-1:444455556666:repository/team/nameplate"]
    error_message = "Pulled from there alone."
  }
}

run "settings_of_ones_own_and_a_short_stop" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXTRA_SETTINGS         = { access_log = { to = "stdout" }, log = { level = "debug" } }
    STOP_TIMEOUT           = 12
    IMAGE                  = "registry.example.com/nameplate:1.2.3"
    EXTERNAL_FARGATE_SG_ID = "sg-0f000000"
    CLIENT_CIDRS           = ["10.0.0.0/8", "192.168.0.0/16"]
    TAGS                   = { Team = "edge" }
    DELETION_PROTECTION    = false
    LOG_RETENTION_DAYS     = 90
  }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).access_log == { to = "stdout" } && jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).log == { level = "debug" }
    error_message = "Keys of the first level are replaced whole."
  }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).shutdown == { delay = "4s", grace_period = "2s" } && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 12
    error_message = "Both fit into the time there is."
  }

  assert {
    condition     = length(jsondecode(aws_iam_role_policy.execution[0].policy).Statement) == 1
    error_message = "An image of another registry needs no permission."
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.clients : rule.cidr_ipv4] == ["10.0.0.0/8", "192.168.0.0/16"]
    error_message = "Clients of elsewhere."
  }

  assert {
    condition     = aws_ecs_service.this.tags.Team == "edge" && aws_ecs_service.this.tags.Application == "reverse-proxy" && !aws_lb.this[0].enable_deletion_protection && aws_cloudwatch_log_group.service.retention_in_days == 90
    error_message = "Tags, protection and retention."
  }

  expect_failures = [check.security_groups_are_of_the_vpc, check.shutdown_has_time]
}

run "more_certificates_zones_and_endpoints" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN = merge(jsondecode(file("tests/plan.json")), {
      endpoints    = ["default", "shared"]
      import_names = ["*.orders.corp"]
      certificates = concat(jsondecode(file("tests/plan.json")).certificates, [
        { id = "c-0000000001", names = ["internal.private.example.com"], validation_zone = "example.com" },
        { id = "c-0000000002", names = ["*.shop.example.com"], validation_zone = "shop.example.com" },
      ])
      resource_policies = [
        { api_id = "both", region = "eu-west-1", endpoints = ["default", "shared"], policy = "[\"VPC_ENDPOINT_ID\"]" },
        { api_id = "other", region = "eu-west-1", endpoints = ["shared"], policy = "[\"VPC_ENDPOINT_ID\"]" },
        { api_id = "other", region = "eu-central-1", endpoints = ["default"], policy = "[\"VPC_ENDPOINT_ID\"]" },
      ]
    })
    CERTIFICATE_ARNS    = ["arn:aws:acm:eu-west-1:111122223333:certificate/imported"]
    VALIDATION_ZONE_IDS = { "shop.example.com" = "Z0GIVEN" }
    EXTRA_ENDPOINTS     = { shared = "vpce-0a-x.execute-api.eu-central-1.vpce.amazonaws.com" }
  }

  assert {
    condition     = toset(keys(aws_lb_listener_certificate.planned)) == toset(["c-0000000001", "c-0000000002"]) && toset(keys(aws_lb_listener_certificate.imported)) == toset(["arn:aws:acm:eu-west-1:111122223333:certificate/imported"])
    error_message = "All but the default are attached."
  }

  assert {
    condition     = toset(keys(aws_route53_record.validation)) == toset(["internal.private.example.com", "shop.example.com", "team.internal.private.example.com"])
    error_message = "A name and its wildcard share their record."
  }

  assert {
    condition     = aws_route53_record.validation["shop.example.com"].zone_id == "Z0GIVEN" && toset(keys(data.aws_route53_zone.validation)) == toset(["example.com"])
    error_message = "A zone that was given is not looked up."
  }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).endpoints == { shared = { name = "vpce-0a-x.execute-api.eu-central-1.vpce.amazonaws.com" } }
    error_message = "The other endpoint has its name."
  }

  assert {
    condition     = output.policies == { both = "[\"vpce-0fedcba9876543210\",\"vpce-0a\"]", "other.eu-west-1" = "[\"vpce-0a\"]", "other.eu-central-1" = "[\"vpce-0fedcba9876543210\"]" }
    error_message = "An API admits the endpoints that it is reached by; two of one id are told apart by region."
  }
}

run "nothing_that_acm_could_validate" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN             = merge(jsondecode(file("tests/plan.json")), { certificates = [], default_certificate = null, import_names = ["*.orders.corp"] })
    CERTIFICATE_ARNS = ["arn:aws:acm:eu-west-1:111122223333:certificate/first", "arn:aws:acm:eu-west-1:111122223333:certificate/second"]
  }

  assert {
    condition     = aws_lb_listener.this[0].certificate_arn == "arn:aws:acm:eu-west-1:111122223333:certificate/first" && toset(keys(aws_lb_listener_certificate.imported)) == toset(["arn:aws:acm:eu-west-1:111122223333:certificate/second"])
    error_message = "The first imported certificate is the default one."
  }
}
