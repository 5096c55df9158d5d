# The internal load balancer: it ends the clients' TLS with the certificates of certificates.tf.

locals {
  load_balancer_name = "${local.prefix}-${local.nlb ? "nlb" : "alb"}"

  # What the target group is, by load balancer and by whether tasks speak TLS. The name says both, so that a change of
  # one can make a second group beside the first. The second is empty when the listener moves over, and serves once new
  # tasks are healthy in it: README.md, What a second stack is for.
  target_group = {
    name     = "${local.load_balancer_name}-${var.LISTENER_TLS ? "tls" : local.nlb ? "tcp" : "web"}"
    protocol = local.nlb ? (var.LISTENER_TLS ? "TLS" : "TCP") : (var.LISTENER_TLS ? "HTTPS" : "HTTP")
  }

  # An ALB answers 504 by itself once a target has been silent for its idle timeout. 5 s more than the mapping allows let
  # Nameplate's own response arrive first.
  longest_timeout  = var.PLAN.longest_timeout == null ? 0 : var.PLAN.longest_timeout
  alb_idle_timeout = var.ALB_IDLE_TIMEOUT != null ? var.ALB_IDLE_TIMEOUT : local.existing_elb ? 60 : max(60, local.longest_timeout + 5)

  # How long tasks keep an idle connection. The side that sends the next request must be the first to give a connection up,
  # or a request meets a close. Behind an ALB that is the ALB. Through an NLB it is the client, whose connection the NLB
  # forgets after 350 s of silence: a few seconds before that, a task closes it so that the client notices.
  keep_alive = local.nlb ? 340 : local.alb_idle_timeout + 15
}

resource "aws_lb" "this" {
  count = var.EXISTING_ELB_ARN == null ? 1 : 0

  name               = local.load_balancer_name
  load_balancer_type = local.nlb ? "network" : "application"
  internal           = true
  subnets            = local.private_subnet_ids
  security_groups    = [local.load_balancer_sg_id]

  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.DELETION_PROTECTION

  # Clients behind PrivateLink have addresses of their own networks, which no rule of the group can name: whoever accepts
  # their connection decides.
  enforce_security_group_inbound_rules_on_private_link_traffic = var.ENDPOINT_SERVICE ? "off" : null

  # Only an ALB knows these.
  drop_invalid_header_fields = local.nlb ? null : var.DROP_INVALID_HEADER_FIELDS
  idle_timeout               = local.nlb ? null : local.alb_idle_timeout

  tags = merge(local.tags, { Name = local.load_balancer_name })

  # One that deletion protection keeps is refused last, when the other one serves already.
  lifecycle { create_before_destroy = true }
}

resource "aws_lb_target_group" "this" {
  name             = local.target_group.name
  vpc_id           = local.vpc_id
  target_type      = "ip"
  port             = local.listener_port
  protocol         = local.target_group.protocol
  protocol_version = local.nlb ? null : "HTTP1"

  # Shorter than the default of 300 s: tasks that stop tell clients to go, and end within STOP_TIMEOUT.
  deregistration_delay = 60

  # The client's address arrives in a PROXY header, also from clients that are tasks of the same subnets, in a peered
  # VPC or behind PrivateLink, where the address itself cannot be kept.
  proxy_protocol_v2  = local.nlb
  preserve_client_ip = local.nlb ? false : null

  health_check {
    protocol            = "HTTP"
    port                = tostring(local.admin_port)
    path                = "/readyz"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  tags = merge(local.tags, { Name = local.target_group.name })

  lifecycle { create_before_destroy = true }
}

resource "aws_lb_listener" "this" {
  count = var.EXISTING_LISTENER_ARN == null ? 1 : 0

  load_balancer_arn = local.elb_arn
  port              = 443
  protocol          = local.nlb ? "TLS" : "HTTPS"
  ssl_policy        = var.SSL_POLICY
  certificate_arn   = local.default_certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  tags = local.tags

  # Only issued certificates can be used. The ARN comes from the certificate itself, though, which stays known while
  # validation records of others change.
  depends_on = [aws_acm_certificate_validation.planned]

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = alltrue([for arn in var.CERTIFICATE_ARNS : split(":", arn)[3] == local.region])
      error_message = "CERTIFICATE_ARNS has certificates of another region than the stack's (${local.region}): ${join(", ", [for arn in var.CERTIFICATE_ARNS : arn if split(":", arn)[3] != local.region])}. A load balancer takes those of its own region only: import them into ACM there."
    }
    precondition {
      condition     = length(var.PLAN.certificates) + length(var.CERTIFICATE_ARNS) + length(local.private_names) > 0
      error_message = "The listener has no certificate: the mapping needs none that ACM could validate, and CERTIFICATE_ARNS is empty. Import a certificate into ACM and list its ARN in CERTIFICATE_ARNS."
    }
  }
}

# The listener picks one by the name that the client asks for (SNI). One that exists has a default certificate of its own.
resource "aws_lb_listener_certificate" "planned" {
  for_each = setsubtract(keys(local.certificates), local.existing_listener ? [] : [local.default_certificate])

  listener_arn    = local.listener_arn
  certificate_arn = aws_acm_certificate.planned[each.value].arn

  depends_on = [aws_acm_certificate_validation.planned]

  # A name never waits without its certificate for the one that takes its place.
  lifecycle { create_before_destroy = true }
}

resource "aws_lb_listener_certificate" "imported" {
  for_each = toset(local.default_certificate != "" || local.existing_listener ? var.CERTIFICATE_ARNS : try(slice(var.CERTIFICATE_ARNS, 1, length(var.CERTIFICATE_ARNS)), []))

  listener_arn    = local.listener_arn
  certificate_arn = each.value

  lifecycle { create_before_destroy = true }
}

# What is attached. It makes nothing in AWS: Terraform detaches a certificate with create_before_destroy once all that
# depends on the attachments is up to date, and this depends on those that are new. Without it, an old certificate would
# be detached while the one in its place is not attached yet.
resource "terraform_data" "attached_certificates" {
  input = sort(concat(
    [for attachment in aws_lb_listener_certificate.planned : attachment.certificate_arn],
    [for attachment in aws_lb_listener_certificate.imported : attachment.certificate_arn],
    [for attachment in aws_lb_listener_certificate.private : attachment.certificate_arn],
  ))
}
