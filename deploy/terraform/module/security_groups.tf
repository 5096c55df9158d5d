# Who may talk to whom: clients to the load balancer, the load balancer to the tasks, the tasks to the endpoints and S3.
# A group that a user brings (EXTERNAL_*_SG_ID) is used as it is; README.md says which rules it needs.

locals {
  make_load_balancer_sg = var.EXTERNAL_ALB_SG_ID == null
  make_task_sg          = var.EXTERNAL_FARGATE_SG_ID == null
  make_endpoint_sg      = var.EXTERNAL_ENDPOINT_SG_ID == null && length(local.missing_endpoints) > 0

  load_balancer_sg_id = local.make_load_balancer_sg ? aws_security_group.load_balancer[0].id : var.EXTERNAL_ALB_SG_ID
  task_sg_id          = local.make_task_sg ? aws_security_group.task[0].id : var.EXTERNAL_FARGATE_SG_ID
  endpoint_sg_id      = local.make_endpoint_sg ? aws_security_group.endpoint[0].id : var.EXTERNAL_ENDPOINT_SG_ID

  load_balancer_to_task = { listener = local.listener_port, admin = local.admin_port }
}

# --- Load balancer ---------------------------------------------------------------------------------------------------

resource "aws_security_group" "load_balancer" {
  count = local.make_load_balancer_sg ? 1 : 0

  name_prefix = "${local.prefix}-lb-"
  description = "Nameplate: load balancer"
  vpc_id      = local.vpc_id

  tags = merge(local.tags, { Name = "${local.prefix}-lb" })

  lifecycle { create_before_destroy = true }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  # By what they say, not by their place: EC2 refuses to change a rule into one that is there already.
  for_each = local.make_load_balancer_sg ? local.client_cidrs : {}

  security_group_id = aws_security_group.load_balancer[0].id
  description       = "HTTPS from clients"
  cidr_ipv4         = each.value[0]
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443

  tags = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "client_prefix_lists" {
  for_each = local.make_load_balancer_sg ? toset(var.CLIENT_PREFIX_LIST_IDS) : []

  security_group_id = aws_security_group.load_balancer[0].id
  description       = "HTTPS from clients of a prefix list"
  prefix_list_id    = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443

  tags = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "client_groups" {
  for_each = local.make_load_balancer_sg ? toset(var.CLIENT_SECURITY_GROUP_IDS) : []

  security_group_id            = aws_security_group.load_balancer[0].id
  description                  = "HTTPS from clients of a security group"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443

  tags = local.tags
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_task" {
  for_each = local.make_load_balancer_sg ? local.load_balancer_to_task : {}

  security_group_id            = aws_security_group.load_balancer[0].id
  description                  = each.key == "listener" ? "Requests to tasks" : "Health checks of tasks"
  referenced_security_group_id = local.task_sg_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value

  tags = local.tags
}

# --- Tasks -----------------------------------------------------------------------------------------------------------

resource "aws_security_group" "task" {
  count = local.make_task_sg ? 1 : 0

  name_prefix = "${local.prefix}-task-"
  description = "Nameplate: tasks"
  vpc_id      = local.vpc_id

  tags = merge(local.tags, { Name = "${local.prefix}-task" })

  lifecycle { create_before_destroy = true }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer_to_task" {
  for_each = local.make_task_sg ? local.load_balancer_to_task : {}

  security_group_id            = aws_security_group.task[0].id
  description                  = each.key == "listener" ? "Requests from the load balancer" : "Health checks of the load balancer"
  referenced_security_group_id = local.load_balancer_sg_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value

  tags = local.tags
}

resource "aws_vpc_security_group_egress_rule" "task_to_endpoints" {
  count = local.make_task_sg && (local.make_endpoint_sg || var.EXTERNAL_ENDPOINT_SG_ID != null) ? 1 : 0

  security_group_id            = aws_security_group.task[0].id
  description                  = "APIs and AWS services through VPC endpoints"
  referenced_security_group_id = local.endpoint_sg_id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443

  tags = local.tags
}

resource "aws_vpc_security_group_egress_rule" "task_to_s3" {
  count = local.make_task_sg ? 1 : 0

  security_group_id = aws_security_group.task[0].id
  description       = "The mapping and image layers, from S3"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.s3.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443

  tags = local.tags
}

# Amazon's DNS server is reached whatever a group says; one of the DHCP options is not.
resource "aws_vpc_security_group_egress_rule" "task_to_dns" {
  for_each = local.make_task_sg ? { for pair in setproduct(["udp", "tcp"], var.DNS_SERVER_CIDRS) : join(" ", pair) => pair } : {}

  security_group_id = aws_security_group.task[0].id
  description       = "DNS servers"
  cidr_ipv4         = each.value[1]
  ip_protocol       = each.value[0]
  from_port         = 53
  to_port           = 53

  tags = local.tags
}

# --- Endpoints -------------------------------------------------------------------------------------------------------

resource "aws_security_group" "endpoint" {
  count = local.make_endpoint_sg ? 1 : 0

  name_prefix = "${local.prefix}-endpoint-"
  description = "Nameplate: VPC endpoints"
  vpc_id      = local.vpc_id

  tags = merge(local.tags, { Name = "${local.prefix}-endpoint" })

  lifecycle { create_before_destroy = true }
}

resource "aws_vpc_security_group_ingress_rule" "task_to_endpoints" {
  count = local.make_endpoint_sg ? 1 : 0

  security_group_id            = aws_security_group.endpoint[0].id
  description                  = "HTTPS from tasks"
  referenced_security_group_id = local.task_sg_id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443

  tags = local.tags
}
