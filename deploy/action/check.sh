#!/usr/bin/env bash
# What the action does: checks MAPPINGS, with annotations for GitHub, and writes SARIF where SARIF names a file, and the
# body of a comment, with what the change does to requests and to access, where COMMENT names one. The
# step fails on errors (1) and on what cannot be read (2). What --against finds, deploy first (3) or held (4), is an
# output and no failure: that is for the workflow to judge.
set -euo pipefail

nameplate=${NAMEPLATE_BIN:-nameplate}
# Patterns are Nameplate's to expand: it says which one matches nothing.
set -f
# shellcheck disable=SC2206 # they are separated by spaces and line breaks
mappings=(${MAPPINGS:-})
if [ ${#mappings[@]} = 0 ]; then
    echo "::error::the input \`mappings\` names no file"
    exit 2
fi
options=()
[ -z "${CONFIG:-}" ] || options+=(--config "$CONFIG")
[ -z "${AGAINST:-}" ] || options+=(--against "$AGAINST")

code=0
"$nameplate" check ${options[@]+"${options[@]}"} --format github -- "${mappings[@]}" || code=$?
if [ -n "${SARIF:-}" ]; then
    # The same files give the same code.
    "$nameplate" check ${options[@]+"${options[@]}"} --format sarif -- "${mappings[@]}" >"$SARIF" || [ $? = "$code" ]
fi
if [ -n "${COMMENT:-}" ]; then
    "$nameplate" check ${options[@]+"${options[@]}"} --format markdown -- "${mappings[@]}" >"$COMMENT" || [ $? = "$code" ]
fi
[ -z "${GITHUB_OUTPUT:-}" ] || echo "code=$code" >>"$GITHUB_OUTPUT"
case $code in
    0 | 3 | 4) ;;
    *) exit "$code" ;;
esac
