# The VPC: one that is made, with isolated private subnets, or an existing one.

data "aws_availability_zones" "available" {
  count = var.CREATE_VPC && length(var.AVAILABILITY_ZONES) == 0 ? 1 : 0

  state = "available"

  # Local Zones have no endpoints of the services that tasks need.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_vpc" "existing" {
  count = var.CREATE_VPC ? 0 : 1

  id = var.EXTERNAL_VPC_ID
}

data "aws_subnet" "existing" {
  count = var.CREATE_VPC ? 0 : length(var.EXTERNAL_PRIVATE_SUBNETS_ID)

  id = var.EXTERNAL_PRIVATE_SUBNETS_ID[count.index]
}

locals {
  zones = !var.CREATE_VPC ? [] : (
    length(var.AVAILABILITY_ZONES) > 0 ? var.AVAILABILITY_ZONES : slice(data.aws_availability_zones.available[0].names, 0, 2)
  )

  vpc_id   = var.CREATE_VPC ? aws_vpc.this[0].id : data.aws_vpc.existing[0].id
  vpc_cidr = var.CREATE_VPC ? var.VPC_CIDR : data.aws_vpc.existing[0].cidr_block

  private_subnet_ids   = var.CREATE_VPC ? aws_subnet.private[*].id : data.aws_subnet.existing[*].id
  private_subnet_cidrs = var.CREATE_VPC ? [for index, _ in local.zones : cidrsubnet(var.VPC_CIDR, 4, index)] : data.aws_subnet.existing[*].cidr_block

  # By keys that are known before an existing VPC is looked up.
  client_cidrs = length(var.CLIENT_CIDRS) > 0 ? { for cidr in var.CLIENT_CIDRS : cidr => cidr... } : {
    (var.CREATE_VPC ? var.VPC_CIDR : "vpc") = [local.vpc_cidr]
  }
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
  count = var.CREATE_VPC ? 1 : 0

  name              = "/nameplate/${local.prefix}/vpc-flow-logs"
  retention_in_days = var.LOG_RETENTION_DAYS

  tags = local.tags
}

resource "aws_flow_log" "this" {
  count = var.CREATE_VPC ? 1 : 0

  vpc_id               = aws_vpc.this[0].id
  traffic_type         = "ALL"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.flow_logs[0].arn
  iam_role_arn         = aws_iam_role.flow_logs[0].arn

  tags = merge(local.tags, { Name = local.prefix })

  depends_on = [aws_iam_role_policy.flow_logs]
}
