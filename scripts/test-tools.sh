#!/bin/sh
# What tests need besides Rust: a stand-in for AWS's APIs that speaks the real protocols (moto), and with it
# AWS's own model of them (botocore), in a virtual environment under the build folder. Installs Python's part of
# it as root or through sudo.
set -eu
cd "$(dirname "$0")/.."

moto="moto[server]==5.2.5"
tools="${CARGO_TARGET_DIR:-target}/test-tools"
stamp="$tools/$(printf '%s' "$moto" | tr -c 'a-z0-9.\n' '-')"
[ -e "$stamp" ] && exit 0

if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "test: needs python3 with its venv module, for the tests against AWS's APIs" >&2
        exit 1
    fi
    echo "test: installing python3-venv, for the tests against AWS's APIs" >&2
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
fi
echo "test: installing $moto into $tools" >&2
rm -rf "$tools"
python3 -m venv "$tools"
"$tools/bin/pip" install -q --disable-pip-version-check "$moto"
: >"$stamp"
