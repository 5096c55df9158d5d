#!/bin/sh
# What tests need besides Rust, installed as root or through sudo where it lacks: Prometheus with its promtool,
# Chromium with its driver, and what scripts/python-tools.sh brings.
set -eu
cd "$(dirname "$0")/.."

# install WHAT PACKAGE...: WHAT is what they are and are for.
install() {
    what=$1
    shift
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "test: needs $what, and there is no apt-get to install it with" >&2
        exit 1
    fi
    sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo"
    echo "test: installing $*: $what" >&2
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if ! { command -v prometheus && command -v promtool; } >/dev/null 2>&1; then
    install "prometheus and promtool, for the tests of deploy/observability" prometheus
fi

# Another place than Debian's is said by CHROMIUM and CHROMEDRIVER; the tests look there, too.
if ! [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || ! [ -x "${CHROMEDRIVER:-/usr/bin/chromedriver}" ]; then
    install "Chromium and its driver, for the tests of the status page" chromium chromium-driver
fi

if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    install "python3 with its venv module, for the tests against AWS's APIs" python3-venv
fi
scripts/python-tools.sh >/dev/null
