#!/usr/bin/env bash
# Holds that the Rust which Cargo.toml names as `rust-version` is enough: no crate of Cargo.lock asks for a newer one, and
# that Rust compiles the binary. Where it cannot be had through rustup, only what crates ask for is held, loudly; clippy
# still finds what our own code takes from a newer standard library (incompatible_msrv). With --arm64 it compiles for
# 64-bit ARM: one compilation then holds this and what scripts/arm64-check.sh does.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v jq >/dev/null || { echo "msrv: needs jq: install it with your package manager" >&2; exit 2; }
ours=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

newer=$(cargo metadata --locked --format-version 1 | jq -r --arg ours "$ours" '
    def parts: split(".") | map(tonumber) | . + [0, 0, 0] | .[:3];
    .packages[] | select(.rust_version != null and (.rust_version | parts) > ($ours | parts))
    | "\(.name) \(.version) needs Rust \(.rust_version)"')
if [ -n "$newer" ]; then
    printf 'msrv: Cargo.toml promises Rust %s, and\n%s\n' "$ours" "$newer" >&2
    exit 1
fi
echo "msrv: no crate of Cargo.lock asks for more than Rust $ours"

if rustup run "$ours" rustc --version >/dev/null 2>&1 ||
    rustup toolchain install "$ours" --profile minimal --no-self-update >/dev/null 2>&1; then
    # Artifacts of another compiler must not take the place of those that other steps use.
    export RUSTUP_TOOLCHAIN=$ours CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/msrv"
    if [ "${1:-}" = --arm64 ]; then
        status=0
        scripts/arm64-check.sh --or-fail || status=$?
        [ "$status" = 0 ] || [ "$status" = 3 ] || exit "$status"
    fi
    if [ "${status:-3}" = 0 ]; then
        echo "msrv: Rust $ours compiles it"
        exit 0
    fi
    cargo check --locked --quiet --bin nameplate
    echo "msrv: Rust $ours compiles it"
else
    printf '\n!! NOT RUN: msrv: Rust %s cannot be had through rustup, so nothing was compiled with it\n\n' "$ours" >&2
fi
