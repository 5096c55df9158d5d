#!/bin/sh
# Names what the build needs and this machine lacks, and installs it where that is allowed: as root,
# or through sudo. Rust itself is the reader's to choose, so it is only named.
set -eu

missing=""
command -v cmake >/dev/null 2>&1 || missing="$missing cmake"
if ! command -v cc >/dev/null 2>&1 && ! command -v gcc >/dev/null 2>&1 && ! command -v clang >/dev/null 2>&1; then
    missing="$missing cc"
fi
# Pingora compresses with zlib-ng, which is C and built by cmake with make.
command -v make >/dev/null 2>&1 || missing="$missing make"

if ! command -v cargo >/dev/null 2>&1; then
    echo "preflight: cargo is missing: install Rust 1.88 or newer, see https://rustup.rs" >&2
    exit 1
fi

install() {
    as_root=""
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 || return 1
        as_root="sudo"
    fi
    if command -v apt-get >/dev/null 2>&1; then
        $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends cmake make gcc g++ libc6-dev >/dev/null
    elif command -v dnf >/dev/null 2>&1; then
        $as_root dnf install -y -q cmake make gcc gcc-c++
    elif command -v yum >/dev/null 2>&1; then
        $as_root yum install -y -q cmake make gcc gcc-c++
    elif command -v apk >/dev/null 2>&1; then
        $as_root apk add -q cmake make gcc g++ musl-dev
    else
        return 1
    fi
}

if [ -n "$missing" ]; then
    echo "preflight: the build needs$missing; installing" >&2
    if ! install; then
        echo "preflight: could not install$missing: install cmake, make and a C compiler with your package manager, then try again" >&2
        exit 1
    fi
fi

if [ ! -d "${CARGO_TARGET_DIR:-target}" ]; then
    echo "preflight: the first build compiles Pingora and some 300 crates: several minutes on two cores, seconds from then on" >&2
fi
