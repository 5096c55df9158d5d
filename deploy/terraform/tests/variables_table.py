#!/usr/bin/env python3
"""The tables of variables and outputs in the README files are what the module says. With `--write` they are made so."""

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent
MODULE = FOLDER / "module"

GROUP = re.compile(r"^# --- (.*?) -+$", re.MULTILINE)
BLOCK = re.compile(r'^(?:variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def description_of(body):
    return re.sub(r" (Default: .*|Required\.)$", "", re.search(r'description = "(.*)"', body)[1])


def row(name, body):
    default = re.search(r"^  default +?= (.*)$", body, re.MULTILINE)
    return f"| `{name}` | {f'`{default[1].strip()}`' if default else 'required'} | {description_of(body)} |\n"


def variables(text):
    groups = GROUP.split(text)[1:]
    return "".join(
        f"\n{title}:\n\n| variable | default | what it says |\n|---|---|---|\n"
        + "".join(row(*variable) for variable in BLOCK.findall(body))
        for title, body in zip(groups[::2], groups[1::2])
    )


def outputs(text):
    rows = "".join(f"| `{name}` | {description_of(body)} |\n" for name, body in BLOCK.findall(text))
    return f"\n| output | what it says |\n|---|---|\n{rows}"


# What each file has, between a comment that begins it and one that ends it.
TABLES = [
    (FOLDER / "README.md", "variables", variables, MODULE / "variables.tf"),
    (MODULE / "README.md", "variables", variables, MODULE / "variables.tf"),
    (MODULE / "README.md", "outputs", outputs, MODULE / "outputs.tf"),
]


def with_table(text, name, table):
    begin, end = f"<!-- {name}: written by tests/variables_table.py -->\n", f"<!-- end of {name} -->\n"
    before, rest = text.split(begin)
    return before + begin + table + "\n" + end + rest.split(end)[1]


def main(arguments):
    wrong = 0
    for readme, name, table, source in TABLES:
        text = readme.read_text()
        wanted = with_table(text, name, table(source.read_text()))
        if arguments == ["--write"]:
            readme.write_text(wanted)
        elif text != wanted:
            path = readme.relative_to(FOLDER.parent.parent)
            print(f"{path}: its table of {name} is not what {source.name} says", file=sys.stderr)
            print("  help: deploy/terraform/tests/variables_table.py --write", file=sys.stderr)
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
