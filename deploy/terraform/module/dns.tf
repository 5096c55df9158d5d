# Private hosted zones, as PLAN has them: the custom domains lead to the load balancer, for this VPC alone.

locals {
  records = merge([
    for zone in var.PLAN.hosted_zones : { for record in zone.records : record => zone.name }
  ]...)
}

resource "aws_route53_zone" "private" {
  for_each = toset(var.PLAN.hosted_zones[*].name)

  name    = each.value
  comment = "Nameplate ${local.prefix}"

  vpc {
    vpc_id = local.vpc_id
  }

  tags = local.tags

  # Other VPCs may be associated by aws_route53_zone_association, or by hand.
  lifecycle { ignore_changes = [vpc] }
}

resource "aws_route53_record" "private" {
  for_each = local.records

  zone_id = aws_route53_zone.private[each.value].zone_id
  name    = each.key
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }
}
