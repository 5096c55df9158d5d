#!/usr/bin/env bash
# The soak: bench/soak/README.md. Usage: bench/soak/run.sh [MINUTES, default 60]
# NAMEPLATE_BIN names a binary to soak; without it the release build is made and taken.
set -euo pipefail
cd "$(dirname "$0")/../.."

minutes=${1:-60}
target=${CARGO_TARGET_DIR:-target}
if [ -z "${NAMEPLATE_BIN:-}" ]; then
    scripts/preflight.sh
    cargo build --release --quiet
    NAMEPLATE_BIN=$target/release/nameplate
fi
cargo build --example soak --quiet
echo "soak: $NAMEPLATE_BIN for $minutes min; log and samples go to $target/soak"
exec "$target/debug/examples/soak" "$minutes" "$NAMEPLATE_BIN" "$target/soak"
