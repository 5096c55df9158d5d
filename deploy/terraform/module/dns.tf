# Private hosted zones, as PLAN has them: the custom domains lead to the load balancer, for this VPC alone. HOSTED_ZONES
# says whether the zones and their records are made here.

locals {
  records = merge([
    for zone in var.PLAN.hosted_zones : { for record in zone.records : record => zone.name }
  ]...)

  # The owner of a VPC that AWS RAM shares with this account; null where the VPC is this account's.
  vpc_owner = var.CREATE_VPC || try(data.aws_vpc.existing[0].owner_id == local.account, true) ? null : data.aws_vpc.existing[0].owner_id
}

resource "aws_route53_zone" "private" {
  for_each = toset(var.HOSTED_ZONES == "create" ? var.PLAN.hosted_zones[*].name : [])

  name    = each.value
  comment = "Nameplate ${local.prefix}"

  vpc {
    vpc_id = local.vpc_id
  }

  tags = local.tags

  lifecycle {
    # Other VPCs may be associated by aws_route53_zone_association, or by hand.
    ignore_changes = [vpc]

    precondition {
      condition     = local.vpc_owner == null
      error_message = "${coalesce(var.EXTERNAL_VPC_ID, "The VPC")} belongs to account ${coalesce(local.vpc_owner, "-")}, which shares it with this one (${local.account}), and Route 53 makes private hosted zones only for VPCs of the same account. Let the owner make the zones of the plan, associated with the VPC. Then set HOSTED_ZONES = \"existing\" with HOSTED_ZONE_IDS, and let the provider aws.zones assume a role of the owner's account; or set HOSTED_ZONES = \"none\", and let the owner write the records of the output dns_records."
    }
  }
}

resource "aws_route53_record" "private" {
  for_each = var.HOSTED_ZONES == "create" ? local.records : {}

  zone_id = aws_route53_zone.private[each.value].zone_id
  name    = each.key
  type    = "A"

  alias {
    name                   = local.elb_dns_name
    zone_id                = local.elb_zone_id
    evaluate_target_health = true
  }
}

resource "aws_route53_record" "existing" {
  for_each = var.HOSTED_ZONES == "existing" ? local.records : {}
  provider = aws.zones

  zone_id = var.HOSTED_ZONE_IDS[each.value]
  name    = each.key
  type    = "A"

  alias {
    name                   = local.elb_dns_name
    zone_id                = local.elb_zone_id
    evaluate_target_health = true
  }
}
