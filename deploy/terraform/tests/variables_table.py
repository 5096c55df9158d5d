#!/usr/bin/env python3
"""The table of variables in README.md is what module/variables.tf says. With `--write` it is made so."""

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- variables: written by tests/variables_table.py -->\n", "<!-- end of variables -->\n"

GROUP = re.compile(r"^# --- (.*?) -+$", re.MULTILINE)
VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def row(name, body):
    description = re.search(r'description = "(.*)"', body)[1]
    description = re.sub(r" (Default: .*|Required\.)$", "", description)
    default = re.search(r"^  default +?= (.*)$", body, re.MULTILINE)
    return f"| `{name}` | {f'`{default[1].strip()}`' if default else 'required'} | {description} |\n"


def table(text):
    groups = GROUP.split(text)[1:]
    return "".join(
        f"\n{title}:\n\n| variable | default | what it says |\n|---|---|---|\n"
        + "".join(row(*variable) for variable in VARIABLE.findall(body))
        for title, body in zip(groups[::2], groups[1::2])
    )


def main(arguments):
    readme = FOLDER / "README.md"
    text = readme.read_text()
    before, rest = text.split(BEGIN)
    variables = (FOLDER / "module" / "variables.tf").read_text()
    wanted = before + BEGIN + table(variables) + "\n" + END + rest.split(END)[1]
    if arguments == ["--write"]:
        readme.write_text(wanted)
    elif text != wanted:
        print("deploy/terraform/README.md: its table of variables is not what module/variables.tf says", file=sys.stderr)
        print("  help: deploy/terraform/tests/variables_table.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
