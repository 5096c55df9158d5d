#!/usr/bin/env python3
"""Writes schema.json, which keeps the stand-in true to hashicorp/aws: the types that this folder's Terraform uses.

    terraform providers schema -json > all.json && extract.py --from-terraform all.json --version 6.66.0
    npm pack @cdktn/provider-aws@25.7.0 && tar xf cdktn-provider-aws-25.7.0.tgz && extract.py --from-npm package

The first is the provider's own word. The second reads the same out of the JavaScript that is generated from it, for
where Terraform's registry is out of reach. `--compare` writes nothing, and exits 1 where schema.json says otherwise.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import schema_format

HERE = Path(__file__).resolve().parent
MODULE = HERE.parent.parent
REGISTRY_NAME = "registry.terraform.io/hashicorp/aws"


# --- `terraform providers schema -json` -------------------------------------------------------------------------------


def block_from_terraform(block):
    return {
        "attributes": {
            name: [attribute["type"], schema_format.flags(attribute)]
            for name, attribute in block.get("attributes", {}).items()
            if "type" in attribute  # nested attribute types: no type of ours has one
        },
        "blocks": {
            name: {
                "nesting": nested["nesting_mode"],
                "min": nested.get("min_items", 0),
                "max": nested.get("max_items", 0),
                **block_from_terraform(nested["block"]),
            }
            for name, nested in block.get("block_types", {}).items()
        },
    }


def from_terraform(path, version, resources, data):
    schema = json.loads(Path(path).read_text())["provider_schemas"][REGISTRY_NAME]
    return {
        "provider": {"version": version, **block_from_terraform(schema["provider"]["block"])},
        "resources": {name: block_from_terraform(schema["resource_schemas"][name]["block"]) for name in resources},
        "data": {name: block_from_terraform(schema["data_source_schemas"][name]["block"]) for name in data},
    }


# --- The npm package --------------------------------------------------------------------------------------------------

CLASS = re.compile(r"^class (\w+) extends cdktn\.\w+ \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
# A member of a class, and what the provider says of it.
MEMBER = re.compile(r"^ {4}// (\w+) - computed: (\w+), optional: (\w+), required: (\w+)$", re.MULTILINE)
# How a member that can be set is written as HCL.
WRITTEN = re.compile(
    r"^ +\"?(\w+)\"?: \{\n +value: (?P<value>.*),\n +isBlock: (?P<block>\w+),\n"
    r" +type: \"(?P<type>\w+)\",\n +storageClassType: \"(?P<class>\w+)\"",
    re.MULTILINE,
)
SCALARS = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
GETTERS = {"String": "string", "Number": "number", "Boolean": "bool", "Any": "dynamic"}


class JavaScript:
    """The classes of one generated file."""

    def __init__(self, text):
        self.text = text
        self.classes = dict(CLASS.findall(text))

    def top(self):
        """The class that is a resource, a data source or the provider."""
        return next(name for name, body in self.classes.items() if "static tfResourceType" in body)

    def written(self, name):
        """The HCL side of a class: its own method, or for a nested one the function of its struct."""
        if name.endswith("OutputReference"):
            struct = name.removesuffix("OutputReference")
            function = f"function {struct[0].lower()}{struct[1:]}ToHclTerraform(struct) {{"
            begin = self.text.find(function)
            body = self.text[begin : self.text.index("\n}", begin)] if begin >= 0 else ""
        else:
            body = self.classes[name]
        return {match[1]: match for match in WRITTEN.finditer(body)}

    def block(self, name):
        attributes, blocks = {}, {}
        body, written = self.classes[name], self.written(name)
        members = list(MEMBER.finditer(body))
        for member, following in zip(members, members[1:] + [None]):
            facts = dict(zip(("computed", "optional", "required"), (word == "true" for word in member.groups()[1:])))
            code = body[member.end() : following.start() if following else len(body)]
            hcl = written.get(member[1])
            if hcl and self.is_block(hcl):
                blocks[member[1]] = self.nested_block(hcl, facts, code)
            else:
                attributes[member[1]] = [self.attribute_type(member[1], hcl, code), schema_format.flags(facts)]
        return {"attributes": attributes, "blocks": blocks}

    @staticmethod
    def is_block(hcl):
        """`false` to the mapper: an attribute that is written like a block."""
        return hcl["block"] == "true" and "ToHclTerraform, false)" not in hcl["value"]

    def nested_block(self, hcl, facts, code):
        single = hcl["type"] == "struct"
        repeated = "listMapperHcl" in hcl["value"]
        return {
            "nesting": "single" if single else hcl["type"],
            "min": int(facts["required"] and not single),
            "max": 0 if repeated or single else 1,
            **(self.block(self.class_behind(code)) if "(this, \"" in code else self.block_of_struct(hcl)),
        }

    def block_of_struct(self, hcl):
        """The provider's own blocks have no classes, only structs, which do not say what is required."""
        struct = re.search(r"(\w+)ToHclTerraform", hcl["value"])[1]
        written = self.written(struct[0].upper() + struct[1:] + "OutputReference")
        scalars = {name: match for name, match in written.items() if match["block"] == "false"}
        return {
            "attributes": {n: [self.type_of_storage(m["class"], m["type"]), "o"] for n, m in scalars.items()},
            "blocks": {},
        }

    def class_behind(self, code):
        """The class with a nested object's members, by the code that makes one."""
        name = re.search(r"new (\w+)\(this, ", code)[1]
        return name if name.endswith("OutputReference") else re.sub(r"(List|Map)$", "OutputReference", name)

    def object_type(self, name):
        block = self.block(name)
        members = {name: type_ for name, (type_, _) in block["attributes"].items()}
        for name, nested in block["blocks"].items():
            members[name] = [nested["nesting"], ["object", {n: t for n, (t, _) in nested["attributes"].items()}]]
        return ["object", members]

    def attribute_type(self, name, hcl, code):
        if hcl and hcl["block"] == "false":
            return self.type_of_storage(hcl["class"], hcl["type"])
        made = re.search(r'new (\w+)\(this, "%s"(?:, (\w+))?\)' % re.escape(name), code)
        if made and made[1] in self.classes:
            inner = self.object_type(self.class_behind(code))
            if made[1].endswith("OutputReference"):
                return inner
            if made[1].endswith("Map"):
                return ["map", inner]
            return ["set" if made[2] == "true" or (hcl and hcl["type"] == "set") else "list", inner]
        if made:  # new cdktn.StringMap(this, "tags")
            return ["map", GETTERS[made[1].removesuffix("Map")]]
        map_of = re.search(r"new cdktn\.(\w+)Map\(", code)
        if map_of:
            return ["map", GETTERS[map_of[1]]]
        return self.type_of_getter(re.search(r"this\.get(\w+)Attribute\(", code)[1], "Fn.tolist(" in code)

    @staticmethod
    def type_of_storage(storage, kind):
        """`stringList`, and whether it is a set."""
        wrappers = []
        while storage not in SCALARS:
            wrapper = "map" if storage.endswith("Map") else "list"
            wrappers.append(wrapper)
            storage = storage[: -len(wrapper)]
        type_ = SCALARS[storage]
        for depth, wrapper in reversed(list(enumerate(wrappers))):
            type_ = ["set" if depth == 0 and kind == "set" else wrapper, type_]
        return type_

    @staticmethod
    def type_of_getter(getter, is_set):
        if getter.endswith("Map"):
            return ["map", GETTERS[getter.removesuffix("Map")]]
        if getter.endswith("List"):
            return ["set" if is_set else "list", GETTERS[getter.removesuffix("List") or "String"]]
        return GETTERS[getter]


def from_npm(package, resources, data):
    package = Path(package)

    def read(folder):
        file = JavaScript((package / "lib" / folder / "index.js").read_text())
        return file.block(file.top())

    version = re.search(r"hashicorp/aws provider version (\S+)", (package / "README.md").read_text())[1]
    provider = read("provider")
    provider["attributes"].pop("alias", None)  # Terraform's own
    return {
        "provider": {"version": version, **provider},
        "resources": {name: read(name.removeprefix("aws_").replace("_", "-")) for name in resources},
        "data": {name: read("data-" + name.replace("_", "-")) for name in data},
    }


# --- The command line -------------------------------------------------------------------------------------------------


def differences(ours, theirs):
    for kind in ("resources", "data"):
        for name in sorted(theirs[kind]):
            for part in ("attributes", "blocks"):
                known, real = ours[kind].get(name, {}).get(part, {}), theirs[kind][name][part]
                for key in sorted(known.keys() | real.keys()):
                    if known.get(key) != real.get(key):
                        yield f"{name}: {key}: schema.json has {known.get(key)}, the provider {real.get(key)}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    source = arguments.add_mutually_exclusive_group(required=True)
    source.add_argument("--from-terraform", metavar="FILE")
    source.add_argument("--from-npm", metavar="FOLDER")
    arguments.add_argument("--version", help="the provider's, with --from-terraform")
    arguments.add_argument("--compare", action="store_true")
    given = arguments.parse_args()

    resources, data = schema_format.used_types(MODULE)
    if given.from_npm:
        schema = from_npm(given.from_npm, resources, data)
    else:
        schema = from_terraform(given.from_terraform, given.version, resources, data)

    target = HERE / "schema.json"
    if not given.compare:
        schema_format.write(target, schema)
        print(f"{target}: {len(resources)} resources, {len(data)} data sources, {target.stat().st_size} bytes")
        return 0
    found = list(differences(json.loads(target.read_text()), schema))
    print("\n".join(found) or "schema.json says what the provider says")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
