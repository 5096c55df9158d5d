terraform {
  required_version = ">= 1.9.0, < 2.0.0" # 1.9: validations that look at other variables

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.66"
      # `aws` makes everything but the certificates' validation records; `aws.validation` makes those, in the account
      # of the public hosted zone. `aws.zones` writes the records of HOSTED_ZONES = "existing", in the account of those zones.
      configuration_aliases = [aws.validation, aws.zones]
    }
  }
}
