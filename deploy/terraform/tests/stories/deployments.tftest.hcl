# Certificates of a private CA, and how the service is deployed.

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

run "a_private_ca_for_names_that_acm_cannot_validate" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN           = merge(jsondecode(file("tests/plan.json")), { import_names = ["*.orders.corp", "orders.corp"] })
    PRIVATE_CA_ARN = "arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition     = toset(keys(aws_acm_certificate.private)) == toset(["*.orders.corp", "orders.corp"]) && alltrue([for certificate in aws_acm_certificate.private : certificate.certificate_authority_arn == var.PRIVATE_CA_ARN])
    error_message = "It issues one for each of them."
  }

  assert {
    condition     = toset(keys(aws_lb_listener_certificate.private)) == toset(["*.orders.corp", "orders.corp"]) && aws_lb_listener.this[0].certificate_arn == aws_acm_certificate.planned[local.default_certificate].arn
    error_message = "All are attached, beside the planned ones."
  }
}

run "a_private_ca_alone" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN           = merge(jsondecode(file("tests/plan.json")), { certificates = [], default_certificate = null, import_names = ["*.orders.corp", "*.pay.corp"] })
    PRIVATE_CA_ARN = "arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition     = local.default_private == "*.orders.corp" && toset(keys(aws_lb_listener_certificate.private)) == toset(["*.pay.corp"])
    error_message = "It issues the default certificate too."
  }
}

run "a_private_ca_that_is_not_needed" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PRIVATE_CA_ARN = "arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition     = length(aws_acm_certificate.private) == 0
    error_message = "It issues nothing."
  }
}

run "a_private_ca_of_another_region" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN           = merge(jsondecode(file("tests/plan.json")), { import_names = ["*.orders.corp"] })
    PRIVATE_CA_ARN = "arn:aws:acm-pca:us-east-1:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef"
  }

  expect_failures = [aws_acm_certificate.private]
}

run "values_that_are_wrong" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PRIVATE_CA_ARN    = "arn:aws:acm:eu-west-1:111122223333:certificate/x"
    IMAGE_DIGEST      = "0.1.0"
    DEPLOYMENT_ALARMS = ["errors", "errors"]
    FARGATE_SPOT_PCT  = 101
  }

  expect_failures = [var.PRIVATE_CA_ARN, var.IMAGE_DIGEST, var.DEPLOYMENT_ALARMS, var.FARGATE_SPOT_PCT]
}

run "a_private_ca_that_issues_more_than_the_listener_takes" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN           = merge(jsondecode(file("tests/plan.json")), { import_names = [for i in range(25) : "*.team-${i}.corp"] })
    PRIVATE_CA_ARN = "arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef"
  }

  expect_failures = [var.CERTIFICATE_ARNS]
}

run "a_name_too_long_for_acm_and_a_digest_of_another_image" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    PLAN              = merge(jsondecode(file("tests/plan.json")), { import_names = ["*.a-name-that-is-long-because-somebody-spelled-everything-out.example.corp"] })
    PRIVATE_CA_ARN    = "arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef"
    IMAGE             = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/nameplate:0.1.0"
    IMAGE_DIGEST      = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    DEPLOYMENT_ALARMS = ["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:errors"]
  }

  expect_failures = [var.PRIVATE_CA_ARN, var.IMAGE_DIGEST, var.DEPLOYMENT_ALARMS]
}

run "an_image_by_digest_alarms_and_a_share_of_spot" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    IMAGE_DIGEST      = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    DEPLOYMENT_ALARMS = ["errors"]
    FARGATE_SPOT_PCT  = 70
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].image == "111122223333.dkr.ecr.eu-west-1.amazonaws.com/reverse-proxy-dev@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    error_message = "The image by its digest."
  }

  assert {
    condition     = aws_ecs_service.this.alarms[0].alarm_names == toset(["errors"]) && aws_ecs_service.this.alarms[0].enable && aws_ecs_service.this.alarms[0].rollback
    error_message = "The alarm rolls a deployment back."
  }

  assert {
    condition     = toset([for item in aws_ecs_service.this.capacity_provider_strategy : "${item.capacity_provider} ${item.base} ${item.weight}"]) == toset(["FARGATE 2 30", "FARGATE_SPOT 0 70"]) && aws_ecs_service.this.force_new_deployment
    error_message = "TASK_SCALE_MIN tasks are not on Spot, and the others are shared."
  }

  assert {
    condition     = aws_ecs_cluster_capacity_providers.this[0].capacity_providers == toset(["FARGATE", "FARGATE_SPOT"])
    error_message = "The cluster has both."
  }
}

run "no_spot_and_no_alarms_by_default" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = aws_ecs_service.this.launch_type == "FARGATE" && aws_ecs_service.this.availability_zone_rebalancing == "ENABLED" && length(aws_ecs_service.this.alarms) == 0 && length(aws_ecs_service.this.capacity_provider_strategy) == 0 && length(aws_ecs_cluster_capacity_providers.this) == 0
    error_message = "The launch type, as before."
  }
}
