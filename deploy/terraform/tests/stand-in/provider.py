"""Stands in for hashicorp/aws, which needs an AWS account to plan, so that tests can plan and apply without one.

Terraform starts it as it does the real one, and it talks to nobody. It knows the provider's schema (schema.json), so
that Terraform itself finds misspelt arguments, missing ones and wrong types. Planning and applying work, on made-up
values (facts.json), so that plans can be held against each other. It does not know which values AWS takes, nor what AWS
does with them.

It is pessimistic where that makes plans say more: any change of a resource leaves all that the provider computes of it
unknown, so that whatever depends on it shows up as changed too.

Environment: AWS_REGION, the region that there is (eu-west-1). STAND_IN_CALLS, a file that gets one line for each kind of
call that Terraform makes: "resource TYPE create", "data TYPE read".
"""

import hashlib
import json
import os
import re
import sys
from pathlib import Path

import msgpack
import tf.provider
import tf.runner
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

from schema_format import FLAGS

HERE = Path(__file__).resolve().parent
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
UNKNOWN = msgpack.ExtType(0, b"\x00")
REGION = os.environ.get("AWS_REGION", "eu-west-1")
ACCOUNT = "111122223333"


# --- The schema, as Terraform's protocol has it -----------------------------------------------------------------------


def block_message(block):
    return pb.Schema.Block(
        attributes=[
            pb.Schema.Attribute(name=name, type=json.dumps(type_).encode(), **{FLAGS[flag]: True for flag in flags})
            for name, (type_, flags) in sorted(block["attributes"].items())
        ],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                nesting=NESTING[nested["nesting"]],
                min_items=nested["min"],
                max_items=nested["max"],
                block=block_message(nested),
            )
            for name, nested in sorted(block["blocks"].items())
        ],
    )


def schema_message(block):
    return pb.Schema(version=0, block=block_message(block))


# --- Values, as Terraform's protocol has them -------------------------------------------------------------------------


def decode(value):
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False, ext_hook=msgpack.ExtType)
    return json.loads(value.json) if value.json else None


def encode(value):
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def is_unknown(value):
    return isinstance(value, msgpack.ExtType)


def each_attribute(block, value, change, path=""):
    """`value` with each attribute, in nested blocks too, replaced by `change(path, type, flags, value)`."""
    if value is None or is_unknown(value):
        return value
    out = dict(value)
    for name, (type_, flags) in block["attributes"].items():
        out[name] = change(path + name, type_, flags, value.get(name))
    for name, nested in block["blocks"].items():
        inner = value.get(name)
        if isinstance(inner, list):
            out[name] = [each_attribute(nested, item, change, f"{path}{name}.") for item in inner]
        elif isinstance(inner, dict):
            out[name] = each_attribute(nested, inner, change, f"{path}{name}.")
    return out


# --- What stands in for AWS -------------------------------------------------------------------------------------------


class MadeUp:
    """Values for what AWS would decide. `number` tells one object from another, `said` is what its arguments say."""

    def __init__(self, facts, number, said):
        self.facts, self.number, self.said = facts, number, said

    def fill(self, fact):
        """A value of facts.json with its placeholders filled."""
        if isinstance(fact, list):
            return [self.fill(item) for item in fact]
        if isinstance(fact, dict):
            return {name: self.fill(item) for name, item in fact.items()}
        if not isinstance(fact, str):
            return fact
        fact = fact.replace("@region", REGION).replace("@1", self.number)
        return re.sub(r"\$\{(\w+)\}", lambda argument: str(self.said[argument[1]]), fact)

    def value(self, type_name, path, type_):
        if path in self.facts:
            return self.fill(self.facts[path])
        if type_ == "string":
            if path == "arn":
                service = type_name.removeprefix("aws_").split("_")[0]
                return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{type_name}/{self.number}"
            return f"{path}-{self.number}"
        if type_ in ("number", "bool"):
            return 0 if type_ == "number" else False
        return {} if type_[0] == "map" else []


def validation_options(certificate):
    """What ACM asks for: the same CNAME for a name and for its wildcard, and nothing where a private CA issues it."""
    if certificate["certificate_authority_arn"]:
        return []
    names = {certificate["domain_name"], *(certificate["subject_alternative_names"] or [])}
    return [
        {
            "domain_name": name,
            "resource_record_name": f"_{hashlib.sha1(base.encode()).hexdigest()}.{base}.",
            "resource_record_type": "CNAME",
            "resource_record_value": "_validation.acm-validations.aws.",
        }
        for name, base in ((name, name.removeprefix("*.")) for name in sorted(names))
    ]


def number_of(value):
    """17 hexadecimal digits that follow from what was said of an object, so that plans are the same each time."""
    return hashlib.sha1(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:17]


class StandIn(rpc.ProviderServicer):
    """Terraform's provider protocol, version 6."""

    def __init__(self, _app):
        self.schema = json.loads((HERE / "schema.json").read_text())
        self.facts = json.loads((HERE / "facts.json").read_text())
        self.recorded = set()

    def record(self, kind, type_name, act):
        """Appends a kind of call to the file STAND_IN_CALLS, the first time that it is made."""
        path, call = os.environ.get("STAND_IN_CALLS"), f"{kind} {type_name} {act}"
        if path and call not in self.recorded:
            self.recorded.add(call)
            with open(path, "a") as calls:
                calls.write(call + "\n")

    def GetMetadata(self, request, context):
        return pb.GetMetadata.Response(
            resources=[pb.GetMetadata.ResourceMetadata(type_name=name) for name in self.schema["resources"]],
            data_sources=[pb.GetMetadata.DataSourceMetadata(type_name=name) for name in self.schema["data"]],
        )

    def GetProviderSchema(self, request, context):
        return pb.GetProviderSchema.Response(
            provider=schema_message(self.schema["provider"]),
            resource_schemas={name: schema_message(block) for name, block in self.schema["resources"].items()},
            data_source_schemas={name: schema_message(block) for name, block in self.schema["data"].items()},
        )

    # Terraform has held all of it against the schema already.

    def ValidateProviderConfig(self, request, context):
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request, context):
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request, context):
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request, context):
        return pb.ConfigureProvider.Response()

    def GetFunctions(self, request, context):
        return pb.GetFunctions.Response()

    def StopProvider(self, request, context):
        return pb.StopProvider.Response()

    # Nothing changes behind Terraform's back.

    def UpgradeResourceState(self, request, context):
        return pb.UpgradeResourceState.Response(upgraded_state=pb.DynamicValue(json=request.raw_state.json))

    def ReadResource(self, request, context):
        self.record("resource", request.type_name, "read")
        return pb.ReadResource.Response(new_state=request.current_state)

    def ReadDataSource(self, request, context):
        self.record("data", request.type_name, "read")
        block, asked = self.schema["data"][request.type_name], decode(request.config)
        made_up = MadeUp(self.facts["data"].get(request.type_name, {}), number_of(asked), asked)
        if request.type_name == "aws_subnet":
            made_up.number = str(int(number_of(asked), 16) % 250)

        def found(path, type_, flags, value):
            return made_up.value(request.type_name, path, type_) if "c" in flags and value is None else value

        return pb.ReadDataSource.Response(state=encode(each_attribute(block, asked, found)))

    def PlanResourceChange(self, request, context):
        block = self.schema["resources"][request.type_name]
        prior, proposed = decode(request.prior_state), decode(request.proposed_new_state)
        if proposed is None or proposed == prior:
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)

        if prior is None:

            def to_be_made(_path, _type, flags, value):
                return UNKNOWN if "c" in flags and value is None else value

            return pb.PlanResourceChange.Response(planned_state=encode(each_attribute(block, proposed, to_be_made)))

        def to_be_changed(path, _type, flags, value):
            return UNKNOWN if flags == "c" and path != "id" else value

        changed = [name for name in proposed if proposed[name] != prior.get(name)]
        replaced = [name for name in changed if name in self.facts["replaced_by"].get(request.type_name, [])]
        return pb.PlanResourceChange.Response(
            planned_state=encode(each_attribute(block, proposed, to_be_changed)),
            requires_replace=[
                pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)]) for name in replaced
            ],
        )

    def ApplyResourceChange(self, request, context):
        had, wanted = decode(request.prior_state) is not None, decode(request.planned_state) is not None
        self.record("resource", request.type_name, "update" if had and wanted else "create" if wanted else "delete")
        block, planned = self.schema["resources"][request.type_name], decode(request.planned_state)
        made_up = MadeUp(self.facts["made"].get(request.type_name, {}), number_of(planned), planned)

        def applied(path, type_, _flags, value):
            if not is_unknown(value):
                return value
            if (request.type_name, path) == ("aws_acm_certificate", "domain_validation_options"):
                return validation_options(planned)
            return made_up.value(request.type_name, path, type_)

        return pb.ApplyResourceChange.Response(new_state=encode(each_attribute(block, planned, applied)))


class App:
    """What the runner asks for beside the protocol."""

    def full_name(self):
        return "registry.terraform.io/hashicorp/aws"


if __name__ == "__main__":
    tf.provider.ProviderServicer = StandIn  # the runner starts what stands there
    tf.runner.run_provider(App(), sys.argv)
