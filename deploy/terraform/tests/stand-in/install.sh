#!/usr/bin/env bash
# Installs the stand-in into FOLDER, and prints the path of a Terraform CLI configuration that uses it:
#   export TF_CLI_CONFIG_FILE=$(deploy/terraform/tests/stand-in/install.sh FOLDER)
# The first time it installs Python packages from PyPI. Run Terraform in a copy of the module: the lock file would
# remember the stand-in.
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

version=$(sed -n 's/^"provider":.*"version":"\([^"]*\)".*/\1/p' "$here/schema.json")
platform=$(env -u TF_CLI_CONFIG_FILE terraform version -json | sed -n 's/.*"platform": "\(.*\)".*/\1/p')
plugin="$home/mirror/registry.terraform.io/hashicorp/aws/$version/$platform"
mkdir -p "$plugin"
# The runner keeps a certificate in HOME: one of its own, and nothing of the user's.
cat >"$plugin/terraform-provider-aws_v$version" <<PROGRAM
#!/bin/sh
HOME='$home' PYTHONDONTWRITEBYTECODE=1 exec '$home/venv/bin/python' '$here/provider.py' "\$@"
PROGRAM
chmod 755 "$plugin/terraform-provider-aws_v$version"

cat >"$home/terraformrc" <<CONFIG
disable_checkpoint = true
provider_installation {
  filesystem_mirror { path = "$home/mirror" }
}
CONFIG
echo "$home/terraformrc"
