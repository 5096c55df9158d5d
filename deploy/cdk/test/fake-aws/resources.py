"""CloudFormation resources, each made by calling AWS's own API for it.

moto's CloudFormation evaluates templates, but knows few properties, and of load balancers, certificates and scaling not even
the types. So it keeps the evaluation (references, functions, order, nested stacks), and every resource of ours is made here:
its properties become the request of AWS's API by AWS's own model of it (botocore), which names no property that the
API does not have and lets no wrong type through. A type without a function here is an error, never skipped.
"""

import json

import boto3
from botocore.config import Config
from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel

MAKERS = {}
ENDPOINT = {}
# What the resources below called, as "service:Operation": deploy/policies holds its policies against it.
CALLS = set()
# What went wrong while a resource was made; CloudFormation's answer does not say it.
FAULTS = []


def api(service):
    """A client of the fake AWS itself."""
    once = Config(retries={"total_max_attempts": 1})
    client = boto3.client(service, endpoint_url=ENDPOINT["url"], region_name=ENDPOINT["region"], config=once)
    client.meta.events.register("before-call", lambda model, **_: CALLS.add(f"{prefix_of(model.service_model)}:{model.name}"))
    return client


def prefix_of(service_model):
    """The service's name in IAM."""
    return {"monitoring": "cloudwatch"}.get(service_model.signing_name, service_model.signing_name)


def makes(cloudformation_type):
    """Registers what makes resources of a type: (properties, logical id) -> (Ref, what Fn::GetAtt gives)."""

    def register(function):
        MAKERS[cloudformation_type] = function
        return function

    return register


def request(client, operation, properties):
    """The properties as a request of the operation: names by its model, whatever their case; maps keep their keys."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    return translate(shape, properties, operation)


def translate(shape, value, where):
    if shape.type_name == "structure":
        members = {name.lower(): name for name in shape.members}
        made = {}
        for key, item in value.items():
            name = members.get(key.lower())
            if name is None:
                raise ValueError(f"{where}: AWS's API has no {key}; it has {', '.join(shape.members)}")
            made[name] = translate(shape.members[name], item, f"{where}.{key}")
        return made
    if shape.type_name == "list":
        return [translate(shape.member, item, f"{where}[]") for item in value]
    if shape.type_name == "boolean" and isinstance(value, str):
        return value == "true"
    if shape.type_name in ("integer", "long") and isinstance(value, str):
        return int(value)
    if shape.type_name == "string" and isinstance(value, (dict, list)):
        return json.dumps(value)  # policy documents
    return value


def without(properties, *names):
    return {key: value for key, value in properties.items() if key not in names}


# --- Network ---


@makes("AWS::EC2::VPC")
def vpc(p, _):
    ec2 = api("ec2")
    made = ec2.create_vpc(CidrBlock=p["CidrBlock"])["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=made, EnableDnsSupport={"Value": p["EnableDnsSupport"]})
    ec2.modify_vpc_attribute(VpcId=made, EnableDnsHostnames={"Value": p["EnableDnsHostnames"]})
    ec2.create_tags(Resources=[made], Tags=p["Tags"])
    return made, {"VpcId": made}


@makes("AWS::EC2::Subnet")
def subnet(p, _):
    ec2 = api("ec2")
    made = ec2.create_subnet(**request(ec2, "CreateSubnet", without(p, "MapPublicIpOnLaunch", "Tags")))["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=made, MapPublicIpOnLaunch={"Value": p["MapPublicIpOnLaunch"]})
    ec2.create_tags(Resources=[made], Tags=p["Tags"])
    return made, {"SubnetId": made}


@makes("AWS::EC2::RouteTable")
def route_table(p, _):
    made = api("ec2").create_route_table(VpcId=p["VpcId"])["RouteTable"]["RouteTableId"]
    return made, {"RouteTableId": made}


@makes("AWS::EC2::SubnetRouteTableAssociation")
def association(p, _):
    return api("ec2").associate_route_table(RouteTableId=p["RouteTableId"], SubnetId=p["SubnetId"])["AssociationId"], {}


@makes("AWS::EC2::InternetGateway")
def internet_gateway(p, _):
    made = api("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    return made, {"InternetGatewayId": made}


@makes("AWS::EC2::VPCGatewayAttachment")
def attachment(p, logical_id):
    api("ec2").attach_internet_gateway(InternetGatewayId=p["InternetGatewayId"], VpcId=p["VpcId"])
    return logical_id, {}


@makes("AWS::EC2::Route")
def route(p, logical_id):
    ec2 = api("ec2")
    ec2.create_route(**request(ec2, "CreateRoute", p))
    return logical_id, {}


@makes("AWS::EC2::FlowLog")
def flow_log(p, _):
    ec2 = api("ec2")
    sent = {**without(p, "ResourceId", "Tags"), "ResourceIds": [p["ResourceId"]]}
    made = ec2.create_flow_logs(**request(ec2, "CreateFlowLogs", sent))
    if made["Unsuccessful"]:
        raise ValueError(f"flow log: {made['Unsuccessful']}")
    return made["FlowLogIds"][0], {}


@makes("AWS::EC2::VPCEndpoint")
def endpoint(p, _):
    ec2 = api("ec2")
    made = ec2.create_vpc_endpoint(**request(ec2, "CreateVpcEndpoint", without(p, "Tags")))["VpcEndpoint"]["VpcEndpointId"]
    service = p["ServiceName"].rsplit(".", 1)[-1]
    return made, {"Id": made, "DnsEntries": [f"Z38GZ743OKFT7T:{made}-abcdefgh.{service}.{ENDPOINT['region']}.vpce.amazonaws.com"]}


# --- Security groups ---


@makes("AWS::EC2::SecurityGroup")
def security_group(p, logical_id):
    ec2 = api("ec2")
    made = ec2.create_security_group(GroupName=logical_id, Description=p["GroupDescription"], VpcId=p["VpcId"])["GroupId"]
    if "SecurityGroupEgress" in p:
        # As CloudFormation does it: egress rules of one's own replace the one that allows everything.
        default = ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]["IpPermissionsEgress"]
        ec2.revoke_security_group_egress(GroupId=made, IpPermissions=default)
        for rule in p["SecurityGroupEgress"]:
            ec2.authorize_security_group_egress(GroupId=made, IpPermissions=[permission(rule)])
    ec2.create_tags(Resources=[made], Tags=p["Tags"])
    return made, {"GroupId": made}


def permission(rule):
    made = {"IpProtocol": rule["IpProtocol"], "FromPort": rule["FromPort"], "ToPort": rule["ToPort"]}
    described = {"Description": rule["Description"]}
    for group in ("SourceSecurityGroupId", "DestinationSecurityGroupId"):
        if group in rule:
            made["UserIdGroupPairs"] = [{"GroupId": rule[group], **described}]
    if "CidrIp" in rule:
        made["IpRanges"] = [{"CidrIp": rule["CidrIp"], **described}]
    if "DestinationPrefixListId" in rule:
        made["PrefixListIds"] = [{"PrefixListId": rule["DestinationPrefixListId"], **described}]
    return made


@makes("AWS::EC2::SecurityGroupIngress")
def ingress(p, logical_id):
    api("ec2").authorize_security_group_ingress(GroupId=p["GroupId"], IpPermissions=[permission(p)])
    return logical_id, {}


@makes("AWS::EC2::SecurityGroupEgress")
def egress(p, logical_id):
    api("ec2").authorize_security_group_egress(GroupId=p["GroupId"], IpPermissions=[permission(p)])
    return logical_id, {}


# --- Load balancer and certificates ---


@makes("AWS::ElasticLoadBalancingV2::LoadBalancer")
def load_balancer(p, _):
    elb = api("elbv2")
    made = elb.create_load_balancer(**request(elb, "CreateLoadBalancer", without(p, "LoadBalancerAttributes")))["LoadBalancers"][0]
    arn = made["LoadBalancerArn"]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=p["LoadBalancerAttributes"])
    return arn, {
        "DNSName": made["DNSName"],
        "CanonicalHostedZoneID": made["CanonicalHostedZoneId"],
        "LoadBalancerFullName": arn.split(":loadbalancer/")[1],
    }


@makes("AWS::ElasticLoadBalancingV2::TargetGroup")
def target_group(p, _):
    elb = api("elbv2")
    made = elb.create_target_group(**request(elb, "CreateTargetGroup", without(p, "TargetGroupAttributes")))["TargetGroups"][0]
    arn = made["TargetGroupArn"]
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=p["TargetGroupAttributes"])
    return arn, {"TargetGroupFullName": arn.rsplit(":", 1)[1]}


@makes("AWS::ElasticLoadBalancingV2::Listener")
def listener(p, _):
    elb = api("elbv2")
    return elb.create_listener(**request(elb, "CreateListener", p))["Listeners"][0]["ListenerArn"], {}


@makes("AWS::ElasticLoadBalancingV2::ListenerCertificate")
def listener_certificate(p, logical_id):
    if len(p["Certificates"]) != 1:
        raise ValueError("CloudFormation takes one certificate a resource")
    api("elbv2").add_listener_certificates(ListenerArn=p["ListenerArn"], Certificates=p["Certificates"])
    return logical_id, {}


@makes("AWS::CertificateManager::Certificate")
def certificate(p, _):
    acm, route53 = api("acm"), api("route53")
    arn = acm.request_certificate(**request(acm, "RequestCertificate", without(p, "DomainValidationOptions")))["CertificateArn"]
    zones = {option["DomainName"]: option["HostedZoneId"] for option in p.get("DomainValidationOptions", [])}
    for option in acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]:
        if option["DomainName"] in zones:
            record = option["ResourceRecord"]
            upsert(route53, zones[option["DomainName"]], {"Name": record["Name"], "Type": record["Type"], "TTL": 300, "ResourceRecords": [{"Value": record["Value"]}]})
    return arn, {}


# --- Names ---


def upsert(route53, zone, record, action="UPSERT"):
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]})


@makes("AWS::Route53::HostedZone")
def hosted_zone(p, logical_id):
    route53 = api("route53")
    (vpc,) = p["VPCs"]
    made = route53.create_hosted_zone(
        Name=p["Name"],
        CallerReference=logical_id,
        VPC=request(route53, "AssociateVPCWithHostedZone", {"HostedZoneId": "", "VPC": vpc})["VPC"],
        HostedZoneConfig={"Comment": p["HostedZoneConfig"]["Comment"], "PrivateZone": True},
    )["HostedZone"]["Id"].rsplit("/", 1)[-1]
    return made, {"Id": made}


@makes("AWS::Route53::RecordSet")
def record_set(p, _):
    route53 = api("route53")
    upsert(route53, p["HostedZoneId"], without(p, "HostedZoneId"), "CREATE")
    return p["Name"], {}


# --- Mapping, image, logs, roles ---


@makes("AWS::S3::Bucket")
def bucket(p, _):
    s3 = api("s3")
    name = p["BucketName"]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": ENDPOINT["region"]})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=p["VersioningConfiguration"])
    rules = p["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]} for rule in rules]},
    )
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=p["PublicAccessBlockConfiguration"])
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=p["OwnershipControls"])
    lifecycle = [{**without(rule, "Id"), "ID": rule["Id"], "Filter": {"Prefix": ""}} for rule in p["LifecycleConfiguration"]["Rules"]]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": lifecycle})
    return name, {"Arn": f"arn:aws:s3:::{name}"}


@makes("AWS::S3::BucketPolicy")
def bucket_policy(p, logical_id):
    api("s3").put_bucket_policy(Bucket=p["Bucket"], Policy=json.dumps(p["PolicyDocument"]))
    return logical_id, {}


@makes("AWS::ECR::Repository")
def repository(p, _):
    ecr = api("ecr")
    made = ecr.create_repository(**request(ecr, "CreateRepository", without(p, "LifecyclePolicy")))["repository"]
    ecr.put_lifecycle_policy(repositoryName=p["RepositoryName"], lifecyclePolicyText=p["LifecyclePolicy"]["LifecyclePolicyText"])
    return p["RepositoryName"], {"Arn": made["repositoryArn"]}


@makes("AWS::Logs::LogGroup")
def log_group(p, _):
    logs = api("logs")
    logs.create_log_group(logGroupName=p["LogGroupName"])
    logs.put_retention_policy(logGroupName=p["LogGroupName"], retentionInDays=p["RetentionInDays"])
    return p["LogGroupName"], {}


@makes("AWS::IAM::Role")
def role(p, logical_id):
    iam = api("iam")
    trust = json.dumps(p["AssumeRolePolicyDocument"])
    made = iam.create_role(RoleName=logical_id[:64], AssumeRolePolicyDocument=trust, Description=p["Description"])["Role"]
    for policy in p["Policies"]:
        iam.put_role_policy(RoleName=made["RoleName"], PolicyName=policy["PolicyName"], PolicyDocument=json.dumps(policy["PolicyDocument"]))
    return made["RoleName"], {"Arn": made["Arn"]}


# --- Service, scaling, alarms ---


@makes("AWS::ECS::Cluster")
def cluster(p, _):
    ecs = api("ecs")
    sent = {**without(p, "ClusterSettings"), "settings": p["ClusterSettings"]}
    made = ecs.create_cluster(**request(ecs, "CreateCluster", sent))["cluster"]
    return made["clusterName"], {"Arn": made["clusterArn"]}


@makes("AWS::ECS::TaskDefinition")
def task_definition(p, _):
    ecs = api("ecs")
    return ecs.register_task_definition(**request(ecs, "RegisterTaskDefinition", p))["taskDefinition"]["taskDefinitionArn"], {}


@makes("AWS::ECS::Service")
def service(p, _):
    ecs = api("ecs")
    # Without a desired count CloudFormation begins with 1.
    sent = {"desiredCount": 1, **p}
    made = ecs.create_service(**request(ecs, "CreateService", sent))["service"]
    return made["serviceArn"], {"Name": made["serviceName"]}


@makes("AWS::ApplicationAutoScaling::ScalableTarget")
def scalable_target(p, _):
    scaling = api("application-autoscaling")
    sent = {key: value for key, value in p.items() if key != "Tags"}
    scaling.register_scalable_target(**request(scaling, "RegisterScalableTarget", sent))
    return f"{p['ResourceId']}|{p['ScalableDimension']}|{p['ServiceNamespace']}", {}


@makes("AWS::ApplicationAutoScaling::ScalingPolicy")
def scaling_policy(p, _):
    scaling = api("application-autoscaling")
    resource, dimension, namespace = p["ScalingTargetId"].split("|")
    sent = {**without(p, "ScalingTargetId"), "ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace}
    return scaling.put_scaling_policy(**request(scaling, "PutScalingPolicy", sent))["PolicyARN"], {}


@makes("AWS::CloudWatch::Alarm")
def alarm(p, _):
    cloudwatch = api("cloudwatch")
    cloudwatch.put_metric_alarm(**request(cloudwatch, "PutMetricAlarm", p))
    return p["AlarmName"], {}


# --- Into moto ---


def model_of(cloudformation_type):
    """moto's view of a type: an object with a Ref and attributes, made by the function above."""

    class Model(CloudFormationModel):
        # moto takes the service from the second part of the module's name.
        __module__ = "moto.cloudformation.nameplate"

        def __init__(self, ref, attributes):
            self.physical_resource_id = ref
            self.attributes = attributes

        @staticmethod
        def cloudformation_name_type():
            return ""

        @staticmethod
        def cloudformation_type():
            return cloudformation_type

        @classmethod
        def has_cfn_attr(cls, attr):
            return True

        def get_cfn_attribute(self, name):
            if name not in self.attributes:
                raise ValueError(f"{cloudformation_type} has no attribute {name} here")
            return self.attributes[name]

        @classmethod
        def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
            try:
                return cls(*MAKERS[cloudformation_type](cloudformation_json["Properties"], kwargs["LogicalId"]))
            except Exception as error:
                FAULTS.append(f"{kwargs['LogicalId']} ({cloudformation_type}): {error}")
                raise

        def is_created(self):
            return True

    return Model


def install(url, region):
    """Puts the functions above in place of moto's own. A type without one is an error."""
    ENDPOINT.update(url=url, region=region)
    nested = parsing.get_model_map()["AWS::CloudFormation::Stack"]
    models = {name: model_of(name) for name in MAKERS}
    models["AWS::CloudFormation::Stack"] = nested

    def class_of(cloudformation_type):
        if cloudformation_type not in models:
            FAULTS.append(f"{cloudformation_type}: resources.py does not make it")
            raise ValueError(FAULTS[-1])
        return models[cloudformation_type]

    parsing.resource_class_from_type = class_of
