"""The form that schema.json has: what provider.py serves and extract.py writes.

    {"provider": {"version": "6.66.0", ...block}, "resources": {TYPE: block}, "data": {TYPE: block}}

A block is {"attributes": {NAME: [TYPE, FLAGS]}, "blocks": {NAME: {"nesting", "min", "max", ...block}}}. TYPE is
Terraform's own way to write a type in JSON; FLAGS are letters: r required, o optional, c computed. "max" 0 is no limit.
"""

import json
import re
from pathlib import Path

FLAGS = {"r": "required", "o": "optional", "c": "computed"}


def flags(facts):
    """The letters for an object with `required`, `optional` and `computed`."""
    return "".join(letter for letter, name in FLAGS.items() if facts.get(name))


def write(path, schema):
    """Writes one type a line, so that a new provider's changes can be read as a diff."""

    def dump(value):
        return json.dumps(value, separators=(",", ":"), sort_keys=True)

    lines = ["{", f'"provider":{dump(schema["provider"])},']
    for kind in ("resources", "data"):
        types = [f"{json.dumps(name)}:{dump(block)}" for name, block in sorted(schema[kind].items())]
        lines.append(f'"{kind}":{{\n' + ",\n".join(types) + ("\n}," if kind == "resources" else "\n}"))
    Path(path).write_text("\n".join(lines + ["}"]) + "\n")


def used_types(folder):
    """The types of resources and data sources that the .tf files below `folder` name."""
    used = {"resource": set(), "data": set()}
    for path in Path(folder).rglob("*.tf"):
        for kind, name in re.findall(r'^(resource|data) "(aws_\w+)"', path.read_text(), re.MULTILINE):
            used[kind].add(name)
    return used["resource"], used["data"]
