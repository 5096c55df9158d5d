#!/usr/bin/env bash
# Counts what a request costs and holds it against bench/cost/figures: bench/cost/README.md.
# NAMEPLATE_BIN names a binary to count; without it the release build is made and taken.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
folder=$target/cost
for tool in valgrind strace; do
    command -v "$tool" >/dev/null && continue
    if ! command -v apt-get >/dev/null; then
        echo "cost: needs $tool, and there is no apt-get to install it with" >&2
        exit 1
    fi
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    echo "cost: installing $tool" >&2
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$tool" >/dev/null
done
if [ -z "${NAMEPLATE_BIN:-}" ]; then
    scripts/preflight.sh
    cargo build --release --quiet
    NAMEPLATE_BIN=$target/release/nameplate
fi
cargo build --example cost --quiet
rm -rf "$folder"
mkdir -p "$folder"
exec "$target/debug/examples/cost" "$NAMEPLATE_BIN" "$folder" bench/cost/figures
