# The root: it hands everything to the module, and everything back.

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

run "the_root_passes_variables_in_and_outputs_out" {
  variables {
    PLAN               = jsondecode(file("tests/plan.json"))
    PROXY_CONFIG_PATH  = "tests/mapping.yaml"
    APP_ENVIRONMENT    = "prod"
    TASK_SCALE_MIN     = 2
    TASK_SCALE_CPU_PCT = 50
  }

  assert {
    condition     = output.cluster_name == "reverse-proxy-prod" && output.service_name == "reverse-proxy-prod"
    error_message = "Variables reach the module."
  }

  assert {
    condition     = output.vpc_endpoint_id == "vpce-0fedcba9876543210" && toset(keys(output.policies)) == toset(["apiid1", "apiid2"])
    error_message = "Outputs come back."
  }
}

run "the_samples_mapping_is_the_default" {
  command = plan

  variables {
    PLAN = merge(jsondecode(file("tests/plan.json")), {
      mapping = { version = "sample", sha256 = filesha256("../../conf/mapping.yaml"), entries = 6, domains = 4 }
    })
    TASK_SCALE_MIN     = 2
    TASK_SCALE_CPU_PCT = 50
  }

  assert {
    condition     = output.cluster_name == "reverse-proxy-dev"
    error_message = "It is found, and no check says that the plan is of another one."
  }
}
