# What the mocked provider says where AWS would; everything else it makes up.

mock_data "aws_region" {
  defaults = { region = "eu-west-1" }
}

mock_data "aws_caller_identity" {
  defaults = { account_id = "111122223333" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_availability_zones" {
  defaults = {
    names    = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    zone_ids = ["euw1-az2", "euw1-az3", "euw1-az1"]
  }
}

mock_data "aws_vpc_endpoint_service" {
  defaults = { availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
}

mock_data "aws_vpc" {
  defaults = {
    cidr_block           = "172.16.0.0/16"
    enable_dns_hostnames = true
    enable_dns_support   = true
    owner_id             = "111122223333"
  }
}

mock_data "aws_subnet" {
  defaults = {
    availability_zone = "eu-west-1a"
    cidr_block        = "172.16.32.0/20"
  }
}

mock_data "aws_ec2_managed_prefix_list" {
  defaults = { id = "pl-0123456789abcdef0" }
}

mock_data "aws_lb" {
  defaults = {
    arn_suffix      = "app/platform/0123456789abcdef"
    dns_name        = "internal-platform.eu-west-1.elb.amazonaws.com"
    idle_timeout    = 60
    security_groups = ["sg-0123456789abcdef0"]
    vpc_id          = "vpc-0123456789abcdef0"
    zone_id         = "Z0ALOADBALANCER"
  }
}

mock_data "aws_lb_listener" {
  defaults = { protocol = "HTTPS" }
}

mock_data "aws_route53_zone" {
  defaults = { zone_id = "Z0LOOKEDUP" }
}

mock_data "aws_vpc_endpoint" {
  defaults = {
    # With private DNS: the service's own name is among them, and is not the endpoint's.
    dns_entry = [
      { dns_name = "execute-api.eu-west-1.amazonaws.com", hosted_zone_id = "Z1" },
      { dns_name = "vpce-0123456789abcdef0-there-eu-west-1a.execute-api.eu-west-1.vpce.amazonaws.com", hosted_zone_id = "Z1" },
      { dns_name = "vpce-0123456789abcdef0-there.execute-api.eu-west-1.vpce.amazonaws.com", hosted_zone_id = "Z1" },
    ]
  }
}

mock_resource "aws_vpc_endpoint" {
  defaults = {
    id = "vpce-0fedcba9876543210"
    dns_entry = [
      { dns_name = "vpce-0fedcba9876543210-made-eu-west-1b.execute-api.eu-west-1.vpce.amazonaws.com", hosted_zone_id = "Z1" },
      { dns_name = "vpce-0fedcba9876543210-made.execute-api.eu-west-1.vpce.amazonaws.com", hosted_zone_id = "Z1" },
    ]
  }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws:acm:eu-west-1:111122223333:certificate/planned"
    domain_validation_options = [
      { domain_name = "*.internal.private.example.com", resource_record_name = "_1.internal.private.example.com.", resource_record_type = "CNAME", resource_record_value = "_v.acm-validations.aws." },
      { domain_name = "internal.private.example.com", resource_record_name = "_1.internal.private.example.com.", resource_record_type = "CNAME", resource_record_value = "_v.acm-validations.aws." },
      { domain_name = "*.team.internal.private.example.com", resource_record_name = "_2.team.internal.private.example.com.", resource_record_type = "CNAME", resource_record_value = "_v.acm-validations.aws." },
      { domain_name = "*.shop.example.com", resource_record_name = "_3.shop.example.com.", resource_record_type = "CNAME", resource_record_value = "_v.acm-validations.aws." },
    ]
  }
}

mock_resource "aws_s3_bucket" {
  defaults = {
    id  = "reverse-proxy-dev-mapping-111122223333-eu-west-1"
    arn = "arn:aws:s3:::reverse-proxy-dev-mapping-111122223333-eu-west-1"
  }
}

mock_resource "aws_ecr_repository" {
  defaults = {
    arn            = "arn:aws:ecr:eu-west-1:111122223333:repository/reverse-proxy-dev"
    repository_url = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/reverse-proxy-dev"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-west-1:111122223333:log-group:/nameplate/reverse-proxy-dev" }
}

mock_resource "aws_lb" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/reverse-proxy-dev-nlb/0123456789abcdef"
    arn_suffix = "net/reverse-proxy-dev-nlb/0123456789abcdef"
    dns_name   = "reverse-proxy-dev-nlb-0123456789abcdef.elb.eu-west-1.amazonaws.com"
    zone_id    = "Z2IFOLAFXWLO4F"
  }
}

mock_resource "aws_lb_target_group" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/reverse-proxy-dev-nlb-tls/0123456789abcdef"
    arn_suffix = "targetgroup/reverse-proxy-dev-nlb-tls/0123456789abcdef"
  }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::111122223333:role/made" }
}

mock_resource "aws_lb_listener" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/net/reverse-proxy-dev-nlb/0123456789abcdef/0123456789abcdef" }
}

mock_resource "aws_ecs_cluster" {
  defaults = {
    id  = "arn:aws:ecs:eu-west-1:111122223333:cluster/reverse-proxy-dev"
    arn = "arn:aws:ecs:eu-west-1:111122223333:cluster/reverse-proxy-dev"
  }
}

mock_resource "aws_ecs_task_definition" {
  defaults = { arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/reverse-proxy-dev:1" }
}
