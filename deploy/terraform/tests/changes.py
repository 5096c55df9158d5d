#!/usr/bin/env python3
"""What `deploy/terraform/tests/check.sh` plans, and what must come of it.

    changes.py cases FOLDER             writes FOLDER/{nlb,alb,staged,existing,shared}.tfvars.json, five deployments of one plan
    changes.py change NAME FOLDER       writes FOLDER/mapping.yaml and FOLDER/NAME.tfvars.json: a case, and then a change
    changes.py expect NAME PLAN.json    holds `terraform show -json` of that change's plan against what it may change
    changes.py order NAME APPLY.log     holds what `terraform apply` said of that change against the order it must keep
"""

import hashlib
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULE = "module.nameplate."

NLB = {
    "AVAILABILITY_ZONES": ["eu-west-1a", "eu-west-1b"],
    "ALARM_TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:alarms",
}
CASES = {
    "nlb": NLB,
    "alb": {
        **NLB,
        "ELB_TYPE": "ALB",
        "LISTENER_TLS": False,
        "HIGH_RESOLUTION_SCALING": True,
        "ALB_IDLE_TIMEOUT": 120,
        "DROP_INVALID_HEADER_FIELDS": True,
        "EXISTING_BUCKET": "platform-nameplate",
        "EXISTING_CLUSTER": "platform",
        "EXECUTION_ROLE_ARN": "arn:aws:iam::111122223333:role/platform/start",
        "TASK_ROLE_ARN": "arn:aws:iam::111122223333:role/platform/run",
    },
    "staged": {
        **NLB,
        "PRIVATE_CA_ARN": "arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef",
        "FLOW_LOGS": False,
        "CONTAINER_INSIGHTS": "disabled",
        "IMAGE_DIGEST": "sha256:" + "0" * 64,
        "DEPLOYMENT_ALARMS": ["errors"],
        "FARGATE_SPOT_PCT": 70,
        "ENDPOINT_SERVICE": True,
        "ENDPOINT_SERVICE_PRINCIPALS": ["arn:aws:iam::444455556666:root"],
        "ENDPOINT_SERVICE_DNS_NAME": "internal.private.example.com",
        "AUTHORIZED_VPC_IDS": ["vpc-0fedcba9876543210"],
        "MAPPING_SOURCE": "appconfig",
        "APPCONFIG_AGENT_IMAGE": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/aws-appconfig-agent:2.x",
    },
    "existing": {
        "ALARM_TOPIC_ARN": NLB["ALARM_TOPIC_ARN"],
        "CREATE_VPC": False,
        "EXTERNAL_VPC_ID": "vpc-0123456789abcdef0",
        "EXTERNAL_PRIVATE_SUBNETS_ID": ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
        "EXISTING_ENDPOINTS": {"execute-api": "vpce-0123456789abcdef0"},
        "ROUTE_TABLE_IDS": ["rtb-0123456789abcdef0"],
        "ECS_EXEC": True,
        # And what else a platform team brings.
        "VPC_SECONDARY_CIDRS": ["100.64.0.0/16"],
        "DNS_SERVER_CIDRS": ["10.0.0.10/32"],
        "CLIENT_PREFIX_LIST_IDS": ["pl-0fedcba9876543210"],
        "CLIENT_SECURITY_GROUP_IDS": ["sg-0fedcba9876543210"],
        "SSL_POLICY": "ELBSecurityPolicy-TLS13-1-3-2021-06",
        "HOSTED_ZONES": "existing",
        "HOSTED_ZONE_IDS": {"internal.private.example.com": "Z0INTERNAL", "team.internal.private.example.com": "Z0TEAM"},
        "PERMISSIONS_BOUNDARY_ARN": "arn:aws:iam::111122223333:policy/boundary",
        "IAM_PATH": "/platform/",
        "LOGS_KMS_KEY_ARN": "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-000000000001",
        "ECR_KMS_KEY_ARN": "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-000000000002",
        "S3_KMS_KEY_ARN": "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-000000000003",
    },
    # Rules in a listener that others use.
    "shared": {
        "ALARM_TOPIC_ARN": NLB["ALARM_TOPIC_ARN"],
        "CREATE_VPC": False,
        "EXTERNAL_VPC_ID": "vpc-0123456789abcdef0",
        "EXTERNAL_PRIVATE_SUBNETS_ID": ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
        "ROUTE_TABLE_IDS": ["rtb-0123456789abcdef0"],
        "ELB_TYPE": "ALB",
        "EXTERNAL_ALB_SG_ID": "sg-0123456789abcdef0",
        "EXISTING_ELB_ARN": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/platform/0123456789abcdef",
        "EXISTING_LISTENER_ARN": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/platform/0123456789abcdef/fedcba9876543210",
        "LISTENER_RULE_PRIORITIES": {"internal.private.example.com": 100, "team.internal.private.example.com": 200},
    },
}


# --- Changes: each takes the variables and the mapping of `nlb`, and says which actions may be planned ----------------


def entry(domain, api):
    url = f"https://{api}.execute-api.eu-west-1.amazonaws.com/prod"
    return f"  - CUSTOM_DOMAIN_URL: {domain}\n    PRIVATE_API_URL: {url}\n"


def another_domain(variables, mapping):
    """A domain under a parent that is mapped already, for an API that is new: a hot change."""
    plan = variables["PLAN"]
    plan["hosted_zones"][0]["domains"] += 1
    plan["api_ids"]["eu-west-1"].append("apiid3")
    plan["resource_policies"].append({**plan["resource_policies"][1], "api_id": "apiid3"})
    plan["warnings"].append({"about": "mapping", "name": "api3", "what": "something", "help": "nothing"})
    return mapping + entry("api3.internal.private.example.com", "apiid3")


def another_parent(variables, mapping):
    """The first domain under a new parent: it needs a zone and a certificate."""
    plan = variables["PLAN"]
    plan["hosted_zones"].append({"name": "shop.example.com", "records": ["*.shop.example.com"], "domains": 1})
    names = ["*.shop.example.com"]
    plan["certificates"].append({"id": "c-0a0a0a0a0a", "names": names, "validation_zone": "example.com"})
    return mapping + entry("api1.shop.example.com", "apiid1")


def another_packing(variables, mapping):
    """A certificate gives way to another that has its name too: first attached, then detached."""
    mapping = another_parent(variables, mapping)
    names = ["*.shop.example.com", "shop.example.com"]
    variables["PLAN"]["certificates"][-1] = {"id": "c-0b0b0b0b0b", "names": names, "validation_zone": "example.com"}
    return mapping


def another_load_balancer(variables, mapping):
    """An ALB in place of the NLB: deletion protection refuses the old one, so the new one has to serve before that."""
    variables.update(ELB_TYPE="ALB", DELETION_PROTECTION=False)
    return mapping


def more_clients(variables, mapping):
    """Clients of two other networks in place of the VPC's own."""
    variables.update(CLIENT_CIDRS=["10.0.0.0/8", "192.168.0.0/16"])
    return mapping


def fewer_clients(variables, mapping):
    """The first of two networks goes. EC2 would refuse to change its rule into the second's, which is there."""
    variables.update(CLIENT_CIDRS=["192.168.0.0/16"])
    return mapping


def another_size(variables, mapping):
    """No change of the mapping at all. It shows that changes of tasks would be seen."""
    variables.update(TASK_CPU=2048, TASK_MEMORY=4096)
    return mapping


ATTACHED = {"terraform_data.attached_certificates": ["update"]}
THE_OBJECT = {"aws_s3_object.mapping[0]": ["update"]}
CHANGES = {
    "hot": (another_domain, THE_OBJECT),
    "rollout": (  # over `staged`, whose mapping goes through AppConfig
        another_domain,
        {**THE_OBJECT, "aws_appconfig_deployment.mapping[0]": ["delete", "create"]},
    ),
    "parent": (
        another_parent,
        {
            **THE_OBJECT,
            'aws_route53_zone.private["shop.example.com"]': ["create"],
            'aws_route53_record.private["*.shop.example.com"]': ["create"],
            'aws_acm_certificate.planned["c-0a0a0a0a0a"]': ["create"],
            'aws_route53_record.validation["shop.example.com"]': ["create"],
            'aws_acm_certificate_validation.planned["c-0a0a0a0a0a"]': ["create"],
            'aws_lb_listener_certificate.planned["c-0a0a0a0a0a"]': ["create"],
            **ATTACHED,
        },
    ),
    "repack": (  # over `parent`; the validation record is the same, and stays as it is
        another_packing,
        {
            'aws_acm_certificate.planned["c-0b0b0b0b0b"]': ["create"],
            'aws_acm_certificate_validation.planned["c-0b0b0b0b0b"]': ["create"],
            'aws_lb_listener_certificate.planned["c-0b0b0b0b0b"]': ["create"],
            'aws_lb_listener_certificate.planned["c-0a0a0a0a0a"]': ["delete"],
            'aws_acm_certificate_validation.planned["c-0a0a0a0a0a"]': ["delete"],
            'aws_acm_certificate.planned["c-0a0a0a0a0a"]': ["delete"],
            **ATTACHED,
        },
    ),
    "elb": (
        another_load_balancer,
        {
            "aws_lb.this[0]": ["create", "delete"],
            "aws_lb_listener.this[0]": ["create", "delete"],
            "aws_lb_target_group.this": ["create", "delete"],
            "aws_ecs_task_definition.this": ["delete", "create"],
            "aws_ecs_service.this": ["update"],
            'aws_cloudwatch_metric_alarm.this["no-healthy-target"]': ["update"],
            'aws_cloudwatch_metric_alarm.this["unhealthy-targets"]': ["update"],
            'aws_cloudwatch_metric_alarm.this["tls-errors"]': ["delete"],
            'aws_cloudwatch_metric_alarm.this["server-errors"]': ["create"],
            'aws_route53_record.private["*.internal.private.example.com"]': ["update"],
            'aws_route53_record.private["*.team.internal.private.example.com"]': ["update"],
            'aws_route53_record.private["team.internal.private.example.com"]': ["update"],
        },
    ),
    "clients": (
        more_clients,
        {
            'aws_vpc_security_group_ingress_rule.clients["10.0.0.0/16"]': ["delete"],
            'aws_vpc_security_group_ingress_rule.clients["10.0.0.0/8"]': ["create"],
            'aws_vpc_security_group_ingress_rule.clients["192.168.0.0/16"]': ["create"],
        },
    ),
    "fewer": (fewer_clients, {'aws_vpc_security_group_ingress_rule.clients["10.0.0.0/8"]': ["delete"]}),  # over `clients`
    "size": (
        another_size,
        {"aws_ecs_task_definition.this": ["delete", "create"], "aws_ecs_service.this": ["update"]},
    ),
}

# What must be done before what comes after it: the beginnings of lines that `terraform apply` writes.
ORDERS = {
    "repack": [
        'aws_acm_certificate_validation.planned["c-0b0b0b0b0b"]: Creation complete',
        'aws_lb_listener_certificate.planned["c-0b0b0b0b0b"]: Creation complete',
        'aws_lb_listener_certificate.planned["c-0a0a0a0a0a"]: Destroying',
        'aws_acm_certificate.planned["c-0a0a0a0a0a"]: Destroying',
    ],
    "elb": [
        "aws_lb.this[0]: Creation complete",
        "aws_lb_listener.this[0]: Creation complete",
        "aws_ecs_service.this: Modifications complete",
        "aws_lb_listener.this[0] DEPOSED: Destroying",
        "aws_lb.this[0] DEPOSED: Destroying",
    ],
}


# --- The command line -------------------------------------------------------------------------------------------------


def write_json(path, value):
    Path(path).write_text(json.dumps(value, indent=2) + "\n")


def variables_of(case, folder):
    plan = json.loads((HERE / "plan.json").read_text())
    if case == "staged":
        plan["import_names"] = ["*.orders.corp"]
    return {
        "PLAN": plan,
        "PROXY_CONFIG_PATH": str(Path(folder).resolve() / "mapping.yaml"),
        **CASES[case],
    }


def write_cases(folder):
    (Path(folder) / "mapping.yaml").write_bytes((HERE / "mapping.yaml").read_bytes())
    for case in CASES:
        write_json(Path(folder) / f"{case}.tfvars.json", variables_of(case, folder))


def write_change(name, folder):
    variables = variables_of("staged" if name == "rollout" else "nlb", folder)
    mapping = CHANGES[name][0](variables, (HERE / "mapping.yaml").read_text())
    sha256 = hashlib.sha256(mapping.encode()).hexdigest()
    variables["PLAN"]["mapping"].update(version=sha256[:12], sha256=sha256)
    (Path(folder) / "mapping.yaml").write_text(mapping)
    write_json(Path(folder) / f"{name}.tfvars.json", variables)


def expect(name, plan):
    changes, expected = CHANGES[name][0].__doc__.strip(), CHANGES[name][1]
    planned = {
        change["address"].removeprefix(MODULE): change["change"]["actions"]
        for change in json.loads(Path(plan).read_text())["resource_changes"]
        if change["mode"] == "managed" and change["change"]["actions"] != ["no-op"]
    }
    print(f"{name}: {changes}")
    for address, actions in sorted(planned.items()):
        print(f"  {'/'.join(actions)} {address}")
    if planned == expected:
        return 0
    for address in sorted(planned.keys() ^ expected.keys() | {a for a in planned if planned[a] != expected.get(a)}):
        print(f"  WRONG: {address}: planned {planned.get(address)}, expected {expected.get(address)}", file=sys.stderr)
    return 1


def order(name, log):
    lines = [line.removeprefix(MODULE) for line in Path(log).read_text().splitlines()]
    places = []
    for step in ORDERS[name]:
        pattern = re.compile(re.escape(step).replace("DEPOSED", r"\(deposed object [0-9a-f]+\)"))
        places.append(next((place for place, line in enumerate(lines) if pattern.match(line)), None))
    if None not in places and places == sorted(places):
        print(f"  in this order: {', then '.join(ORDERS[name])}")
        return 0
    for step, place in zip(ORDERS[name], places):
        print(f"  WRONG ORDER: line {place} of the log: {step}", file=sys.stderr)
    return 1


def main(arguments):
    match arguments:
        case ["cases", folder]:
            write_cases(folder)
        case ["change", name, folder]:
            write_change(name, folder)
        case ["expect", name, plan]:
            return expect(name, plan)
        case ["order", name, log]:
            return order(name, log)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
