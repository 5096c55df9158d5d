# Who may do what, and who may talk to whom.

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

run "security_groups_along_the_way_of_a_request" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = aws_lb.this[0].security_groups == toset([aws_security_group.load_balancer[0].id]) && aws_ecs_service.this.network_configuration[0].security_groups == toset([aws_security_group.task[0].id]) && alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.security_group_ids == toset([aws_security_group.endpoint[0].id])])
    error_message = "Each has its group."
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.clients : "${rule.cidr_ipv4} ${rule.from_port}-${rule.to_port}"] == ["10.0.0.0/16 443-443"]
    error_message = "Clients of the VPC, on 443."
  }

  assert {
    condition     = { for name, rule in aws_vpc_security_group_egress_rule.load_balancer_to_task : name => "${rule.from_port}-${rule.to_port}" } == { listener = "8443-8443", admin = "9901-9901" } && alltrue([for rule in aws_vpc_security_group_egress_rule.load_balancer_to_task : rule.referenced_security_group_id == aws_security_group.task[0].id && rule.security_group_id == aws_security_group.load_balancer[0].id])
    error_message = "The load balancer reaches tasks, on two ports."
  }

  assert {
    condition     = { for name, rule in aws_vpc_security_group_ingress_rule.load_balancer_to_task : name => "${rule.from_port}-${rule.to_port}" } == { listener = "8443-8443", admin = "9901-9901" } && alltrue([for rule in aws_vpc_security_group_ingress_rule.load_balancer_to_task : rule.referenced_security_group_id == aws_security_group.load_balancer[0].id && rule.security_group_id == aws_security_group.task[0].id])
    error_message = "Tasks are reached by the load balancer alone."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.task_to_endpoints[0].referenced_security_group_id == aws_security_group.endpoint[0].id && aws_vpc_security_group_egress_rule.task_to_endpoints[0].from_port == 443 && aws_vpc_security_group_egress_rule.task_to_endpoints[0].to_port == 443
    error_message = "Tasks reach endpoints."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.task_to_s3[0].prefix_list_id == "pl-0123456789abcdef0" && aws_vpc_security_group_egress_rule.task_to_s3[0].cidr_ipv4 == null
    error_message = "And S3, and nothing else."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.task_to_endpoints[0].referenced_security_group_id == aws_security_group.task[0].id && aws_vpc_security_group_ingress_rule.task_to_endpoints[0].security_group_id == aws_security_group.endpoint[0].id
    error_message = "Endpoints are reached by tasks alone."
  }

  assert {
    condition     = alltrue([for group in [aws_security_group.load_balancer[0], aws_security_group.task[0], aws_security_group.endpoint[0]] : length(group.ingress) + length(group.egress) == 0])
    error_message = "Rules are resources of their own."
  }
}

run "roles_that_can_do_one_thing_each" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = jsondecode(aws_iam_role_policy.task[0].policy).Statement == [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::reverse-proxy-dev-mapping-111122223333-eu-west-1/mapping.yaml" }]
    error_message = "Tasks read one object."
  }

  assert {
    condition = (
      [for statement in jsondecode(aws_iam_role_policy.execution[0].policy).Statement : statement.Resource] == [
        ["*"],
        ["arn:aws:ecr:eu-west-1:111122223333:repository/reverse-proxy-dev"],
        ["arn:aws:logs:eu-west-1:111122223333:log-group:/nameplate/reverse-proxy-dev:*"],
      ]
    )
    error_message = "Tasks start from one repository, and log to one group."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.execution[0].policy).Statement[0].Action == ["ecr:GetAuthorizationToken"] && jsondecode(aws_iam_role_policy.execution[0].policy).Statement[1].Action == ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
    error_message = "Pull, not push."
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.task[0], aws_iam_role.execution[0]] : jsondecode(role.assume_role_policy).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" }, ArnLike = { "aws:SourceArn" = "arn:aws:ecs:eu-west-1:111122223333:*" } }])
    error_message = "ECS tasks of this account alone."
  }
}

run "endpoints_that_let_by_what_tasks_need" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = [for statement in jsondecode(aws_vpc_endpoint.s3[0].policy).Statement : statement.Resource] == ["arn:aws:s3:::reverse-proxy-dev-mapping-111122223333-eu-west-1/mapping.yaml", "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"]
    error_message = "The mapping and image layers."
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_vpc_endpoint.s3[0].policy).Statement : statement.Action == "s3:GetObject"])
    error_message = "To read."
  }

  assert {
    condition     = jsondecode(aws_vpc_endpoint.interface["execute-api"].policy).Statement == [{ Effect = "Allow", Principal = "*", Action = "execute-api:Invoke", Resource = "arn:aws:execute-api:eu-west-1:*:*" }]
    error_message = "APIs of the region."
  }

  assert {
    condition     = alltrue([for service in ["ecr.api", "ecr.dkr"] : !strcontains(aws_vpc_endpoint.interface[service].policy, "Put")])
    error_message = "No push."
  }

  assert {
    condition     = jsondecode(aws_vpc_endpoint.interface["logs"].policy).Statement[0].Resource == "arn:aws:logs:eu-west-1:111122223333:log-group:/nameplate/reverse-proxy-dev:*"
    error_message = "One log group."
  }

  assert {
    condition     = alltrue([for service in ["ecr.api", "ecr.dkr", "logs"] : jsondecode(aws_vpc_endpoint.interface[service].policy).Statement[0].Condition == { StringEquals = { "aws:PrincipalAccount" = "111122223333" } }])
    error_message = "By this account."
  }
}

run "groups_that_were_given_are_used_and_left_alone" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXTERNAL_ALB_SG_ID      = "sg-0a000000"
    EXTERNAL_FARGATE_SG_ID  = "sg-0f000000"
    EXTERNAL_ENDPOINT_SG_ID = "sg-0e000000"
  }

  assert {
    condition     = length(aws_security_group.load_balancer) + length(aws_security_group.task) + length(aws_security_group.endpoint) == 0
    error_message = "None is made."
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.clients) + length(aws_vpc_security_group_egress_rule.load_balancer_to_task) + length(aws_vpc_security_group_ingress_rule.load_balancer_to_task) + length(aws_vpc_security_group_egress_rule.task_to_endpoints) + length(aws_vpc_security_group_egress_rule.task_to_s3) + length(aws_vpc_security_group_ingress_rule.task_to_endpoints) == 0
    error_message = "None gets rules."
  }

  assert {
    condition     = aws_lb.this[0].security_groups == toset(["sg-0a000000"]) && aws_ecs_service.this.network_configuration[0].security_groups == toset(["sg-0f000000"]) && aws_vpc_endpoint.interface["logs"].security_group_ids == toset(["sg-0e000000"])
    error_message = "All are used."
  }

  # Of the VPC, and so not at the first apply.
  expect_failures = [check.security_groups_are_of_the_vpc]
}
