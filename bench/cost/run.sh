#!/usr/bin/env bash
# Counts what a request costs and holds it against bench/cost/figures: bench/cost/README.md.
# NAMEPLATE_BIN names a binary to count; without it one is built as `make image-check` builds it: the profile `quick`,
# for musl, whose memory functions are the same on every processor.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
folder=$target/cost
musl=$(uname -m)-unknown-linux-musl
tools=(valgrind strace)
if [ -z "${NAMEPLATE_BIN:-}" ]; then tools+=(musl-gcc); fi
for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null && continue
    package=${tool/musl-gcc/musl-tools}
    if ! command -v apt-get >/dev/null; then
        echo "cost: needs $tool, and there is no apt-get to install it with" >&2
        exit 1
    fi
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    echo "cost: installing $package" >&2
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$package" >/dev/null
done
if [ -z "${NAMEPLATE_BIN:-}" ]; then
    scripts/preflight.sh
    rustup target add "$musl" >/dev/null 2>&1 || true
    cargo --config docker/quick.toml build --profile quick --target "$musl" -p nameplate --bin nameplate --quiet
    NAMEPLATE_BIN=$target/$musl/quick/nameplate
fi
cargo build --bin cost --quiet
rm -rf "$folder"
mkdir -p "$folder"
exec "$target/debug/cost" "$NAMEPLATE_BIN" "$folder" bench/cost/figures
