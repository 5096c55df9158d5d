#!/usr/bin/env bash
# Starts the stand-in for hashicorp/aws, which plans without an AWS account, and prints what makes Terraform use it:
#   eval "$(deploy/terraform/tests/stand-in/start.sh target/deploy/stand-in)"
#   terraform ...
#   kill "$STAND_IN_PID"
# The first time it installs Python packages from PyPI into the folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
home=$(cd "$1" && pwd)

packages=("tf==1.2.0" "msgpack==1.2.4")
stamp="$home/venv/$(printf '%s-' "${packages[@]}" | tr -c 'a-z0-9.\n' '-')"
if ! [ -e "$stamp" ]; then
    rm -rf "$home/venv"
    python3 -m venv "$home/venv" >&2
    "$home/venv/bin/pip" install -q --disable-pip-version-check "${packages[@]}" >&2
    : >"$stamp"
fi

# One process for all of Terraform's commands: starting one for each would take longer than what they do. The runner
# keeps a certificate in HOME: one of its own, and nothing of the user's.
log=$(mktemp "$home/log.XXXXXX")
HOME=$home PYTHONDONTWRITEBYTECODE=1 "$home/venv/bin/python" -u "$here/provider.py" --dev >"$log" 2>&1 </dev/null &
pid=$!
for _ in $(seq 100); do
    if attach=$(grep -o 'export TF_REATTACH_PROVIDERS=.*' "$log"); then
        rm -f "$log"
        printf '%s\nexport STAND_IN_PID=%s\n' "$attach" "$pid"
        exit 0
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
done
kill "$pid" 2>/dev/null || true
cat "$log" >&2
rm -f "$log"
exit 1
