"""Deploys the synthesized stack to a fake AWS through CloudFormation, then asks AWS's APIs what is there.

    python3 deploy.py FOLDER PLAN

FOLDER is what `cdk synth` wrote for the case `nlb`, or for another one with an NLB and a VPC, from PLAN. The fake AWS runs in this process, on a free port of 127.0.0.1, and
ends with it.
"""

import json
import logging
import os
import pathlib
import sys
import time

ACCOUNT, REGION, PREFIX = "111122223333", "eu-west-1", "reverse-proxy-dev"
os.environ.update(
    MOTO_ACCOUNT_ID=ACCOUNT,
    AWS_ACCESS_KEY_ID="fake",
    AWS_SECRET_ACCESS_KEY="fake",
    AWS_DEFAULT_REGION=REGION,
    AWS_EC2_METADATA_DISABLED="true",
    # Nothing of the user's own configuration may reach the fake.
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
)
os.environ.pop("AWS_PROFILE", None)

from moto.server import ThreadedMotoServer  # noqa: E402  (it reads the environment when it is imported)

import resources  # noqa: E402

STEPS = []
PLAN = {}


def expect(what, got, want):
    if got != want:
        raise SystemExit(f"fake AWS: {what}\n  is:        {json.dumps(got, default=str)}\n  should be: {json.dumps(want, default=str)}")
    STEPS.append(what)


def main(folder, plan):
    PLAN.update(json.loads(plan.read_text()))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        resources.install(f"http://{host}:{port}", REGION)
        started = time.monotonic()
        outputs = deploy(folder)
        print(f"fake AWS: deployed in {time.monotonic() - started:.0f} s; outputs: {', '.join(sorted(outputs))}")
        for inspect in (network, security_groups, balancer, certificates, zones, service, roles, mapping, image, scaling, alarms):
            inspect(outputs)
    finally:
        server.stop()
    print("\n".join(f"  ok: {step}" for step in STEPS))
    print(f"fake AWS: {len(STEPS)} facts hold")


def deploy(folder):
    """What `cdk bootstrap` and `cdk deploy` do: assets into their bucket, then the stack."""
    api = resources.api
    api("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
    api("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    manifest = json.loads((folder / "Nameplate.assets.json").read_text())
    for asset in manifest["files"].values():
        (destination,) = asset["destinations"].values()
        api("s3").put_object(Bucket=bucket, Key=destination["objectKey"], Body=(folder / asset["source"]["path"]).read_bytes())
    template = (folder / "Nameplate.template.json").read_text()
    # The certificates are validated in public zones that have to be there.
    for name, zone_id in (("example.com", "Z0123456789COM"), ("example.net", "Z0123456789NET")):
        made = api("route53").create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"].rsplit("/", 1)[-1]
        template = template.replace(zone_id, made)
    key = "Nameplate.template.json"
    api("s3").put_object(Bucket=bucket, Key=key, Body=template.encode())
    url = f"https://s3.{REGION}.amazonaws.com/{bucket}/{key}"
    cloudformation = api("cloudformation")
    resources.CALLS.clear()
    try:
        cloudformation.create_stack(StackName=PREFIX, TemplateURL=url, Capabilities=["CAPABILITY_IAM"])
    except Exception:
        print("\n".join(f"fake AWS: {fault}" for fault in resources.FAULTS), file=sys.stderr)
        raise
    # What CloudFormation did; creating the stack itself was ours.
    (folder / "calls.txt").write_text("\n".join(sorted(resources.CALLS - {"cloudformation:CreateStack"})) + "\n")
    (stack,) = cloudformation.describe_stacks(StackName=PREFIX)["Stacks"]
    expect("the stack is created", stack["StackStatus"], "CREATE_COMPLETE")
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def network(outputs):
    ec2 = resources.api("ec2")
    vpc = outputs["VpcId"]
    mine = [{"Name": "vpc-id", "Values": [vpc]}]
    private = [*mine, {"Name": "tag:Name", "Values": [f"{PREFIX}-private-*"]}]
    found = ec2.describe_subnets(Filters=private)["Subnets"]
    subnets = sorted((s["AvailabilityZone"], s["CidrBlock"], s["MapPublicIpOnLaunch"]) for s in found)
    expect("one private /20 in each zone", subnets, [("eu-west-1a", "10.0.0.0/20", False), ("eu-west-1b", "10.0.16.0/20", False)])
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        name = attribute[0].upper() + attribute[1:]
        expect(f"the VPC has {attribute}", ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)[name]["Value"], True)
    ids = [s["SubnetId"] for s in found]
    tables = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": ids}])["RouteTables"]
    ways_out = [r for t in tables for r in t["Routes"] if r.get("GatewayId") not in (None, "local") and "DestinationCidrBlock" in r]
    expect("no private route table has a way out", (len(tables), ways_out), (2, []))
    endpoints = ec2.describe_vpc_endpoints(Filters=mine)["VpcEndpoints"]
    kinds = sorted((e["ServiceName"].split(f"{REGION}.")[1], e["VpcEndpointType"]) for e in endpoints)
    want = [("ecr.api", "Interface"), ("ecr.dkr", "Interface"), ("execute-api", "Interface"), ("logs", "Interface"), ("s3", "Gateway")]
    expect("the five endpoints", kinds, want)
    private_dns = sorted(e["ServiceName"].split(f"{REGION}.")[1] for e in endpoints if e["VpcEndpointType"] == "Interface" and e["PrivateDnsEnabled"])
    expect("private DNS everywhere but at execute-api", private_dns, ["ecr.api", "ecr.dkr", "logs"])
    expect("VpcEndpointId is the execute-api endpoint", [e["VpcEndpointId"] for e in endpoints if e["ServiceName"].endswith("execute-api")], [outputs["VpcEndpointId"]])
    expect("the VPC has a flow log", len(ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"]), 1)


def groups_by_name(outputs):
    groups = resources.api("ec2").describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [outputs["VpcId"]]}])["SecurityGroups"]
    tagged = {tag["Value"]: group for group in groups for tag in group.get("Tags", []) if tag["Key"] == "Name"}
    return {name.removeprefix(f"{PREFIX}-"): group for name, group in tagged.items()}


def security_groups(outputs):
    groups = groups_by_name(outputs)
    names = {group["GroupId"]: name for name, group in groups.items()}

    def rules(group, way):
        made = []
        for p in group[way]:
            peers = [names.get(pair["GroupId"], pair["GroupId"]) for pair in p["UserIdGroupPairs"]]
            peers += [r["CidrIp"] for r in p["IpRanges"]] + [r["PrefixListId"] for r in p.get("PrefixListIds", [])]
            made += [(p["FromPort"], peer) for peer in peers if peer != "255.255.255.255/32"]
        return sorted(made)

    balancer, task, endpoint = groups["load-balancer"], groups["task"], groups["endpoint"]
    expect("load balancer in: 443 from the VPC", rules(balancer, "IpPermissions"), [(443, "10.0.0.0/16")])
    expect("load balancer out: the tasks' two ports", rules(balancer, "IpPermissionsEgress"), [(8443, "task"), (9901, "task")])
    expect("task in: its two ports from the load balancer", rules(task, "IpPermissions"), [(8443, "load-balancer"), (9901, "load-balancer")])
    expect("task out: endpoints and S3", rules(task, "IpPermissionsEgress"), [(443, "endpoint"), (443, "pl-0123456789abcdef0")])
    expect("endpoint in: 443 from the tasks", rules(endpoint, "IpPermissions"), [(443, "task")])
    expect("endpoint out: nothing", rules(endpoint, "IpPermissionsEgress"), [])
    expect("TaskSecurityGroupId is the tasks' group", outputs["TaskSecurityGroupId"], task["GroupId"])


def balancer(outputs):
    elb = resources.api("elbv2")
    (lb,) = elb.describe_load_balancers()["LoadBalancers"]
    expect("an internal network load balancer", (lb["LoadBalancerName"], lb["Type"], lb["Scheme"]), (f"{PREFIX}-nlb", "network", "internal"))
    expect("it has the security group", lb["SecurityGroups"], [groups_by_name(outputs)["load-balancer"]["GroupId"]])
    expect("ElbDnsName is its name", outputs["ElbDnsName"], lb["DNSName"])
    attributes = {a["Key"]: a["Value"] for a in elb.describe_load_balancer_attributes(LoadBalancerArn=lb["LoadBalancerArn"])["Attributes"]}
    expect("it is protected, and cross-zone", (attributes["deletion_protection.enabled"], attributes["load_balancing.cross_zone.enabled"]), ("true", "true"))
    (listener,) = elb.describe_listeners(LoadBalancerArn=lb["LoadBalancerArn"])["Listeners"]
    expect("a TLS listener on 443", (listener["Protocol"], listener["Port"], listener["SslPolicy"]), ("TLS", 443, "ELBSecurityPolicy-TLS13-1-2-2021-06"))
    (group,) = elb.describe_target_groups()["TargetGroups"]
    expect("targets are addresses, TLS on 8443", (group["TargetType"], group["Protocol"], group["Port"]), ("ip", "TLS", 8443))
    expect("the listener forwards to them", listener["DefaultActions"][0]["TargetGroupArn"], group["TargetGroupArn"])
    check = [group[f"HealthCheck{key}"] for key in ("Protocol", "Port", "Path", "IntervalSeconds", "TimeoutSeconds")]
    expect("their health is /readyz", check, ["HTTP", "9901", "/readyz", 10, 5])
    expect("two in a row count", (group["HealthyThresholdCount"], group["UnhealthyThresholdCount"], group["Matcher"]), (2, 2, {"HttpCode": "200"}))
    attributes = {a["Key"]: a["Value"] for a in elb.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])["Attributes"]}
    got = [attributes[key] for key in ("proxy_protocol_v2.enabled", "preserve_client_ip.enabled", "deregistration_delay.timeout_seconds")]
    expect("the client's address comes by PROXY header", got, ["true", "false", "60"])


def certificates(outputs):
    acm, elb, route53 = (resources.api(name) for name in ("acm", "elbv2", "route53"))
    names = {}
    for summary in acm.list_certificates()["CertificateSummaryList"]:
        made = acm.describe_certificate(CertificateArn=summary["CertificateArn"])["Certificate"]
        names[summary["CertificateArn"]] = sorted({made["DomainName"], *made["SubjectAlternativeNames"]})
    planned = {c["id"]: sorted(set(c["names"])) for c in PLAN["certificates"]}
    expect("the planned certificates", sorted(names.values()), sorted(planned.values()))
    (lb,) = elb.describe_load_balancers()["LoadBalancers"]
    (listener,) = elb.describe_listeners(LoadBalancerArn=lb["LoadBalancerArn"])["Listeners"]
    expect("the default one is the plan's", names[listener["Certificates"][0]["CertificateArn"]], planned[PLAN["default_certificate"]])
    attached = elb.describe_listener_certificates(ListenerArn=listener["ListenerArn"])["Certificates"]
    expect("all are on the listener", sorted({c["CertificateArn"] for c in attached} | {listener["Certificates"][0]["CertificateArn"]}), sorted(names))
    for zone in route53.list_hosted_zones()["HostedZones"]:
        if zone["Name"].rstrip(".") in {c["validation_zone"] for c in PLAN["certificates"]}:
            records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
            expect(f"{zone['Name']} has validation records", any(r["Type"] == "CNAME" for r in records), True)


def zones(outputs):
    route53, elb = resources.api("route53"), resources.api("elbv2")
    (lb,) = elb.describe_load_balancers()["LoadBalancers"]
    got = {}
    for zone in route53.list_hosted_zones()["HostedZones"]:
        if zone["Config"]["PrivateZone"]:
            vpcs = [vpc["VPCId"] for vpc in route53.get_hosted_zone(Id=zone["Id"])["VPCs"]]
            expect(f"{zone['Name']} is the VPC's", vpcs, [outputs["VpcId"]])
            records = [r for r in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"] if r["Type"] == "A"]
            got[zone["Name"]] = sorted(r["Name"].replace("\\052", "*") for r in records)
            for record in records:
                target = record["AliasTarget"]
                expect(f"{record['Name']} is the load balancer", (target["DNSName"].rstrip("."), target["EvaluateTargetHealth"]), (lb["DNSName"], True))
    planned = {f"{zone['name']}.": sorted(f"{record}." for record in zone["records"]) for zone in PLAN["hosted_zones"]}
    expect("the planned zones with their records", got, planned)


def service(outputs):
    ecs = resources.api("ecs")
    (made,) = ecs.describe_services(cluster=outputs["ClusterName"], services=[outputs["ServiceName"]])["services"]
    expect("a Fargate service behind the target group", (made["launchType"], made["loadBalancers"][0]["containerPort"]), ("FARGATE", 8443))
    task = ecs.describe_task_definition(taskDefinition=made["taskDefinition"])["taskDefinition"]
    expect("its size", (task["cpu"], task["memory"], task["runtimePlatform"]["cpuArchitecture"]), ("1024", "2048", "ARM64"))
    (container,) = task["containerDefinitions"]
    expect("the image is in our repository, with a version", container["image"], f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{PREFIX}:0.1.0")
    hardened = (container["user"], container["readonlyRootFilesystem"], container["linuxParameters"]["capabilities"]["drop"])
    expect("it runs as nobody, with nothing", hardened, ("65532:65532", True, ["ALL"]))
    expect("its command and health", (container["command"], container["healthCheck"]["command"]), (["serve"], ["CMD", "/nameplate", "healthcheck"]))
    settings = json.loads(container["environment"][0]["value"])
    expect("its settings are all of its environment", [e["name"] for e in container["environment"]], ["NAMEPLATE_SETTINGS"])
    expect("it reads the mapping from the bucket", settings["mapping"], outputs["MappingUri"])
    expect("it dials the endpoint's own name", settings["endpoint"]["name"], f"{outputs['VpcEndpointId']}-abcdefgh.execute-api.{REGION}.vpce.amazonaws.com")
    expect("it trusts the load balancer's subnets", settings["listeners"][0]["proxy_protocol"], {"trust": ["10.0.0.0/20", "10.0.16.0/20"]})
    (group,) = resources.api("logs").describe_log_groups(logGroupNamePrefix=container["logConfiguration"]["options"]["awslogs-group"])["logGroups"][:1]
    expect("its logs are kept 30 days", group["retentionInDays"], 30)


def roles(outputs):
    iam, ecs = resources.api("iam"), resources.api("ecs")
    (made,) = ecs.describe_services(cluster=outputs["ClusterName"], services=[outputs["ServiceName"]])["services"]
    task = ecs.describe_task_definition(taskDefinition=made["taskDefinition"])["taskDefinition"]

    def statements(arn):
        name = arn.rsplit("/", 1)[1]
        (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
        return iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]

    bucket = outputs["MappingBucket"]
    want = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/mapping.yaml"}]
    expect("a task may read the mapping, and nothing else", statements(task["taskRoleArn"]), want)
    execution = [statement["Resource"] for statement in statements(task["executionRoleArn"])]
    repository = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{PREFIX}"
    expect("starting a task may pull ours and write its log", execution, ["*", repository, f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/nameplate/{PREFIX}:*"])


def mapping(outputs):
    s3 = resources.api("s3")
    bucket = outputs["MappingBucket"]
    expect("MappingUri is in the bucket", outputs["MappingUri"], f"s3://{bucket}/mapping.yaml")
    expect("the bucket is versioned", s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    expect("it is encrypted", rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256")
    expect("it is not public", set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()), {True})
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    expect("it speaks TLS only", (statement["Effect"], statement["Condition"]), ("Deny", {"Bool": {"aws:SecureTransport": "false"}}))
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    expect("old versions go after 90 days", rule["NoncurrentVersionExpiration"], {"NoncurrentDays": 90})


def image(outputs):
    (made,) = resources.api("ecr").describe_repositories()["repositories"]
    expect("the repository's tags are immutable", (made["repositoryUri"], made["imageTagMutability"]), (outputs["EcrRepositoryUrl"], "IMMUTABLE"))


def scaling(outputs):
    api = resources.api("application-autoscaling")
    (target,) = api.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    expect("one to four tasks", (target["ResourceId"], target["MinCapacity"], target["MaxCapacity"]), (f"service/{PREFIX}/{PREFIX}", 1, 4))
    (policy,) = api.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    config = policy["TargetTrackingScalingPolicyConfiguration"]
    metric = config["PredefinedMetricSpecification"]["PredefinedMetricType"]
    expect("by the CPU", (metric, config["TargetValue"]), ("ECSServiceAverageCPUUtilization", 80.0))


def alarms(_):
    # Target tracking has alarms of its own.
    found = resources.api("cloudwatch").describe_alarms(AlarmNamePrefix=f"{PREFIX}-")["MetricAlarms"]
    made = {a["AlarmName"].removeprefix(f"{PREFIX}-"): a for a in found}
    expect("the alarms", sorted(made), ["cpu-high", "no-healthy-target", "tls-errors", "unhealthy-targets"])
    expect("they tell the topic", {action for a in made.values() for action in a["AlarmActions"]}, {f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
