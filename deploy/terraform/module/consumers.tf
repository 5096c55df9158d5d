# Consumers in other accounts: a PrivateLink endpoint service in front of the NLB, and the private zones for their VPCs.

resource "aws_vpc_endpoint_service" "this" {
  count = var.ENDPOINT_SERVICE ? 1 : 0

  acceptance_required        = true
  network_load_balancer_arns = [local.elb_arn]
  allowed_principals         = var.ENDPOINT_SERVICE_PRINCIPALS
  private_dns_name           = var.ENDPOINT_SERVICE_DNS_NAME

  tags = merge(local.tags, { Name = local.prefix })

  # Consumers that come before the listener would be refused.
  depends_on = [aws_lb_listener.this]
}

locals {
  authorizations = {
    for pair in setproduct(var.HOSTED_ZONES == "create" ? var.PLAN.hosted_zones[*].name : [], var.AUTHORIZED_VPC_IDS) :
    "${pair[0]} ${pair[1]}" => { zone = pair[0], vpc = pair[1] }
  }
}

resource "aws_route53_vpc_association_authorization" "this" {
  for_each = local.authorizations

  zone_id = aws_route53_zone.private[each.value.zone].zone_id
  vpc_id  = each.value.vpc
}
