# Nameplate's settings, handed to the container as JSON, which is YAML: conf/nameplate.yaml tells every key. Nothing of
# the mapping is in them, so that tasks are not replaced when it changes.

locals {
  listener = {
    address        = "0.0.0.0:${local.listener_port}"
    tls            = var.LISTENER_TLS ? { self_signed = ["nameplate.internal"] } : null
    proxy_protocol = local.nlb ? { trust = local.load_balancer_cidrs } : null
  }

  # Out of the STOP_TIMEOUT seconds before SIGKILL: 5 s to tell clients to go, 5 s to spare, the rest for requests in
  # flight. Under 15 s, a third to tell clients.
  shutdown_delay = var.STOP_TIMEOUT >= 15 ? 5 : floor(var.STOP_TIMEOUT / 3)
  shutdown_grace = max(1, var.STOP_TIMEOUT - 10)

  settings = {
    listeners = [{ for key, value in local.listener : key => value if value != null }]
    admin     = "0.0.0.0:${local.admin_port}"
    mapping   = local.mapping_source
    endpoint  = { name = local.execute_api_dns_name }
    endpoints = { for name, dns_name in var.EXTRA_ENDPOINTS : name => { name = dns_name } }
    # What the client used: through an NLB, always https on 443. An ALB says it in headers, which we believe its subnets.
    forwarded = { for key, value in {
      proto = local.nlb ? "https" : null
      port  = local.nlb ? 443 : null
      trust = local.nlb ? null : local.load_balancer_cidrs
    } : key => value if value != null }
    client   = { keep_alive = "${local.keep_alive}s" }
    shutdown = { delay = "${local.shutdown_delay}s", grace_period = "${local.shutdown_grace}s" }
    log      = { format = "json" }
  }

  # The alarms of a rollout need the metrics.
  rollout_settings = { for key, value in { emf = { interval = "60s", dimensions = { Service = local.prefix }, new_mapping = "${local.new_mapping_minutes}m" } } : key => value if local.appconfig }

  settings_text = jsonencode(merge(local.settings, local.rollout_settings, var.EXTRA_SETTINGS))
}
