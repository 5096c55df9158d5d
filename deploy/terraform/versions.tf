terraform {
  required_version = ">= 1.9.0, < 2.0.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "= 6.66.0" # what deploy/parity and the tests hold; module/ takes later ones
    }
  }
}
