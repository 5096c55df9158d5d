# An existing VPC, with some of the endpoints there already.

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

  CREATE_VPC                  = false
  EXTERNAL_VPC_ID             = "vpc-0123456789abcdef0"
  EXTERNAL_PRIVATE_SUBNETS_ID = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
  ROUTE_TABLE_IDS             = ["rtb-0123456789abcdef0"]
  EXISTING_ENDPOINTS          = { execute-api = "vpce-0123456789abcdef0" }
  EXTERNAL_ENDPOINT_SG_ID     = "sg-0e000000"
}

run "only_what_is_missing_is_made" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = length(aws_vpc.this) + length(aws_subnet.private) + length(aws_route_table.private) + length(aws_flow_log.this) + length(aws_iam_role.flow_logs) == 0
    error_message = "No network is made."
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs"]) && length(aws_vpc_endpoint.s3) == 1
    error_message = "Endpoints that are not there."
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].route_table_ids == toset(["rtb-0123456789abcdef0"])
    error_message = "Into the given route tables."
  }

  assert {
    condition     = output.vpc_endpoint_id == "vpce-0123456789abcdef0" && jsondecode(output.policies["apiid1"]).Statement[0].Condition.StringNotEquals["aws:SourceVpce"] == ["vpce-0123456789abcdef0"]
    error_message = "The existing endpoint is the one."
  }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).endpoint.name == "vpce-0123456789abcdef0-there.execute-api.eu-west-1.vpce.amazonaws.com"
    error_message = "By its own name, not the zone's, nor the private one."
  }

  assert {
    condition     = jsondecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[0].value).listeners[0].proxy_protocol.trust == ["172.16.32.0/20", "172.16.32.0/20"]
    error_message = "Its subnets are trusted."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.clients["vpc"].cidr_ipv4 == "172.16.0.0/16"
    error_message = "Clients of this VPC."
  }

  assert {
    condition     = alltrue([for zone in aws_route53_zone.private : one(zone.vpc).vpc_id == "vpc-0123456789abcdef0"])
    error_message = "Zones belong to it."
  }

  assert {
    condition     = aws_lb.this[0].subnets == toset(["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"])
    error_message = "In the given subnets."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.task_to_endpoints[0].referenced_security_group_id == "sg-0e000000" && length(aws_security_group.endpoint) == 0
    error_message = "Tasks reach the endpoints' group."
  }
}

run "clients_of_every_network_of_the_vpc" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    VPC_SECONDARY_CIDRS = ["100.64.0.0/16"]
  }

  override_data {
    target = data.aws_vpc.existing[0]
    values = {
      cidr_block = "172.16.0.0/16", enable_dns_hostnames = true, enable_dns_support = true, owner_id = "111122223333"
      cidr_block_associations = [
        { association_id = "a", cidr_block = "172.16.0.0/16", state = "associated" },
        { association_id = "b", cidr_block = "100.64.0.0/16", state = "associated" },
        { association_id = "c", cidr_block = "10.9.0.0/16", state = "disassociated" },
      ]
    }
  }

  assert {
    condition     = { for key, rule in aws_vpc_security_group_ingress_rule.clients : key => rule.cidr_ipv4 } == { vpc = "172.16.0.0/16", "100.64.0.0/16" = "100.64.0.0/16" }
    error_message = "Both may call."
  }
}

run "nothing_is_missing" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ROUTE_TABLE_IDS    = []
    EXISTING_ENDPOINTS = { execute-api = "vpce-0123456789abcdef0", logs = "vpce-00000001", "ecr.api" = "vpce-00000002", "ecr.dkr" = "vpce-00000003", s3 = "vpce-00000004" }
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) + length(aws_vpc_endpoint.s3) == 0
    error_message = "No endpoint is made."
  }
}
