# The VPC: one that is made, with isolated private subnets, or an existing one.

data "aws_availability_zones" "available" {
  state = "available"

  # Local Zones have no endpoints of the services that tasks need.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

# The zones that each endpoint service is in: not always all of the region's.
data "aws_vpc_endpoint_service" "used" {
  for_each = local.missing_endpoints

  service_name = "com.amazonaws.${local.region}.${each.value}"
}

data "aws_vpc" "existing" {
  count = var.CREATE_VPC ? 0 : 1

  id = var.EXTERNAL_VPC_ID
}

data "aws_subnet" "existing" {
  count = var.CREATE_VPC ? 0 : length(var.EXTERNAL_PRIVATE_SUBNETS_ID)

  id = var.EXTERNAL_PRIVATE_SUBNETS_ID[count.index]

  lifecycle {
    postcondition {
      condition     = contains(local.usable_zones, self.availability_zone)
      error_message = "EXTERNAL_PRIVATE_SUBNETS_ID has ${self.id} in ${self.availability_zone}, where tasks cannot run: ${lookup(local.unusable_zones, self.availability_zone, "the zone is not one of the region's available zones")}. Name a subnet in one of ${join(", ", local.usable_zones)}, or name an endpoint that exists in EXISTING_ENDPOINTS."
    }
  }
}

locals {
  # The zones that have Fargate, by zone id, in the regions where not all have it (ECS developer guide, Supported Regions
  # for Amazon ECS on AWS Fargate). AWS has no API for it.
  fargate_zone_ids = {
    "ap-northeast-1" = ["apne1-az1", "apne1-az2", "apne1-az4"]
    "cn-north-1"     = ["cnn1-az1", "cnn1-az2"]
    "us-west-1"      = ["usw1-az1", "usw1-az3"]
  }

  # What each of the region's zones lacks.
  zone_gaps = {
    for index, name in data.aws_availability_zones.available.names : name => concat(
      contains(lookup(local.fargate_zone_ids, local.region, data.aws_availability_zones.available.zone_ids), data.aws_availability_zones.available.zone_ids[index]) ? [] : ["Fargate"],
      [for service, found in data.aws_vpc_endpoint_service.used : "the endpoint service ${service}" if !contains(found.availability_zones, name)],
    )
  }
  usable_zones   = [for name in data.aws_availability_zones.available.names : name if length(local.zone_gaps[name]) == 0]
  unusable_zones = { for name, gaps in local.zone_gaps : name => "the zone lacks ${join(" and ", gaps)}" if length(gaps) > 0 }

  zones = !var.CREATE_VPC ? [] : (
    length(var.AVAILABILITY_ZONES) > 0 ? var.AVAILABILITY_ZONES : slice(local.usable_zones, 0, min(2, length(local.usable_zones)))
  )

  vpc_id   = var.CREATE_VPC ? aws_vpc.this[0].id : data.aws_vpc.existing[0].id
  vpc_cidr = var.CREATE_VPC ? var.VPC_CIDR : data.aws_vpc.existing[0].cidr_block

  private_subnet_ids   = var.CREATE_VPC ? aws_subnet.private[*].id : data.aws_subnet.existing[*].id
  private_subnet_cidrs = var.CREATE_VPC ? [for index, _ in local.zones : cidrsubnet(var.VPC_CIDR, 4, index)] : data.aws_subnet.existing[*].cidr_block

  other_clients = length(var.CLIENT_PREFIX_LIST_IDS) + length(var.CLIENT_SECURITY_GROUP_IDS) > 0

  # By keys that are known before an existing VPC is looked up.
  client_cidrs = length(var.CLIENT_CIDRS) > 0 || local.other_clients ? { for cidr in var.CLIENT_CIDRS : cidr => cidr... } : merge(
    { (var.CREATE_VPC ? var.VPC_CIDR : "vpc") = [local.vpc_cidr] },
    { for cidr in var.VPC_SECONDARY_CIDRS : cidr => [cidr] },
  )

  # Networks of the existing VPC that nobody named.
  unlisted_cidrs = var.CREATE_VPC ? [] : sort(setsubtract(
    [for association in data.aws_vpc.existing[0].cidr_block_associations : association.cidr_block if association.state == "associated"],
    concat([local.vpc_cidr], var.VPC_SECONDARY_CIDRS),
  ))
}

resource "aws_vpc" "this" {
  count = var.CREATE_VPC ? 1 : 0

  cidr_block           = var.VPC_CIDR
  enable_dns_support   = true
  enable_dns_hostnames = true # private hosted zones and the endpoints' private names need both

  tags = merge(local.tags, { Name = local.prefix })
}

# Without rules: what is put into it by mistake reaches nothing.
resource "aws_default_security_group" "this" {
  count = var.CREATE_VPC ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = merge(local.tags, { Name = "${local.prefix}-default-unused" })
}

resource "aws_subnet" "private" {
  count = length(local.zones)

  vpc_id                  = aws_vpc.this[0].id
  availability_zone       = local.zones[count.index]
  cidr_block              = local.private_subnet_cidrs[count.index]
  map_public_ip_on_launch = false

  tags = merge(local.tags, { Name = "${local.prefix}-private-${local.zones[count.index]}" })
}

# No route but the VPC's own, and that of the S3 gateway endpoint.
resource "aws_route_table" "private" {
  count = var.CREATE_VPC ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = merge(local.tags, { Name = "${local.prefix}-private" })

  lifecycle {
    precondition {
      condition     = length(setsubtract(local.zones, local.usable_zones)) == 0
      error_message = "AVAILABILITY_ZONES has zones where tasks cannot run: ${join("; ", [for zone in setsubtract(local.zones, local.usable_zones) : "${zone}: ${lookup(local.unusable_zones, zone, "it is not one of the available zones of ${local.region}")}"])}. Name zones out of ${join(", ", local.usable_zones)}."
    }
    precondition {
      condition     = length(local.zones) >= 2
      error_message = "Tasks can run in fewer than two zones of ${local.region}: ${join("; ", [for zone, gaps in local.unusable_zones : "${zone}: ${gaps}"])}. Deploy to another region."
    }
  }
}

resource "aws_route_table_association" "private" {
  count = length(local.zones)

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[0].id
}

# --- Public subnets, for what else a user has in this VPC ------------------------------------------------------------

resource "aws_internet_gateway" "this" {
  count = var.CREATE_VPC && var.PUBLIC_SUBNETS ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = merge(local.tags, { Name = local.prefix })
}

resource "aws_subnet" "public" {
  count = var.PUBLIC_SUBNETS ? length(local.zones) : 0

  vpc_id                  = aws_vpc.this[0].id
  availability_zone       = local.zones[count.index]
  cidr_block              = cidrsubnet(var.VPC_CIDR, 4, 8 + count.index)
  map_public_ip_on_launch = false

  tags = merge(local.tags, { Name = "${local.prefix}-public-${local.zones[count.index]}" })
}

resource "aws_route_table" "public" {
  count = var.CREATE_VPC && var.PUBLIC_SUBNETS ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = merge(local.tags, { Name = "${local.prefix}-public" })
}

resource "aws_route" "internet" {
  count = var.CREATE_VPC && var.PUBLIC_SUBNETS ? 1 : 0

  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "public" {
  count = var.PUBLIC_SUBNETS ? length(local.zones) : 0

  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public[0].id
}

# --- Flow logs -------------------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "flow_logs" {
  count = var.CREATE_VPC && var.FLOW_LOGS ? 1 : 0

  name              = "/nameplate/${local.prefix}/vpc-flow-logs"
  retention_in_days = var.LOG_RETENTION_DAYS
  kms_key_id        = var.LOGS_KMS_KEY_ARN

  tags = local.tags
}

resource "aws_flow_log" "this" {
  count = var.CREATE_VPC && var.FLOW_LOGS ? 1 : 0

  vpc_id               = aws_vpc.this[0].id
  traffic_type         = "ALL"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.flow_logs[0].arn
  iam_role_arn         = aws_iam_role.flow_logs[0].arn

  tags = merge(local.tags, { Name = local.prefix })

  depends_on = [aws_iam_role_policy.flow_logs]
}
