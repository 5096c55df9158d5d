#!/usr/bin/env bash
# Checks that Nameplate compiles for 64-bit ARM, which is what deploy/ runs by default: `cargo check` for the image's
# target, with the C parts (ring, zlib-ng, zstd, mimalloc) compiled by Debian's cross compiler. It links nothing and runs
# nothing. What it lacks is installed as root or through sudo; where that cannot be had, it says so loudly and exits 0;
# with --or-fail, 3.
set -euo pipefail
cd "$(dirname "$0")/.."

target=aarch64-unknown-linux-musl
compiler=aarch64-linux-gnu-gcc

unable=0
[ "${1:-}" != --or-fail ] || unable=3
not_run() {
    printf '\n!! NOT RUN: arm64: %s\n\n' "$1" >&2
    exit $unable
}
# The compiler's own headers are glibc's, which Debian only recommends.
install_compiler() {
    command -v apt-get >/dev/null || return 1
    local sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends \
        gcc-aarch64-linux-gnu libc6-dev-arm64-cross >/dev/null
}

[ "$(uname -m)" != aarch64 ] || compiler=cc
command -v $compiler >/dev/null || install_compiler || not_run "there is no $compiler, and apt-get did not install it"
rustup target add $target >/dev/null 2>&1 || not_run "rustup has no $target for this Rust"

export CC_aarch64_unknown_linux_musl=$compiler
cargo check --locked --quiet --target $target --bin nameplate
echo "arm64: it compiles for $target"
