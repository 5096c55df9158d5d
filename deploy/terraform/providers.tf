# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE, ...). Edit this file for anything else.
provider "aws" {}

# Writes the certificates' validation records, and looks up the public hosted zone that they go into. The same account,
# as it stands here. If the zone is in another one, let this provider assume a role there:
#   assume_role { role_arn = "arn:aws:iam::444455556666:role/nameplate-validation" }
provider "aws" {
  alias = "validation"
}

# Writes the records of HOSTED_ZONES = "existing". The same account, as it stands here. If the private hosted zones are in
# another one, such as that of a VPC which is shared with this account, let this provider assume a role there.
provider "aws" {
  alias = "zones"
}
