#!/usr/bin/env bash
# Fuzzes what strangers' bytes reach first: fuzz/README.md. Each target runs for a bounded time, from
# its seeds and from what earlier runs on this machine found; a crash is an exit of 1, and a line that
# repeats it. Usage: scripts/fuzz.sh [SECONDS per target, default 20; 0 only builds] [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-20}
shift || true
build=${CARGO_TARGET_DIR:-target}/fuzz
mkdir -p "$build"
build=$(cd "$build" && pwd)

# Without a fuzzer the same checks still hold every seed.
replay() {
    printf '\n!! NOT FUZZED: %s\n!! The checks run over the seeds only.\n\n' "$1" >&2
    exec cargo test -p nameplate-promises --locked
}

PATH=$PATH:$build/bin
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz: installing cargo-fuzz into $build" >&2
    # It only starts other programs, so it need not be fast itself.
    cargo install cargo-fuzz@0.13.2 --locked --quiet --debug --root "$build" || replay "cargo-fuzz is missing, and could not be installed"
fi

# No sanitizer: the code under test has no unsafe block, so there is no memory for one to watch, and
# without one the stable toolchain is enough and the build takes half as long. Overflow checks and
# debug assertions are on.
fuzz() { cargo fuzz "$1" --sanitizer none --target-dir "$build" "${@:2}"; }

echo "fuzz: building"
fuzz build
[ "$seconds" != 0 ] || exit 0
read -ra targets <<<"${*:-$(cargo fuzz list | tr '\n' ' ')}"
for target in "${targets[@]}"; do
    echo "fuzz: $target for $seconds s"
    mkdir -p "fuzz/corpus/$target"
    log=$build/$target.log
    dictionary=fuzz/dictionaries/$target
    # -timeout: an input that takes seconds is a fault too. A mapping has to be long enough for some
    # entries; the others are as long as a request's own limits.
    if ! fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 \
        -print_final_stats=1 -verbosity=1 ${dictionary:+-dict="$dictionary"} >"$log" 2>&1; then
        tail -n 60 "$log"
        echo "fuzz: $target broke a promise; the input is in fuzz/artifacts/$target. Once more:" >&2
        echo "    cargo fuzz run --sanitizer none --target-dir $build $target \$(ls -t fuzz/artifacts/$target/* | head -1)" >&2
        exit 1
    fi
    grep -E 'number_of_executed_units|average_exec_per_sec|peak_rss_mb' "$log" | sed 's/^stat::/    /'
done
echo "fuzz: no promise was broken"
