#!/usr/bin/env bash
# Everything around the proxy, without an AWS account: Terraform and CDK each by itself, then held against each other,
# their settings against Nameplate, the pipeline of a mapping repository, and the action and hooks that check one. What
# cannot be run for want of a tool is said loudly, at its place and once more at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${CARGO_TARGET_DIR:-target}/deploy
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -rf "$out"/{terraform-plan,terraform-state,settings}-*.json "$out"/cdk-{nlb,alb,existing,shared,staged} "$out/cdk-variables.json"
export NAMEPLATE_BIN=${NAMEPLATE_BIN:-${CARGO_TARGET_DIR:-target}/debug/nameplate}
[ -x "$NAMEPLATE_BIN" ] || cargo build --quiet --bin nameplate

# Side by side: each waits for other programs most of the time. Each one's words in one piece.
checks=(deploy/terraform/tests/check.sh deploy/cdk/test/check.sh deploy/pipeline/tests/check.sh
    deploy/action/tests/check.sh)
part_of() { cut -d/ -f2 <<<"$1"; }
jobs=()
for check in "${checks[@]}"; do
    "$check" >"$out/$(part_of "$check")-check.log" 2>&1 &
    jobs+=($!)
done
end() {
    local pid
    for pid in "${jobs[@]}"; do kill "$pid" 2>/dev/null || true; done
}
trap end EXIT
failed=0
for check in "${checks[@]}"; do
    part=$(part_of "$check")
    printf '\n== deploy: %s\n' "$part"
    status=0
    wait "${jobs[0]}" || status=$?
    jobs=("${jobs[@]:1}")
    cat "$out/$part-check.log"
    [ "$status" = 0 ] || { printf '!! FAILED: %s (%s)\n' "$check" "$status" >&2; failed=1; }
done
[ "$failed" = 0 ] || exit 1

printf '\n== deploy: parity\n'
cases=(nlb alb existing shared staged)
if [ -e "$out/terraform-state-nlb.json" ] && [ -e "$out/cdk-nlb" ]; then
    (cd deploy/cdk && npx --no-install tsx -e '
        import { VARIABLES } from "./lib/variables";
        const defaults = Object.entries(VARIABLES).map(([name, variable]) => [name, variable.fallback]);
        console.log(JSON.stringify(Object.fromEntries(defaults)));') >"$out/cdk-variables.json"
    python3 deploy/parity/compare.py "$out" "${cases[@]}"
    for case in "${cases[@]}"; do
        "$NAMEPLATE_BIN" check conf/mapping.yaml --config "$out/settings-$case.json" >/dev/null
    done
    echo "parity: nameplate takes the settings of all ${#cases[@]}"
else
    echo "!! NOT RUN: parity: it needs what both ${checks[0]} and ${checks[1]} leave" >&2
fi

missed=$(grep -h '^!! \(NOT RUN\|SKIPPED\)' "$out"/{terraform,cdk,pipeline,action}-check.log || true)
[ -z "$missed" ] || printf '\n!! deploy: not everything was run:\n%s\n' "$missed" >&2
