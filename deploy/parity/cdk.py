"""Reads a synthesized template and its nested ones into the model that compare.py compares."""

import json
import os
import re

from words import Names, as_list, ordered, statements, upper_keys

PSEUDO = {
    "AWS::Region": "<region>",
    "AWS::AccountId": "<account>",
    "AWS::Partition": "<partition>",
    "AWS::URLSuffix": "amazonaws.com",
}

# The part of a resource that there is one of.
PARTS = {
    "AWS::EC2::VPC": "<vpc>",
    "AWS::S3::Bucket": "<bucket>",
    "AWS::ECR::Repository": "<repository>",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "<load-balancer>",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "<target-group>",
    "AWS::ElasticLoadBalancingV2::Listener": "<listener>",
    "AWS::ECS::TaskDefinition": "<task-definition>",
    "AWS::ApplicationAutoScaling::ScalableTarget": "<scalable-target>",
    "AWS::AppConfig::Application": "<appconfig-application>",
    "AWS::AppConfig::Environment": "<appconfig-environment>",
    "AWS::AppConfig::ConfigurationProfile": "<appconfig-profile>",
}


# What the case `shared` says of its load balancer and its listener, which Terraform looks up.
LOAD_BALANCER = (
    "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/platform/0123456789abcdef",
    "app/platform/0123456789abcdef",
    "internal-platform.eu-west-1.elb.amazonaws.com",
    "Z0ALOADBALANCER",
)
LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/platform/0123456789abcdef/fedcba9876543210"

# What the cases give as S3_PREFIX_LIST_ID.
S3_PREFIX_LIST = "pl-0123456789abcdef0"


class Template:
    """One template, with references as parts."""

    def __init__(self, path, names):
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        self.resources = document["Resources"]
        self.outputs = document.get("Outputs", {})
        self._names = names

    def properties(self, kind):
        """The properties of each resource of a kind, by logical id."""
        return {
            name: self._names.plain(self._resolve(resource.get("Properties", {})))
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def only(self, kind):
        found = list(self.properties(kind).values())
        assert len(found) == 1, f"{len(found)} of {kind}"
        return found[0]

    def output(self, name):
        return self._names.plain(self._resolve(self.outputs[name]["Value"]))

    def _resolve(self, value):
        if isinstance(value, list):
            return [self._resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), = value.items()
            if key == "Ref":
                return PSEUDO.get(argument) or self._part(argument)
            if key == "Fn::GetAtt":
                attribute = argument[1]
                return self._part(argument[0]) + ("/dns-entries" if attribute == "DnsEntries" else "")
            if key == "Fn::Join":
                return argument[0].join(self._resolve(item) for item in argument[1])
            if key == "Fn::Select":
                return self._resolve(argument[1])
            if key == "Fn::Split":
                return self._resolve(argument[1])
            assert not key.startswith("Fn::"), f"{key} is not understood"
        return {key: self._resolve(item) for key, item in value.items()}

    def _part(self, name):
        if name not in self.resources:
            # A parameter of a nested template is called after what it refers to.
            return "<load-balancer>" if "LoadBalancer" in name else "<vpc>" if "Vpc" in name else f"<{name}>"
        resource = self.resources[name]
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind in PARTS:
            return PARTS[kind]
        if kind in ("AWS::ECS::Cluster", "AWS::ECS::Service"):
            return properties.get("ClusterName") or properties["ServiceName"]
        if kind == "AWS::EC2::SecurityGroup":
            return group_part(properties["GroupDescription"])
        if kind == "AWS::EC2::VPCEndpoint":
            return f"<endpoint {properties['ServiceName'].split('.', 3)[3]}>"
        if kind == "AWS::CloudWatch::Alarm":
            return f"<alarm {properties['AlarmName']}>"
        if kind == "AWS::Logs::LogGroup":
            return "<flow-log-group>" if "flow" in properties["LogGroupName"] else "<log-group>"
        if kind == "AWS::IAM::Role":
            return role_part(properties["Description"])
        if kind == "AWS::CertificateManager::Certificate":
            return f"<certificate {properties['DomainName']}>"
        if kind in ("AWS::EC2::Subnet", "AWS::EC2::RouteTable"):
            return "<public>" if "public" in name.lower() else "<private>"
        if kind == "AWS::Route53::HostedZone":
            return f"<zone {properties['Name'].rstrip('.')}>"
        return f"<{name}>"


def group_part(description):
    for word, part in (("load balancer", "<lb-group>"), ("endpoint", "<endpoint-group>"), ("task", "<task-group>")):
        if word in description:
            return part
    raise AssertionError(f"whose is the security group `{description}`?")


def role_part(description):
    for word, part in (("flow", "<flow-logs-role>"), ("Starts", "<execution-role>"), ("running", "<task-role>"),
                       ("AppConfig reads", "<appconfig-role>")):
        if word in description:
            return part
    raise AssertionError(f"whose is the role `{description}`?")


def read(folder):
    names = Names()
    for text, part in (
        ("eu-west-1", "<region>"),
        ("111122223333", "<account>"),
        ("/nameplate/reverse-proxy-dev/vpc-flow-logs", "<flow-log-group>"),
        ("/nameplate/reverse-proxy-dev", "<log-group>"),
        ("reverse-proxy-dev-mapping-<account>-<region>", "<bucket>"),
        *((given, "<load-balancer>") for given in LOAD_BALANCER),
        (LISTENER, "<listener>"),
    ):
        names.mean(text, part)
    main = Template(os.path.join(folder, "Nameplate.template.json"), names)
    nested = [
        Template(os.path.join(folder, file), names) for file in sorted(os.listdir(folder)) if file.endswith(".nested.template.json")
    ]
    return {
        "network": network(main),
        "endpoints": endpoints(main),
        "security groups": rules(main),
        "load balancer": load_balancer(main),
        "zones": zones([main, *nested]),
        "certificates": certificates(main),
        "mapping": mapping(main),
        "image": image(main),
        "service": service(main),
        "roles": roles(main),
        "scaling": scaling(main),
        "logs": logs(main),
        "alarms": alarms(main),
        "outputs": outputs(main),
    }


def network(main):
    vpcs = list(main.properties("AWS::EC2::VPC").values())
    subnets = main.properties("AWS::EC2::Subnet").values()
    return {
        "vpcs": [[v["CidrBlock"], v["EnableDnsSupport"], v["EnableDnsHostnames"]] for v in vpcs],
        "subnets": ordered([s["AvailabilityZone"], s["CidrBlock"]] for s in subnets),
        "flow logs": [[f["TrafficType"], f["LogDestinationType"], f["LogGroupName"], f["DeliverLogsPermissionArn"]]
                      for f in main.properties("AWS::EC2::FlowLog").values()],
    }


def endpoints(main):
    return ordered(
        {
            "service": e["ServiceName"],
            "type": e["VpcEndpointType"],
            "private dns": e.get("PrivateDnsEnabled", False),
            "groups": as_list(e.get("SecurityGroupIds")),
            "subnets": sorted(set(as_list(e.get("SubnetIds")))),
            "route tables": sorted(set(as_list(e.get("RouteTableIds")))),
            "policy": statements(e["PolicyDocument"]),
        }
        for e in main.properties("AWS::EC2::VPCEndpoint").values()
    )


def rules(main):
    found = []
    for group in main.properties("AWS::EC2::SecurityGroup").values():
        # The rule that matches nothing stands where CloudFormation would add one that allows everything.
        assert [r["CidrIp"] for r in group["SecurityGroupEgress"]] == ["255.255.255.255/32"], group
        assert "SecurityGroupIngress" not in group, group
    for kind, way, peers in (
        ("AWS::EC2::SecurityGroupIngress", "in", ("CidrIp", "SourceSecurityGroupId", "SourcePrefixListId")),
        ("AWS::EC2::SecurityGroupEgress", "out", ("CidrIp", "DestinationSecurityGroupId", "DestinationPrefixListId")),
    ):
        for rule in main.properties(kind).values():
            peer, = [rule[key] for key in peers if key in rule]
            peer = "<s3-prefix-list>" if peer == S3_PREFIX_LIST else peer
            found.append([rule["GroupId"], way, rule["IpProtocol"], rule["FromPort"], rule["ToPort"], peer])
    return ordered(found)


def load_balancer(main):
    group = main.only("AWS::ElasticLoadBalancingV2::TargetGroup")
    more = main.properties("AWS::ElasticLoadBalancingV2::ListenerCertificate").values()
    attributes = lambda of, key: {a["Key"]: a["Value"] for a in of[key]}
    return {
        "made": [
            {
                "name": balancer["Name"],
                "type": balancer["Type"],
                "scheme": balancer["Scheme"],
                "groups": balancer["SecurityGroups"],
                "subnets": sorted(set(balancer["Subnets"])),
                "attributes": attributes(balancer, "LoadBalancerAttributes"),
                "private link": balancer.get("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"),
            }
            for balancer in main.properties("AWS::ElasticLoadBalancingV2::LoadBalancer").values()
        ],
        "listeners": [
            {
                "load balancer": listener["LoadBalancerArn"],
                "port": listener["Port"],
                "protocol": listener["Protocol"],
                "ssl policy": listener["SslPolicy"],
                "certificate": listener["Certificates"][0]["CertificateArn"],
                "forwards to": listener["DefaultActions"][0]["TargetGroupArn"],
            }
            for listener in main.properties("AWS::ElasticLoadBalancingV2::Listener").values()
        ],
        "rules": ordered(
            [rule["ListenerArn"], rule["Priority"], rule["Actions"][0]["TargetGroupArn"],
             sorted(rule["Conditions"][0]["HostHeaderConfig"]["Values"])]
            for rule in main.properties("AWS::ElasticLoadBalancingV2::ListenerRule").values()
        ),
        "more certificates": ordered([item["ListenerArn"], c["CertificateArn"]] for item in more for c in item["Certificates"]),
        "endpoint services": [
            [s["AcceptanceRequired"], s["NetworkLoadBalancerArns"], s.get("PrivateDnsName"),
             sorted(p for of in main.properties("AWS::EC2::VPCEndpointServicePermissions").values() for p in of["AllowedPrincipals"])]
            for s in main.properties("AWS::EC2::VPCEndpointService").values()
        ],
        "target group": {
            "name": group["Name"],
            "port": group["Port"],
            "protocol": group["Protocol"],
            "version": group.get("ProtocolVersion"),
            "target type": group["TargetType"],
            "attributes": attributes(group, "TargetGroupAttributes"),
        },
        "health check": [
            group["HealthCheckProtocol"], group["HealthCheckPort"], group["HealthCheckPath"], group["Matcher"]["HttpCode"],
            group["HealthCheckIntervalSeconds"], group["HealthCheckTimeoutSeconds"], group["HealthyThresholdCount"],
            group["UnhealthyThresholdCount"],
        ],
    }


def zones(templates):
    found, records = [], []
    for template in templates:
        for zone in template.properties("AWS::Route53::HostedZone").values():
            found.append([zone["Name"].rstrip("."), [vpc["VPCId"] for vpc in zone["VPCs"]]])
        for record in template.properties("AWS::Route53::RecordSet").values():
            alias = record["AliasTarget"]
            target = re.sub(r"^dualstack\.", "", alias["DNSName"])
            records.append([record["HostedZoneId"], record["Name"].rstrip("."), record["Type"], target, alias["EvaluateTargetHealth"]])
    return {"zones": ordered(found), "records": ordered(records)}


def certificates(main):
    return ordered(
        [[c["DomainName"], *sorted(c.get("SubjectAlternativeNames", []))], c["ValidationMethod"]]
        if "CertificateAuthorityArn" not in c else [c["DomainName"], c["CertificateAuthorityArn"]]
        for c in main.properties("AWS::CertificateManager::Certificate").values()
    )


def mapping(main):
    if not main.properties("AWS::S3::Bucket"):
        return {"brought": True}
    bucket = main.only("AWS::S3::Bucket")
    policy = main.only("AWS::S3::BucketPolicy")
    rule, = bucket["LifecycleConfiguration"]["Rules"]
    return {
        "encryption": [[r["ServerSideEncryptionByDefault"]["SSEAlgorithm"],
                        r["ServerSideEncryptionByDefault"].get("KMSMasterKeyID"), r.get("BucketKeyEnabled", False)]
                       for r in bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]],
        "versioning": bucket["VersioningConfiguration"]["Status"],
        "ownership": bucket["OwnershipControls"]["Rules"][0]["ObjectOwnership"],
        "public access": bucket["PublicAccessBlockConfiguration"],
        "old versions, days": rule["NoncurrentVersionExpiration"]["NoncurrentDays"],
        "unfinished uploads, days": rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        "policy": statements(policy["PolicyDocument"]),
        "appconfig": appconfig(main),
    }


def appconfig(main):
    """How AppConfig brings the mapping to tasks; empty lists where it does not."""
    return {
        "applications": [a["Name"] for a in main.properties("AWS::AppConfig::Application").values()],
        "environments": [[e["ApplicationId"], e["Name"], ordered([m["AlarmArn"], m["AlarmRoleArn"]] for m in e["Monitors"])]
                         for e in main.properties("AWS::AppConfig::Environment").values()],
        "profiles": [[p["ApplicationId"], p["Name"], p["LocationUri"], p["RetrievalRoleArn"], p["Type"], p.get("Validators", [])]
                     for p in main.properties("AWS::AppConfig::ConfigurationProfile").values()],
        "strategies": ordered(
            [s["Name"], s["DeploymentDurationInMinutes"], s["GrowthFactor"], s["GrowthType"], s["FinalBakeTimeInMinutes"], s["ReplicateTo"]]
            for s in main.properties("AWS::AppConfig::DeploymentStrategy").values()
        ),
    }


def image(main):
    repository = main.only("AWS::ECR::Repository")
    return {
        "name": repository["RepositoryName"],
        "tags": repository["ImageTagMutability"],
        "scans": repository["ImageScanningConfiguration"]["ScanOnPush"],
        "key": repository.get("EncryptionConfiguration", {}).get("KmsKey"),
        "keeps": json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"]),
    }


def service(main):
    task = main.only("AWS::ECS::TaskDefinition")
    of = main.only("AWS::ECS::Service")
    clusters = main.properties("AWS::ECS::Cluster").values()
    container, *beside = task["ContainerDefinitions"]
    where = of["NetworkConfiguration"]["AwsvpcConfiguration"]
    return {
        "clusters": [[cluster["ClusterName"], cluster["ClusterSettings"], sorted(cluster.get("CapacityProviders", []))]
                     for cluster in clusters],
        "container": compare_container(upper_keys(container)),
        "beside": [upper_keys(c) for c in beside],
        "task": [task["Family"], str(task["Cpu"]), str(task["Memory"]), task["NetworkMode"], task["RequiresCompatibilities"],
                 task["RuntimePlatform"]["OperatingSystemFamily"], task["RuntimePlatform"]["CpuArchitecture"],
                 [v["Name"] for v in task["Volumes"]], task["ExecutionRoleArn"], task["TaskRoleArn"]],
        "service": {
            "name": of["ServiceName"],
            "launch type": of.get("LaunchType"),
            "capacity": ordered([c["CapacityProvider"], c["Base"], c["Weight"]] for c in of.get("CapacityProviderStrategy", [])),
            "alarms": [[sorted(a["AlarmNames"]), a["Enable"], a["Rollback"]]
                       for a in [of["DeploymentConfiguration"].get("Alarms")] if a],
            "platform": of["PlatformVersion"],
            "deployment": [of["DeploymentConfiguration"]["MinimumHealthyPercent"], of["DeploymentConfiguration"]["MaximumPercent"]],
            "circuit breaker": list(of["DeploymentConfiguration"]["DeploymentCircuitBreaker"].values()),
            "rebalancing": of["AvailabilityZoneRebalancing"],
            "grace": of["HealthCheckGracePeriodSeconds"],
            "exec": of["EnableExecuteCommand"],
            "managed tags": of.get("EnableECSManagedTags", False),
            "propagates tags": of["PropagateTags"],
            "public address": where["AssignPublicIp"] == "ENABLED",
            "groups": where["SecurityGroups"],
            "subnets": sorted(set(where["Subnets"])),
            "targets": [[b["ContainerName"], b["ContainerPort"], b["TargetGroupArn"]] for b in of["LoadBalancers"]],
        },
        "desired count": of.get("DesiredCount", "left alone"),
    }


def compare_container(container):
    """A container definition, whose settings are JSON in a text."""
    environment = {item["Name"]: item["Value"] for item in container["Environment"]}
    settings = json.loads(environment.pop("NAMEPLATE_SETTINGS"))
    settings["endpoint"]["name"] = "<its DNS name>"
    for port in container["PortMappings"]:
        # A task has addresses of its own (awsvpc), so there is no other host port.
        assert port.setdefault("HostPort", port["ContainerPort"]) == port["ContainerPort"], port
    return {
        **{key: value for key, value in container.items() if key != "Environment"},
        "Environment": environment,
        "Settings": settings,
    }


def roles(main):
    found = {}
    for role in main.properties("AWS::IAM::Role").values():
        found[role_part(role["Description"])] = {
            "trust": statements(role["AssumeRolePolicyDocument"]),
            "may": ordered(s for p in role["Policies"] for s in statements(p["PolicyDocument"])),
            "managed": role.get("ManagedPolicyArns", []),
            "path": role.get("Path", "/"),
            "boundary": role.get("PermissionsBoundary"),
        }
    return found


def scaling(main):
    target = main.only("AWS::ApplicationAutoScaling::ScalableTarget")
    policy = main.only("AWS::ApplicationAutoScaling::ScalingPolicy")["TargetTrackingScalingPolicyConfiguration"]
    return {
        "between": [target["MinCapacity"], target["MaxCapacity"]],
        "of": [target["ServiceNamespace"], target["ScalableDimension"], target["ResourceId"]],
        "metric": policy["PredefinedMetricSpecification"]["PredefinedMetricType"],
        "target": policy["TargetValue"],
        "cooldowns": [policy["ScaleOutCooldown"], policy["ScaleInCooldown"]],
    }


def logs(main):
    return ordered([g["LogGroupName"], g["RetentionInDays"], g.get("KmsKeyId")] for g in main.properties("AWS::Logs::LogGroup").values())


def alarms(main):
    return ordered(
        {
            "name": a["AlarmName"],
            "metric": [a.get("Namespace"), a.get("MetricName"), a.get("Statistic")],
            "dimensions": {d["Name"]: d["Value"] for d in a.get("Dimensions", [])},
            "metrics": ordered(
                [m["Id"], m["ReturnData"]] + ([m["Expression"], m["Label"]] if "Expression" in m else [
                    m["MetricStat"]["Metric"]["Namespace"], m["MetricStat"]["Metric"]["MetricName"], m["MetricStat"]["Period"],
                    m["MetricStat"]["Stat"], {d["Name"]: d["Value"] for d in m["MetricStat"]["Metric"]["Dimensions"]}])
                for m in a.get("Metrics", [])
            ),
            "when": [a["ComparisonOperator"], a["Threshold"], a.get("Period"), a["EvaluationPeriods"], a["DatapointsToAlarm"],
                     a["TreatMissingData"]],
            "tells": [as_list(a.get("AlarmActions")), as_list(a.get("OKActions"))],
        }
        for a in main.properties("AWS::CloudWatch::Alarm").values()
    )


def outputs(main):
    return sorted(re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in main.outputs)
