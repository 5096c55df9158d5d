# Certificates of AWS Private CA, for the names that ACM cannot validate. One for each name: a name that comes or goes
# touches no other's certificate.

locals {
  private_names = var.PRIVATE_CA_ARN == null ? toset([]) : toset(var.PLAN.import_names)

  # "" for none: it is the listener's default certificate only where there is no other.
  default_private = !local.existing_listener && local.default_certificate == "" && length(var.CERTIFICATE_ARNS) == 0 ? try(sort(local.private_names)[0], "") : ""
}

resource "aws_acm_certificate" "private" {
  for_each = local.private_names

  domain_name               = each.value
  certificate_authority_arn = var.PRIVATE_CA_ARN

  tags = merge(local.tags, { Name = "${local.prefix}-${replace(each.value, "*", "_")}" })

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = try(split(":", var.PRIVATE_CA_ARN)[3] == local.region, true)
      error_message = "PRIVATE_CA_ARN is a CA of another region than the stack's (${local.region}), and ACM asks CAs of its own region only. Name one of ${local.region}."
    }
  }
}

resource "aws_lb_listener_certificate" "private" {
  for_each = setsubtract(local.private_names, [local.default_private])

  listener_arn    = local.listener_arn
  certificate_arn = aws_acm_certificate.private[each.value].arn

  lifecycle { create_before_destroy = true }
}
