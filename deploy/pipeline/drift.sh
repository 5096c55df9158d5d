#!/usr/bin/env bash
# Compares the mapping that tasks serve with what AWS has, for a job that runs every night: docs/drift.md.
#
#   MAPPING_URI     where tasks read the mapping: s3://bucket/mapping.yaml, or a prefix
#   VPC_ENDPOINTS   the ids of the VPC endpoints, as --vpce takes them: "vpce-0123456789abcdef0 far=vpce-0fedcba9876543210"
#   ACCOUNTS        a file of accounts, where other accounts have the APIs
#   DRIFT_FLAGS     more of nameplate drift: --proxy-region, --ignore, --certificate-days, --fold
#
# Each difference is an annotation and a row of the job's summary. It changes nothing. Exit codes: 0 nothing differs,
# 1 something does, 2 not everything could be looked at, or a variable is missing.
set -euo pipefail

nameplate=${NAMEPLATE_BIN:-nameplate}
work=${PIPELINE_DIR:-.pipeline}
summary=${GITHUB_STEP_SUMMARY:-/dev/stderr}

die() {
    printf 'error: %s\n  help: %s\n' "$1" "$2" >&2
    exit 2
}

[ -n "${MAPPING_URI:-}" ] || die "MAPPING_URI is not set" "it is where tasks read the mapping: s3://bucket/mapping.yaml"
[ -n "${VPC_ENDPOINTS:-}" ] || die "VPC_ENDPOINTS is not set" "it has the ids of the VPC endpoints that reach the APIs"
# Words on any number of lines; at the end of the text, read returns 1.
read -rd '' -a endpoints <<<"$VPC_ENDPOINTS" || true
read -rd '' -a flags <<<"${DRIFT_FLAGS:-}" || true
for endpoint in "${endpoints[@]}"; do flags+=(--vpce "$endpoint"); done
[ -z "${ACCOUNTS:-}" ] || flags+=(--accounts "$ACCOUNTS")

mkdir -p "$work"
code=0
"$nameplate" drift "$MAPPING_URI" --format json "${flags[@]}" >"$work/drift.json" || code=$?
# An error before the comparison has been told already.
[ -s "$work/drift.json" ] || exit "$code"

# GitHub shows the first ten errors and warnings of a step; the summary has all of them.
jq -r '
    def property: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A") | gsub(":"; "%3A") | gsub(","; "%2C");
    def message: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A");
    (.findings[] | (if .severity == "risk" then "warning" else "error" end) as $level
        | "::\($level) title=\("\(.kind) (\(.severity))" | property)::"
            + ("\(.about): \(.has)\nneeded: \(.wants)\nfix: \(.fix)" | message)),
    (.unknown[] | "::warning title=could not be looked at::" + ("\(.about): \(.why)\nfix: \(.fix)" | message))
' "$work/drift.json"
jq -r '
    def cell: gsub("[\r\n]+"; " ") | gsub("\\|"; "\\|") | @html;
    def list: if length > 5 then (.[:5] | join(", ")) + " and \(length - 5) more" else join(", ") end;
    "### Mapping \(.mapping.version) and AWS: \(.findings | length) differences, \(.unknown | length) not looked at",
    (if .findings != [] then "\n| | kind | about | domains | owners | AWS has | fix |\n|---|---|---|---|---|---|---|" else empty end),
    (.findings[:200][] | "| \(.severity) | \(.kind) | \(.about | cell) | \(.domains | list | cell) | \(.owners | list | cell) "
        + "| \(.has | cell) | \(.fix | cell) |"),
    (if (.findings | length) > 200 then "| | and \((.findings | length) - 200) more | | | | | |" else empty end),
    (if .unknown != [] then "\n| could not be looked at | why | fix |\n|---|---|---|" else empty end),
    (.unknown[:200][] | "| \(.about | cell) | \(.why | cell) | \(.fix | cell) |")
' "$work/drift.json" >>"$summary"
exit "$code"
