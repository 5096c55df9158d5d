"""Reads a state, as `terraform show -json` prints it, into the model that compare.py compares.

The state comes from an apply with a provider that makes ids up. So a reference is a made-up text, which is found in what
it refers to; what regions and accounts are called is made up as well.
"""

import json

from cdk import compare_container
from words import Names, as_list, ordered, statements, upper_keys

# The part of a resource that there is one of, by type.
PARTS = {
    "aws_vpc": "<vpc>",
    "aws_s3_bucket": "<bucket>",
    "aws_ecr_repository": "<repository>",
    "aws_lb": "<load-balancer>",
    "aws_lb_target_group": "<target-group>",
    "aws_lb_listener": "<listener>",
    "aws_ecs_task_definition": "<task-definition>",
    "aws_appautoscaling_target": "<scalable-target>",
    "aws_ec2_managed_prefix_list": "<s3-prefix-list>",
    "aws_appconfig_application": "<appconfig-application>",
    "aws_appconfig_environment": "<appconfig-environment>",
    "aws_appconfig_configuration_profile": "<appconfig-profile>",
}

# And of those that there are several of, by their names in the module.
NAMED = {
    ("aws_security_group", "load_balancer"): "<lb-group>",
    ("aws_security_group", "task"): "<task-group>",
    ("aws_security_group", "endpoint"): "<endpoint-group>",
    ("aws_iam_role", "execution"): "<execution-role>",
    ("aws_iam_role", "task"): "<task-role>",
    ("aws_iam_role", "flow_logs"): "<flow-logs-role>",
    ("aws_iam_role", "appconfig"): "<appconfig-role>",
    ("aws_cloudwatch_log_group", "service"): "<log-group>",
    ("aws_cloudwatch_log_group", "flow_logs"): "<flow-log-group>",
    ("aws_subnet", "private"): "<private>",
    ("aws_subnet", "public"): "<public>",
    ("aws_route_table", "private"): "<private>",
    ("aws_route_table", "public"): "<public>",
}

# What a resource is known by elsewhere. `name` is not here, where it is the same text for several.
KNOWN_BY = ("id", "arn", "arn_suffix", "dns_name", "zone_id", "bucket", "repository_url", "unique_id",
            "environment_id", "configuration_profile_id")


class State:
    """The resources of a state, with references as parts."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            values = json.load(file)["values"]
        self.outputs = values["outputs"]
        self._all = list(modules(values["root_module"]))
        self._names = Names()
        for text, part in (("eu-west-1", "<region>"), ("111122223333", "<account>")):
            self._names.mean(text, part)
        for resource in self._all:
            self._learn(resource)

    def _learn(self, resource):
        kind, name, values = resource["type"], resource["name"], resource["values"]
        if kind == "aws_region":
            for key in ("id", "name", "region"):
                self._names.mean(values.get(key), "<region>")
        elif kind == "aws_caller_identity":
            self._names.mean(values.get("account_id"), "<account>")
        elif kind == "aws_partition":
            self._names.mean(values.get("partition"), "<partition>")
            self._names.mean(values.get("dns_suffix"), "amazonaws.com")
        else:
            part = PARTS.get(kind) or NAMED.get((kind, name)) or keyed(kind, resource)
            if kind == "aws_vpc" and resource["mode"] == "data":
                part = None  # its id was given, and stands for itself
            if part:
                for key in KNOWN_BY:
                    # Some ids are names that we chose; several resources have the same.
                    if values.get(key) != values.get("family", values.get("name")):
                        self._names.mean(values.get(key), part)
                if kind == "aws_cloudwatch_log_group":
                    self._names.mean(values["name"], part)

    def of(self, kind, name=None):
        return [
            self._names.plain(r["values"]) for r in self._all
            if r["mode"] == "managed" and r["type"] == kind and name in (None, r["name"])
        ]

    def only(self, kind, name=None):
        found = self.of(kind, name)
        assert len(found) == 1, f"{len(found)} of {kind}.{name}"
        return found[0]


def modules(module):
    """The resources of a module and of those inside."""
    yield from module.get("resources", [])
    for inner in module.get("child_modules", []):
        yield from modules(inner)


def keyed(kind, resource):
    values = resource["values"]
    if kind == "aws_vpc_endpoint":
        # One that was there already is looked up by its id, and its service made up.
        service = values["service_name"].split(".", 3)[3:]
        return f"<endpoint {service[0]}>" if service else None
    if kind == "aws_cloudwatch_metric_alarm":
        return f"<alarm {values['alarm_name']}>"
    if kind == "aws_acm_certificate":
        return f"<certificate {values['domain_name']}>"
    if kind == "aws_route53_zone" and resource["mode"] == "managed":
        return f"<zone {values['name']}>"
    return None


def read(path):
    state = State(path)
    return {
        "network": network(state),
        "endpoints": endpoints(state),
        "security groups": rules(state),
        "load balancer": load_balancer(state),
        "zones": zones(state),
        "certificates": certificates(state),
        "mapping": mapping(state),
        "image": image(state),
        "service": service(state),
        "roles": roles(state),
        "scaling": scaling(state),
        "logs": ordered([g["name"], g["retention_in_days"], g.get("kms_key_id")] for g in state.of("aws_cloudwatch_log_group")),
        "alarms": alarms(state),
        "outputs": sorted(state.outputs),
    }


def network(state):
    return {
        "vpcs": [[v["cidr_block"], v["enable_dns_support"], v["enable_dns_hostnames"]] for v in state.of("aws_vpc")],
        "subnets": ordered([s["availability_zone"], s["cidr_block"]] for s in state.of("aws_subnet")),
        "flow logs": [[f["traffic_type"], f["log_destination_type"], f["log_destination"], f["iam_role_arn"]]
                      for f in state.of("aws_flow_log")],
    }


def endpoints(state):
    return ordered(
        {
            "service": e["service_name"],
            "type": e["vpc_endpoint_type"],
            "private dns": e.get("private_dns_enabled") is True,
            "groups": groups(e, "security_group_ids"),
            "subnets": groups(e, "subnet_ids"),
            "route tables": groups(e, "route_table_ids"),
            "policy": statements(e["policy"]),
        }
        for e in state.of("aws_vpc_endpoint")
    )


def groups(values, key):
    """A set of references; one that nobody gave is made up, and stands for nothing."""
    return sorted({item for item in as_list(values.get(key)) if item.startswith("<") or "-0" in item})


def rules(state):
    found = []
    for kind, way in (("aws_vpc_security_group_ingress_rule", "in"), ("aws_vpc_security_group_egress_rule", "out")):
        for rule in state.of(kind):
            peer, = [rule[k] for k in ("cidr_ipv4", "cidr_ipv6", "referenced_security_group_id", "prefix_list_id") if rule.get(k)]
            found.append([rule["security_group_id"], way, rule["ip_protocol"], rule["from_port"], rule["to_port"], peer])
    return ordered(found)


def text(flag):
    return str(flag).lower()


def made_balancer(balancer):
    nlb = balancer["load_balancer_type"] == "network"
    attributes = {"deletion_protection.enabled": text(balancer["enable_deletion_protection"])}
    if nlb:
        attributes["load_balancing.cross_zone.enabled"] = text(balancer["enable_cross_zone_load_balancing"])
    else:
        # An ALB is always cross-zone.
        attributes["idle_timeout.timeout_seconds"] = str(balancer["idle_timeout"])
        attributes["routing.http.drop_invalid_header_fields.enabled"] = text(balancer["drop_invalid_header_fields"])
    return {
        "name": balancer["name"],
        "type": balancer["load_balancer_type"],
        "scheme": "internal" if balancer["internal"] else "internet-facing",
        "groups": groups(balancer, "security_groups"),
        "subnets": groups(balancer, "subnets"),
        "attributes": attributes,
        # One that nobody gave is made up.
        "private link": "off" if balancer["enforce_security_group_inbound_rules_on_private_link_traffic"] == "off" else None,
    }


def load_balancer(state):
    group = state.only("aws_lb_target_group")
    health, = group["health_check"]
    nlb = group["protocol"] in ("TCP", "TLS")
    of_targets = {"deregistration_delay.timeout_seconds": str(group["deregistration_delay"])}
    if nlb:
        of_targets["preserve_client_ip.enabled"] = text(group["preserve_client_ip"])
        of_targets["proxy_protocol_v2.enabled"] = text(group["proxy_protocol_v2"])
    return {
        "made": [made_balancer(balancer) for balancer in state.of("aws_lb")],
        "listeners": [
            {
                "load balancer": listener["load_balancer_arn"],
                "port": listener["port"],
                "protocol": listener["protocol"],
                "ssl policy": listener["ssl_policy"],
                "certificate": listener["certificate_arn"],
                "forwards to": listener["default_action"][0]["target_group_arn"],
            }
            for listener in state.of("aws_lb_listener")
        ],
        "rules": ordered(
            [rule["listener_arn"], rule["priority"], rule["action"][0]["target_group_arn"],
             sorted(rule["condition"][0]["host_header"][0]["values"])]
            for rule in state.of("aws_lb_listener_rule")
        ),
        "more certificates": ordered([c["listener_arn"], c["certificate_arn"]] for c in state.of("aws_lb_listener_certificate")),
        "endpoint services": [
            [s["acceptance_required"], s["network_load_balancer_arns"], s["private_dns_name"], sorted(s["allowed_principals"])]
            for s in state.of("aws_vpc_endpoint_service")
        ],
        "target group": {
            "name": group["name"],
            "port": group["port"],
            "protocol": group["protocol"],
            "version": None if nlb else group["protocol_version"],
            "target type": group["target_type"],
            "attributes": of_targets,
        },
        "health check": [
            health["protocol"], health["port"], health["path"], health["matcher"], health["interval"], health["timeout"],
            health["healthy_threshold"], health["unhealthy_threshold"],
        ],
    }


def zones(state):
    private = state.of("aws_route53_record", "private") + state.of("aws_route53_record", "existing")
    return {
        "zones": ordered([z["name"], [v["vpc_id"] for v in z["vpc"]]] for z in state.of("aws_route53_zone")),
        "records": ordered(
            [r["zone_id"], r["name"], r["type"], r["alias"][0]["name"], r["alias"][0]["evaluate_target_health"]] for r in private
        ),
    }


def certificates(state):
    return ordered(
        [[c["domain_name"], *sorted(c["subject_alternative_names"] or [])], c["validation_method"]]
        if not c.get("certificate_authority_arn") else [c["domain_name"], c["certificate_authority_arn"]]
        for c in state.of("aws_acm_certificate")
    )


def mapping(state):
    if not state.of("aws_s3_bucket"):
        return {"brought": True}
    rule, = state.only("aws_s3_bucket_lifecycle_configuration")["rule"]
    unfinished = rule.get("abort_incomplete_multipart_upload") or [{}]
    access = state.only("aws_s3_bucket_public_access_block")
    encryption = state.only("aws_s3_bucket_server_side_encryption_configuration")["rule"]
    return {
        "encryption": [[d["sse_algorithm"], d["kms_master_key_id"] if d["sse_algorithm"] == "aws:kms" else None, bool(r.get("bucket_key_enabled"))]
                       for r in encryption for d in r["apply_server_side_encryption_by_default"]],
        "versioning": state.only("aws_s3_bucket_versioning")["versioning_configuration"][0]["status"],
        "ownership": state.only("aws_s3_bucket_ownership_controls")["rule"][0]["object_ownership"],
        "public access": {
            "BlockPublicAcls": access["block_public_acls"],
            "BlockPublicPolicy": access["block_public_policy"],
            "IgnorePublicAcls": access["ignore_public_acls"],
            "RestrictPublicBuckets": access["restrict_public_buckets"],
        },
        "old versions, days": rule["noncurrent_version_expiration"][0]["noncurrent_days"],
        "unfinished uploads, days": unfinished[0].get("days_after_initiation"),
        "policy": statements(state.only("aws_s3_bucket_policy")["policy"]),
        "appconfig": appconfig(state),
    }


def appconfig(state):
    """How AppConfig brings the mapping to tasks; empty lists where it does not."""
    return {
        "applications": [a["name"] for a in state.of("aws_appconfig_application")],
        "environments": [[e["application_id"], e["name"], ordered([m["alarm_arn"], m["alarm_role_arn"]] for m in e["monitor"])]
                         for e in state.of("aws_appconfig_environment")],
        "profiles": [[p["application_id"], p["name"], p["location_uri"], p["retrieval_role_arn"], p["type"], upper_keys(p["validator"])]
                     for p in state.of("aws_appconfig_configuration_profile")],
        "strategies": ordered(
            [s["name"], s["deployment_duration_in_minutes"], s["growth_factor"], s["growth_type"], s["final_bake_time_in_minutes"],
             s["replicate_to"]]
            for s in state.of("aws_appconfig_deployment_strategy")
        ),
    }


def image(state):
    repository = state.only("aws_ecr_repository")
    return {
        "name": repository["name"],
        "tags": repository["image_tag_mutability"],
        "scans": repository["image_scanning_configuration"][0]["scan_on_push"],
        "key": next((e["kms_key"] for e in repository["encryption_configuration"]), None),
        "keeps": json.loads(state.only("aws_ecr_lifecycle_policy")["policy"]),
    }


def service(state):
    task = state.only("aws_ecs_task_definition")
    of = state.only("aws_ecs_service")
    clusters = state.of("aws_ecs_cluster")
    container, *beside = json.loads(task["container_definitions"])
    where, = of["network_configuration"]
    platform, = task["runtime_platform"]
    breaker, = of["deployment_circuit_breaker"]
    return {
        "clusters": [[cluster["name"], upper_keys(cluster["setting"]),
                      sorted(p for c in state.of("aws_ecs_cluster_capacity_providers") for p in c["capacity_providers"])]
                     for cluster in clusters],
        "container": compare_container(upper_keys(container)),
        "beside": [upper_keys(c) for c in beside],
        "task": [task["family"], task["cpu"], task["memory"], task["network_mode"], task["requires_compatibilities"],
                 platform["operating_system_family"], platform["cpu_architecture"], [v["name"] for v in task["volume"]],
                 task["execution_role_arn"], task["task_role_arn"]],
        "service": {
            "name": of["name"],
            "launch type": of.get("launch_type") if not of["capacity_provider_strategy"] else None,
            "capacity": ordered([c["capacity_provider"], c["base"], c["weight"]] for c in of["capacity_provider_strategy"]),
            "alarms": [[sorted(a["alarm_names"]), a["enable"], a["rollback"]] for a in of["alarms"]],
            "platform": of["platform_version"],
            "deployment": [of["deployment_minimum_healthy_percent"], of["deployment_maximum_percent"]],
            "circuit breaker": [breaker["enable"], breaker["rollback"]],
            "rebalancing": of["availability_zone_rebalancing"],
            "grace": of["health_check_grace_period_seconds"],
            "exec": of["enable_execute_command"],
            "managed tags": of["enable_ecs_managed_tags"],
            "propagates tags": of["propagate_tags"],
            "public address": where["assign_public_ip"],
            "groups": groups(where, "security_groups"),
            "subnets": groups(where, "subnets"),
            "targets": [[b["container_name"], b["container_port"], b["target_group_arn"]] for b in of["load_balancer"]],
        },
        # Given when the service is made and ignored from then on, which the module's own tests hold.
        "desired count": "left alone",
    }


def roles(state):
    found = {}
    for name in ("execution", "task", "flow_logs", "appconfig"):
        for role in state.of("aws_iam_role", name):
            found[NAMED["aws_iam_role", name]] = {
                "trust": statements(role["assume_role_policy"]),
                "may": ordered(s for p in state.of("aws_iam_role_policy", name) for s in statements(p["policy"])),
                "managed": [a["policy_arn"] for a in state.of("aws_iam_role_policy_attachment", name)],
                "path": role.get("path") or "/",
                "boundary": role.get("permissions_boundary"),
            }
    return found


def scaling(state):
    target = state.only("aws_appautoscaling_target")
    policy, = state.only("aws_appautoscaling_policy")["target_tracking_scaling_policy_configuration"]
    return {
        "between": [target["min_capacity"], target["max_capacity"]],
        "of": [target["service_namespace"], target["scalable_dimension"], target["resource_id"]],
        "metric": policy["predefined_metric_specification"][0]["predefined_metric_type"],
        "target": policy["target_value"],
        "cooldowns": [policy["scale_out_cooldown"], policy["scale_in_cooldown"]],
    }


def alarms(state):
    return ordered(
        {
            "name": a["alarm_name"],
            "metric": [a.get("namespace"), a.get("metric_name"), a.get("statistic")],
            "dimensions": a.get("dimensions") or {},
            "metrics": ordered(
                [m["id"], m.get("return_data") or False] + ([m["expression"], m["label"]] if not m["metric"] else [
                    m["metric"][0]["namespace"], m["metric"][0]["metric_name"], m["metric"][0]["period"], m["metric"][0]["stat"],
                    m["metric"][0]["dimensions"]])
                for m in a["metric_query"]
            ),
            "when": [a["comparison_operator"], a["threshold"], a.get("period"), a["evaluation_periods"], a["datapoints_to_alarm"],
                     a["treat_missing_data"]],
            "tells": [as_list(a.get("alarm_actions")), as_list(a.get("ok_actions"))],
        }
        for a in state.of("aws_cloudwatch_metric_alarm")
    )
