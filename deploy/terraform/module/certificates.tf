# ACM certificates as PLAN has them, and the records in public hosted zones that validate them. All keys come from PLAN,
# so that they are known before anything is made, and a new certificate touches no other.

locals {
  certificates = { for certificate in var.PLAN.certificates : certificate.id => certificate }

  # "" for none: PLAN names one wherever it has certificates.
  default_certificate = try(coalesce(var.PLAN.default_certificate, sort(keys(local.certificates))[0]), "")
  default_certificate_arn = local.default_certificate != "" ? aws_acm_certificate.planned[local.default_certificate].arn : (
    try(var.CERTIFICATE_ARNS[0], aws_acm_certificate.private[local.default_private].arn, null)
  )

  # ACM asks for the same CNAME for a name and for its wildcard, and in every certificate of the account: one record for
  # each, by the name without `*.`, and the certificates and names that ask for it.
  validations = {
    for wanted in flatten([
      for certificate in var.PLAN.certificates : [
        for name in certificate.names : {
          base = trimprefix(name, "*."), name = name, certificate = certificate.id, zone = certificate.validation_zone
        }
      ]
    ]) : wanted.base => wanted...
  }

  # What ACM says the record is, by the first name that asks for it.
  validation_options = {
    for base, wanted in local.validations : base => one([
      for option in aws_acm_certificate.planned[wanted[0].certificate].domain_validation_options : option
      if option.domain_name == wanted[0].name
    ])
  }

  validation_zones = toset(var.PLAN.certificates[*].validation_zone)
  validation_zone_ids = merge(
    { for name, zone in data.aws_route53_zone.validation : name => zone.zone_id },
    var.VALIDATION_ZONE_IDS,
  )
}

data "aws_route53_zone" "validation" {
  for_each = setsubtract(local.validation_zones, keys(var.VALIDATION_ZONE_IDS))
  provider = aws.validation

  name         = each.value
  private_zone = false
}

resource "aws_acm_certificate" "planned" {
  for_each = local.certificates

  domain_name               = each.value.names[0]
  subject_alternative_names = slice(each.value.names, 1, length(each.value.names))
  validation_method         = "DNS"

  tags = merge(local.tags, { Name = "${local.prefix}-${each.key}" })

  # The new one is issued and attached before the old one is detached and goes.
  lifecycle { create_before_destroy = true }
}

resource "aws_route53_record" "validation" {
  for_each = local.validations
  provider = aws.validation

  zone_id         = local.validation_zone_ids[each.value[0].zone]
  name            = local.validation_options[each.key].resource_record_name
  type            = local.validation_options[each.key].resource_record_type
  records         = [local.validation_options[each.key].resource_record_value]
  ttl             = 300
  allow_overwrite = true # another stack of the account may have asked for the same

  # ACM asks for the same record whichever certificate has the name. Without this, a name that moves to another
  # certificate would have its record replaced by the same one, and deleting the old one would delete the new one.
  lifecycle { ignore_changes = [name, type, records] }
}

# Waits until ACM has issued the certificate.
resource "aws_acm_certificate_validation" "planned" {
  for_each = local.certificates

  certificate_arn         = aws_acm_certificate.planned[each.key].arn
  validation_record_fqdns = distinct([for name in each.value.names : aws_route53_record.validation[trimprefix(name, "*.")].fqdn])
}
