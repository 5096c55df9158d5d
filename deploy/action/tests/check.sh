#!/usr/bin/env bash
# Holds what runs `nameplate check` for others: the action against GitHub's schema of actions, and both hooks with
# pre-commit itself, in a repository made for it. The steps of the action are run by tests/it/deploy/action.rs.
set -euo pipefail
cd "$(dirname "$0")/../../.."
root=$PWD

say() { printf '== %s\n' "$*"; }

say "tools"
status=0
python=$(scripts/python-tools.sh) || status=$?
if [ "$status" = 3 ]; then
    printf '!! SKIPPED: all of deploy/action: its tools cannot be had here, see above\n' >&2
    exit 0
fi
[ "$status" = 0 ] || exit "$status"
nameplate=${NAMEPLATE_BIN:-${CARGO_TARGET_DIR:-target}/debug/nameplate}
[ -x "$nameplate" ] || cargo build --quiet --bin nameplate
nameplate=$(realpath "$nameplate")

say "shellcheck"
"$python/bin/shellcheck" deploy/action/*.sh

say "schema of actions"
"$python/bin/check-jsonschema" --builtin-schema vendor.github-actions deploy/action/action.yml

say "hooks"
"$python/bin/pre-commit" validate-manifest .pre-commit-hooks.yaml
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PATH="$folder/bin:$PATH" PRE_COMMIT_HOME=$folder/cache
mkdir -p "$folder/bin" "$folder/repository"
ln -s "$nameplate" "$folder/bin/nameplate"
cd "$folder/repository"
git init -q
cp "$root/conf/mapping.yaml" mapping.yaml
cp "$root/conf/mapping.yaml" notes.yaml
git add .
# The hooks as they are in the working tree, committed or not.
mkdir "$folder/hooks"
cp "$root/.pre-commit-hooks.yaml" "$folder/hooks"
git -C "$folder/hooks" init -q
git -C "$folder/hooks" add .
git -C "$folder/hooks" -c user.name=test -c user.email=test@example.com commit -qm hooks
try() { "$python/bin/pre-commit" try-repo "$folder/hooks" nameplate-check-system --all-files --verbose; }
try >"$folder/said" || { cat "$folder/said"; exit 1; }
grep -q '^mapping.yaml: ok: ' "$folder/said"
if grep -q 'notes.yaml' "$folder/said"; then
    echo "the hook looked at notes.yaml" >&2
    exit 1
fi
printf 'APIS: []\n' >team-mapping.yaml
git add .
if try >"$folder/said"; then
    echo "a mapping with an error passed" >&2
    exit 1
fi
grep -q '^team-mapping.yaml:1:1: error: ' "$folder/said" || { cat "$folder/said"; exit 1; }
echo "the hook takes conf/mapping.yaml, looks at no other file, and stops a commit with an error"
