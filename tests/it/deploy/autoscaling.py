"""Holds the inputs in a folder against AWS's own model of its APIs (botocore), every enum included, and
puts them through the API that answers at a URL. Says what was put; fails with what is wrong."""

import json
import pathlib
import sys

import boto3
from botocore.validate import ParamValidator

folder, url = pathlib.Path(sys.argv[1]), sys.argv[2]
credentials = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret"}


def client(service):
    return boto3.client(service, region_name="us-east-1", endpoint_url=url, **credentials)


def beyond_enums(shape, value, place):
    """Botocore itself checks types, required members and unknown ones, and no enums."""
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from beyond_enums(shape.members[name], member, f"{place}.{name}")
    elif shape.type_name == "list":
        for at, member in enumerate(value):
            yield from beyond_enums(shape.member, member, f"{place}[{at}]")
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{place}: {value!r} is none of AWS's"


def checked(api, operation, name):
    parameters = json.loads((folder / name).read_text())
    shape = api.meta.service_model.operation_model(operation).input_shape
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        sys.exit(f"{name}: {report.generate_report()}")
    for fault in beyond_enums(shape, parameters, name):
        sys.exit(fault)
    return parameters


ecs, scaling = client("ecs"), client("application-autoscaling")
checked(ecs, "UpdateService", "monitoring.json")
target = checked(scaling, "RegisterScalableTarget", "scalable-target.json")
policies = {
    path.name: checked(scaling, "PutScalingPolicy", path.name)
    for pattern in ("ecs-cpu-*.json", "custom-metric-*.json")
    for path in sorted(folder.glob(pattern))
}

_, cluster, service = target["ResourceId"].split("/")
ecs.create_cluster(clusterName=cluster)
container = {"name": "nameplate", "image": "nameplate", "memory": 512}
ecs.register_task_definition(family="nameplate", containerDefinitions=[container])
ecs.create_service(cluster=cluster, serviceName=service, taskDefinition="nameplate", desiredCount=2)
scaling.register_scalable_target(**target)
for policy in policies.values():
    scaling.put_scaling_policy(**policy)
put = scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=target["ResourceId"])["ScalingPolicies"]
kept = {policy["PolicyName"]: policy["TargetTrackingScalingPolicyConfiguration"] for policy in put}
for name, policy in policies.items():
    if kept[policy["PolicyName"]] != policy["TargetTrackingScalingPolicyConfiguration"]:
        sys.exit(f"{name}: the API kept something else: {kept[policy['PolicyName']]}")
    print("put", name)
