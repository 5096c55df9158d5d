#!/usr/bin/env bash
# The soak: bench/soak/README.md. Usage: bench/soak/run.sh [MINUTES, default 60]
# NAMEPLATE_BIN names a binary to soak; without it the release build is made and taken. SOAK_RATE is
# the requests a second, 500 by default; 0 is as many as there can be.
set -euo pipefail
cd "$(dirname "$0")/../.."

minutes=${1:-60}
target=${CARGO_TARGET_DIR:-target}
folder=$target/soak
if [ -z "${NAMEPLATE_BIN:-}" ]; then
    scripts/preflight.sh
    cargo build --release -p nameplate --bin nameplate --quiet
    NAMEPLATE_BIN=$target/release/nameplate
fi
cargo build --bin soak --quiet
mkdir -p "$folder"
rm -f "$folder"/*

soak=""
end() {
    # Both end by themselves; this is for a run that is broken off. The proxy is ended only where it
    # is the one of this run: by then its number may be another's.
    if [ -n "$soak" ]; then kill "$soak" 2>/dev/null || true; fi
    proxy=$(cat "$folder/nameplate.pid" 2>/dev/null || true)
    if [ -n "$proxy" ] && tr '\0' ' ' 2>/dev/null <"/proc/$proxy/cmdline" | grep -qF "$folder/nameplate.yaml"; then
        kill "$proxy" 2>/dev/null || true
    fi
}
trap end EXIT
trap 'exit 130' INT TERM

echo "soak: $NAMEPLATE_BIN for $minutes min; log and samples go to $folder"
"$target/debug/soak" "$minutes" "$NAMEPLATE_BIN" "$folder" "${SOAK_RATE:-500}" &
soak=$!
code=0
wait "$soak" || code=$?
soak=""
exit "$code"
