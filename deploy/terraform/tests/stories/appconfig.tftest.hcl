# The mapping through AWS AppConfig.

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
  PLAN                  = jsondecode(file("tests/plan.json"))
  PROXY_CONFIG_PATH     = "../tests/mapping.yaml"
  TASK_SCALE_MIN        = 2
  TASK_SCALE_CPU_PCT    = 50
  MAPPING_SOURCE        = "appconfig"
  APPCONFIG_AGENT_IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/aws-appconfig-agent:2.x"
}

run "an_agent_beside_each_task" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[*].name == ["nameplate", "appconfig-agent"] && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].dependsOn == [{ containerName = "appconfig-agent", condition = "START" }]
    error_message = "It starts first."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[1].essential && jsondecode(aws_ecs_task_definition.this.container_definitions)[1].readonlyRootFilesystem && jsondecode(aws_ecs_task_definition.this.container_definitions)[1].image == var.APPCONFIG_AGENT_IMAGE && !can(jsondecode(aws_ecs_task_definition.this.container_definitions)[1].portMappings)
    error_message = "Without it the task ends, and nobody but the task reaches it."
  }

  assert {
    condition     = { for item in jsondecode(aws_ecs_task_definition.this.container_definitions)[1].environment : item.name => item.value } == { HTTP_PORT = "2772", POLL_INTERVAL = "15s", SERVICE_REGION = "eu-west-1" }
    error_message = "It asks every 15 s."
  }

  assert {
    condition     = jsondecode(local.settings_text).mapping == "http://localhost:2772/applications/reverse-proxy-dev/environments/dev/configurations/mapping" && jsondecode(local.settings_text).emf == { interval = "60s", dimensions = { Service = "reverse-proxy-dev" }, new_mapping = "26m" }
    error_message = "Nameplate asks the agent, and says what the alarms look at."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.task[0].policy).Statement[0].Action == ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"] && endswith(jsondecode(aws_iam_role_policy.task[0].policy).Statement[0].Resource, "/configuration/${aws_appconfig_configuration_profile.mapping[0].configuration_profile_id}") && length(jsondecode(aws_iam_role_policy.task[0].policy).Statement) == 1
    error_message = "The task may read this one configuration, and no object any more."
  }

  assert {
    condition     = contains(jsondecode(aws_iam_role_policy.execution[0].policy).Statement[1].Resource, "arn:aws:ecr:eu-west-1:111122223333:repository/aws-appconfig-agent")
    error_message = "The agent's image can be pulled."
  }

  assert {
    condition     = aws_vpc_endpoint.interface["appconfigdata"].private_dns_enabled && jsondecode(aws_vpc_endpoint.interface["appconfigdata"].policy).Statement[0].Action == ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"] && length(jsondecode(aws_vpc_endpoint.s3[0].policy).Statement) == 1
    error_message = "AppConfig's data has its way out of the VPC, and the mapping in S3 none."
  }
}

run "a_rollout_in_steps_that_alarms_roll_back" {
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    ROLLOUT_MINUTES      = 20
    ROLLOUT_GROWTH_PCT   = 10
    ROLLOUT_BAKE_MINUTES = 5
    ROLLOUT_ALARM_PCT    = 7
    ALARM_TOPIC_ARN      = "arn:aws:sns:eu-west-1:111122223333:alarms"
  }

  assert {
    condition     = [aws_appconfig_deployment_strategy.rollout[0].deployment_duration_in_minutes, aws_appconfig_deployment_strategy.rollout[0].growth_factor, aws_appconfig_deployment_strategy.rollout[0].final_bake_time_in_minutes] == [20, 10, 5] && aws_appconfig_deployment_strategy.rollout[0].growth_type == "LINEAR"
    error_message = "As it is given."
  }

  assert {
    condition     = aws_appconfig_deployment.first[0].deployment_strategy_id == aws_appconfig_deployment_strategy.at_once[0].id && aws_appconfig_deployment.mapping[0].deployment_strategy_id == aws_appconfig_deployment_strategy.rollout[0].id && aws_appconfig_deployment_strategy.at_once[0].deployment_duration_in_minutes == 0
    error_message = "The first mapping at once, the others in steps."
  }

  assert {
    condition     = aws_appconfig_configuration_profile.mapping[0].location_uri == "s3://reverse-proxy-dev-mapping-111122223333-eu-west-1/mapping.yaml" && length(aws_appconfig_configuration_profile.mapping[0].validator) == 0 && aws_appconfig_deployment.mapping[0].configuration_version == aws_s3_object.mapping[0].version_id
    error_message = "AppConfig reads the object, by its version."
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.rollout)) == toset(["mapping-refusals", "mapping-refusals-new", "mapping-errors", "mapping-errors-new"]) && length(aws_appconfig_environment.this[0].monitor) == 4 && alltrue([for alarm in aws_cloudwatch_metric_alarm.rollout : alarm.treat_missing_data == "notBreaching" && alarm.threshold == 7 && alarm.alarm_actions == toset([var.ALARM_TOPIC_ARN])])
    error_message = "Four alarms, none of which AppConfig takes for one without data."
  }

  assert {
    condition     = toset([for query in aws_cloudwatch_metric_alarm.rollout["mapping-errors-new"].metric_query : query.expression != null ? query.expression : "${query.id} ${query.metric[0].metric_name} ${query.metric[0].stat} ${query.metric[0].dimensions.Service} ${query.metric[0].dimensions.MappingVersion}"]) == toset(["IF((new_requests > 0.1) AND (old_requests > 0.1), 100 * (new_value / new_requests - old_value / old_requests), 0)", "new_requests RequestsPerSecond Average reverse-proxy-dev new", "new_value ServerErrorsPerSecond Average reverse-proxy-dev new", "old_requests RequestsPerSecond Average reverse-proxy-dev old", "old_value ServerErrorsPerSecond Average reverse-proxy-dev old"])
    error_message = "Tasks with a new mapping against tasks with an old one."
  }

  assert {
    condition     = toset([for query in aws_cloudwatch_metric_alarm.rollout["mapping-refusals"].metric_query : query.metric[0].dimensions if query.expression == null]) == toset([tomap({ Service = "reverse-proxy-dev" })]) && jsondecode(local.settings_text).emf.new_mapping == "31m"
    error_message = "All tasks together; and a mapping is new until its rollout is over."
  }

  assert {
    condition     = jsondecode(aws_iam_role.appconfig[0].assume_role_policy).Statement[0].Principal == { Service = "appconfig.amazonaws.com" } && toset(flatten([for statement in jsondecode(aws_iam_role_policy.appconfig[0].policy).Statement : statement.Action])) == toset(["s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketVersions", "s3:ListAllMyBuckets", "cloudwatch:DescribeAlarms"])
    error_message = "It reads the object and the alarms, and writes nothing."
  }
}

run "a_schema_for_a_mapping_in_json" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    MAPPING_SCHEMA_PATH = "../tests/plan.json" # any object
  }

  assert {
    condition     = aws_appconfig_configuration_profile.mapping[0].validator == toset([{ type = "JSON_SCHEMA", content = jsonencode(merge(jsondecode(file("tests/plan.json")), { "$schema" = "http://json-schema.org/draft-04/schema#" })) }])
    error_message = "It is handed over as one of draft 4."
  }

  expect_failures = [check.the_schema_is_for_a_mapping_in_json]
}

run "a_schema_that_is_none" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    MAPPING_SCHEMA_PATH = "../tests/mapping.yaml"
  }

  expect_failures = [aws_appconfig_configuration_profile.mapping, check.the_schema_is_for_a_mapping_in_json]
}

run "values_that_are_wrong" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    MAPPING_SOURCE         = "s3"
    APPCONFIG_AGENT_IMAGE  = "public.ecr.aws/aws-appconfig/aws-appconfig-agent:latest"
    APPCONFIG_POLL_SECONDS = 1
    ROLLOUT_MINUTES        = 1441
    ROLLOUT_GROWTH_PCT     = 0
    ROLLOUT_BAKE_MINUTES   = 0.5
    ROLLOUT_ALARM_PCT      = 101
    MAPPING_SCHEMA_PATH    = "schema.json"
  }

  expect_failures = [var.APPCONFIG_AGENT_IMAGE, var.APPCONFIG_POLL_SECONDS, var.ROLLOUT_MINUTES, var.ROLLOUT_GROWTH_PCT, var.ROLLOUT_BAKE_MINUTES, var.ROLLOUT_ALARM_PCT, var.MAPPING_SCHEMA_PATH]
}

run "another_source" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    MAPPING_SOURCE = "efs"
  }

  expect_failures = [var.MAPPING_SOURCE]
}

run "no_agent" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    APPCONFIG_AGENT_IMAGE = null
    MAPPING_PREFIX        = "maps"
  }

  expect_failures = [var.APPCONFIG_AGENT_IMAGE, var.MAPPING_PREFIX]
}

run "metrics_of_ones_own" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    EXTRA_SETTINGS = { emf = { interval = "20s" } }
  }

  expect_failures = [var.MAPPING_SOURCE]
}

run "an_object_under_a_key_of_ones_own" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    S3_KMS_KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-000000000003"
  }

  expect_failures = [var.MAPPING_SOURCE]
}

run "an_agent_that_tasks_cannot_reach" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    APPCONFIG_AGENT_IMAGE = "public.ecr.aws/aws-appconfig/aws-appconfig-agent:2.x"
  }

  expect_failures = [aws_ecs_task_definition.this]
}

run "nothing_of_it_by_default" {
  command = plan
  module { source = "./module" }
  providers = { aws = aws, aws.validation = aws.validation, aws.zones = aws.zones }

  variables {
    MAPPING_SOURCE        = "s3"
    APPCONFIG_AGENT_IMAGE = null
  }

  assert {
    condition     = length(aws_appconfig_application.this) + length(aws_appconfig_deployment.first) + length(aws_cloudwatch_metric_alarm.rollout) + length(aws_iam_role.appconfig) == 0 && !contains(keys(aws_vpc_endpoint.interface), "appconfigdata")
    error_message = "No resource of AppConfig."
  }

  assert {
    condition     = output.appconfig_application_id == null && output.appconfig_strategy_id == null
    error_message = "And no id."
  }
}
