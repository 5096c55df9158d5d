#!/usr/bin/env python3
"""Holds deploy/terraform and deploy/cdk to the same system.

Usage: compare.py FOLDER CASE...: for each case, FOLDER has `terraform-plan-CASE.json` and `terraform-state-CASE.json`, a
plan and a state as `terraform show -json` prints them, and `cdk-CASE/`, what `cdk synth` wrote, of the same variables and
the same plan; and `cdk-variables.json`, CDK's variables with their defaults. Says every difference that is not expected,
and exits with 1 if there is one. Writes `settings-CASE.json`, the settings that both hand to the container, so that
Nameplate itself can be asked what it thinks of them.
"""

import copy
import json
import sys

import cdk
import terraform

# What differs on purpose, as paths into the model, and why. Each must differ in one case at least.
EXPECTED = {
    # CloudFormation's outputs would change with every hot change; `npm run policies` prints the policies instead.
    ("outputs",): "terraform has `policies`",
    # CDK looks nothing up: of an existing VPC it knows the CIDR that it is told, and Terraform asks for the subnets'.
    ("service", "container", "Settings", "listeners", 0, "proxy_protocol", "trust"): "existing VPC",
}

# Variables that only one has: CDK asks AWS nothing when it synthesises, and reads the plan from a file. Terraform's provider
# cannot have the service publish the metric of 20 s. CloudFormation cannot let VPCs of other accounts into a zone.
ONLY_IN = {
    "terraform": {"PLAN", "HIGH_RESOLUTION_METRICS", "AUTHORIZED_VPC_IDS"},
    "cdk": {"PLAN_PATH", "EXISTING_ELB_DNS_NAME", "EXISTING_ELB_ZONE_ID", "EXISTING_ENDPOINT_DNS_NAME", "S3_PREFIX_LIST_ID", "SERVICE"},
}


def differences(left, right, path=()):
    """Where two models differ: the path, and what each has there."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            yield from differences(left.get(key), right.get(key), (*path, key))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, pair in enumerate(zip(left, right)):
            yield from differences(*pair, (*path, index))
    elif left != right:
        yield path, left, right


def leaves(value, path=()):
    """Every value in a model, with its path."""
    if isinstance(value, (dict, list)) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def faults_of(terraform_model, cdk_model, met):
    """What is wrong with two models of one case; adds to `met` the expected differences that there are."""
    for name, model in (("terraform", terraform_model), ("cdk", cdk_model)):
        # A reader that finds nothing agrees with everything.
        empty = [section for section, content in model.items() if not content]
        if empty:
            yield f"{name}: nothing was read of {', '.join(empty)}"
    missing = set(cdk_model["outputs"]) - set(terraform_model["outputs"])
    if missing:
        yield f"outputs: terraform lacks {', '.join(sorted(missing))}"
    for path, left, right in differences(terraform_model, cdk_model):
        expected = next((wanted for wanted in EXPECTED if path[: len(wanted)] == wanted), None)
        if expected:
            met.add(expected)
        else:
            yield f"{' > '.join(map(str, path))}\n    terraform: {json.dumps(left)}\n    cdk:       {json.dumps(right)}"


def blind_spots(model):
    """Values that could be changed without a difference being seen: none, or comparing proves nothing."""
    for path, value in leaves(model):
        changed = copy.deepcopy(model)
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = f"not {value}"
        if not any(difference == path for difference, _, _ in differences(model, changed)):
            yield path


def variable_faults(folder, case):
    """Variables of one tool alone, and defaults that differ."""
    with open(f"{folder}/terraform-plan-{case}.json", encoding="utf-8") as file:
        of_terraform = json.load(file)["configuration"]["root_module"]["variables"]
    with open(f"{folder}/cdk-variables.json", encoding="utf-8") as file:
        of_cdk = json.load(file)
    for own, other, name in ((of_terraform, of_cdk, "terraform"), (of_cdk, of_terraform, "cdk")):
        alone = set(own) - set(other)
        if alone != ONLY_IN[name]:
            yield f"variables: only {name} has {', '.join(sorted(alone ^ ONLY_IN[name]))}, or it has not any more"
    for name in sorted(set(of_terraform) & set(of_cdk)):
        defaults = of_terraform[name].get("default"), of_cdk[name]
        if defaults[0] != defaults[1]:
            yield f"variables: {name}: terraform's default is {defaults[0]!r}, cdk's {defaults[1]!r}"


def main(folder, *cases):
    faults, met = list(variable_faults(folder, cases[0])), set()
    print("\n".join(faults), end="\n" if faults else "")
    wrong = len(faults)
    for case in cases:
        ours = terraform.read(f"{folder}/terraform-state-{case}.json")
        theirs = cdk.read(f"{folder}/cdk-{case}")
        faults = list(faults_of(ours, theirs, met)) + [f"a change of {path} is not seen" for path in blind_spots(theirs)]
        for fault in faults:
            print(f"{case}: {fault}")
        with open(f"{folder}/settings-{case}.json", "w", encoding="utf-8") as file:
            json.dump({**theirs["service"]["container"]["Settings"], "endpoint": {"name": "vpce.example.com"}}, file)
        print(f"parity: {case}: {sum(1 for _ in leaves(theirs))} values compared, {len(faults)} faults")
        wrong += len(faults)
    for expected in set(EXPECTED) - met:
        print(f"{' > '.join(map(str, expected))}: is expected to differ ({EXPECTED[expected]}), and does not any more")
        wrong += 1
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
