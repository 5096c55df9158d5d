#!/usr/bin/env bash
# What the workflow of a mapping repository does, as commands that run anywhere: docs/deploy.md, "The pipeline".
#
#   pipeline.sh review      checks the mapping, compares it with the one in the bucket, plans; says what it means
#   pipeline.sh decide      the same, before a release: refuses a change that running tasks would hold
#   pipeline.sh upload      uploads the mapping, if the bucket still has what was compared, and everything is deployed
#   pipeline.sh save-plan   keeps the plan beside the mapping: it is what the next one starts from
#   pipeline.sh keep-commit keeps the commit whose release is complete: what has changed since then is not deployed
#   pipeline.sh comment N   puts the review's summary on pull request N, and the label `deployment` where one is needed
#
# Exit codes: 0 done, 1 a mapping or its plan has faults, 2 something could not be read or written, 3 a deployment
# must come first, 4 running tasks would hold the change, 5 the bucket has changed since it was compared.
set -euo pipefail
# shellcheck source=deploy/pipeline/parts.sh
. "$(dirname "$0")/parts.sh"

mapping=${MAPPING:-mapping.yaml}                # the mapping in this repository
nameplate=${NAMEPLATE_BIN:-nameplate}           # the program
work=${PIPELINE_DIR:-.pipeline}                 # where one command leaves things for the next
read -ra zone_flags <<<"${ZONE_FLAGS:-}"         # of check and plan: --zones, --own
read -ra plan_flags <<<"${PLAN_FLAGS:-}"         # of plan: --elb, --validation-zone, --quota
allow_held=${ALLOW_HELD:-false}                  # true: let pass what running tasks hold until they are told
infrastructure_folder=${INFRASTRUCTURE:-infrastructure} # what deploy.sh deploys
summary=${GITHUB_STEP_SUMMARY:-/dev/stderr}
outputs=${GITHUB_OUTPUT:-/dev/null}
# GitHub's annotations go here, also from inside of $(...).
exec 3>&1

# die CODE WHAT HELP: for people, and as GitHub's annotation.
die() {
    # The runner reads this, too, and a line of it that begins with `::` would be a command.
    local plain="error: $2"$'\n'"  help: $3"
    plain=${plain//::/: :}
    printf '%s\n' "${plain//'##['/'# #['}" >&2
    if [ -n "${GITHUB_ACTIONS:-}" ]; then
        printf '::error title=mapping::%s%%0Ahelp: %s\n' "$(escaped "$2")" "$(escaped "$3")" >&3
    fi
    exit "$1"
}

# Text inside of a workflow command: a line of its own would be another command.
escaped() {
    local text=${1//'%'/%25}
    text=${text//$'\r'/%0D}
    printf '%s' "${text//$'\n'/%0A}"
}

bucket() { printf '%s' "$1" | sed -n 's|^s3://\([^/]*\)/.*|\1|p'; }
key() { printf '%s' "$1" | sed -n 's|^s3://[^/]*/||p'; }

# Where things are in S3.
locate() {
    case ${MAPPING_URI:-} in
        s3://?*/?*) ;;
        "") die 2 "MAPPING_URI is not set" "it is where tasks read the mapping: s3://bucket/mapping.yaml" ;;
        *) die 2 "MAPPING_URI is $MAPPING_URI" "write s3://bucket/key" ;;
    esac
    local at=${MAPPING_URI%/} # of a prefix, what stands beside it: below it, plan.json would be a part
    plan_uri=${PLAN_URI:-${at%/*}/plan.json}
    released_uri=${RELEASED_URI:-${at%/*}/released-commit}
    current=$work/current.yaml
}

# fetch URI FILE: the object and its ETag at once; an empty file and `none` where there is none yet.
fetch() {
    local etag
    if etag=$(aws s3api get-object --bucket "$(bucket "$1")" --key "$(key "$1")" "$2" \
        --query ETag --output text 2>"$work/aws.err"); then
        printf '%s\n' "$etag" >"$2.etag"
    elif grep -q NoSuchKey "$work/aws.err"; then
        : >"$2"
        echo none >"$2.etag"
    else
        die 2 "cannot read $1: $(tr '\n' ' ' <"$work/aws.err")" \
            "the role needs s3:GetObject on it and s3:ListBucket on its bucket, and the bucket must be deployed"
    fi
}

# put FILE URI ETAG TYPE: writes the object if it is still what was read. Prints the new ETag.
put() {
    local condition=(--if-match "$3") etag
    [ "$3" != none ] || condition=(--if-none-match '*')
    if etag=$(aws s3api put-object --bucket "$(bucket "$2")" --key "$(key "$2")" --body "$1" --content-type "$4" \
        "${condition[@]}" --query ETag --output text 2>"$work/aws.err"); then
        printf '%s\n' "$etag"
    elif grep -qE 'PreconditionFailed|ConditionalRequestConflict|\(412\)|\(409\)' "$work/aws.err"; then
        die 5 "$2 has changed since it was read" "run this again: it compares with what is there now"
    else
        die 2 "cannot write $2: $(tr '\n' ' ' <"$work/aws.err")" "the role needs s3:PutObject on it"
    fi
}

# What of a plan is deployed; the rest of it changes with every mapping. The names in it are jq's.
# shellcheck disable=SC2016
infrastructure='
def infrastructure: [
    (.hosted_zones[]? | .name as $zone | "private hosted zone \($zone)", (.records[] | "record \(.) in zone \($zone)")),
    (.certificates[]? | "certificate \(.id) for \(.names | join(", "))"),
    (.import_names[]? | "imported certificate for \(.)"),
    (.default_certificate // empty | "default certificate \(.)"),
    (.regions[]? | "region \(.)"),
    (.endpoints[]? | "endpoint \(.)")];
def policies: [.resource_policies[]? | {id: "\(.api_id) in \(.region)", policy}];'

# Compares, and leaves in $work: what the bucket has (current.yaml, state.json, each with its ETag), check.json,
# plan.json and delta.json.
compare() {
    local code=0
    locate
    mkdir -p "$work"
    rm -f "$work/delta.json" # what was decided before
    if is_in_parts; then fetch_parts; else fetch "$MAPPING_URI" "$current"; fi
    "$nameplate" check "$mapping" --against "$current" --format json \
        ${zone_flags[@]+"${zone_flags[@]}"} >"$work/check.json" || code=$?
    case $code in
        0 | 3 | 4) ;;
        1 | 2) faults "$code" ;;
        *) die 2 "nameplate check ended with $code" "see what it said above" ;;
    esac
    # The same two files, so the same code: what happens to requests and to access, for the pull request.
    "$nameplate" check "$mapping" --against "$current" --format markdown \
        ${zone_flags[@]+"${zone_flags[@]}"} >"$work/change.md" || [ $? = "$code" ]
    fetch "$plan_uri" "$work/state.json"
    if [ "$(cat "$work/state.json.etag")" = none ] && [ "$(cat "$work/current.yaml.etag")" != none ]; then
        die 2 "there is a mapping at $MAPPING_URI, and no plan at $plan_uri" \
            "upload the plan that was deployed: aws s3 cp plan.json $plan_uri"
    fi
    local flags=(${zone_flags[@]+"${zone_flags[@]}"} ${plan_flags[@]+"${plan_flags[@]}"})
    [ ! -s "$work/state.json" ] || flags+=(--state "$work/state.json")
    if ! "$nameplate" plan "$mapping" --format json ${flags[@]+"${flags[@]}"} >"$work/plan.json" 2>"$work/plan.err"; then
        {
            printf '<!-- nameplate -->\n### Mapping: there is no plan for it\n\n<pre>\n'
            jq -Rrs @html "$work/plan.err"
            echo '</pre>'
        } | tee "$work/summary.md" >>"$summary"
        rm -f "$work/delta.json"
        printf 'verdict=%s\ndeploy=none\n' "$(verdict)" >>"$outputs"
        die 1 "$mapping cannot be planned: $(cat "$work/plan.err")" "docs/plan.md tells of quotas; PLAN_FLAGS raises them"
    fi
    [ -s "$work/state.json" ] || echo '{}' >"$work/state.json"
    delta
}

delta() {
    jq -n --slurpfile new "$work/plan.json" --slurpfile old "$work/state.json" "$infrastructure"'
        ($new[0] | infrastructure) as $n | ($old[0] | infrastructure) as $o
        | {added: ($n - $o), removed: ($o - $n),
           policies: (($new[0] | policies) - ($old[0] | policies) | map(.id))}
        | .deploy = (if .added != [] then "before" elif .removed != [] then "after" else "none" end)
    ' >"$work/delta.json"
}

# faults CODE: each fault on its line, all of them in the summary; ends with the code.
faults() {
    if jq -es 'any(.[]; (.ok | not) and (.mapping == $current or (.mapping | startswith($current + "/"))))' \
        --arg current "$current" "$work/check.json" >/dev/null; then
        die 2 "the mapping at $MAPPING_URI has faults itself: $(jq -r '.faults[0].what // .unreadable // empty' "$work/check.json")" \
            "put a good version of it back (docs/deploy.md, \"Roll back\"), then run this again"
    fi
    jq -r '
        def property: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A") | gsub(":"; "%3A") | gsub(","; "%2C");
        def message: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A");
        select(.ok | not) | (.mapping | property) as $file
        | (.faults[] | "::error file=\($file),line=\(.line),col=\(.column),title=mapping::"
            + ("\(.what)\n    \(.text // "")\nhelp: \(.help // "")" | message)),
          (.unreadable // empty | "::error title=mapping::" + message)
    ' "$work/check.json"
    {
        echo '<!-- nameplate -->'
        jq -r 'select(.ok | not) | "### Mapping: \(.errors) faults in \(.mapping | @html)\n\n<pre>",
            ((.faults[:100][] | "\(.line):\(.column): \(.what)\n    \(.text // "")\n  help: \(.help // "")"),
             (.unreadable // empty) | @html), "</pre>"' "$work/check.json"
    } | tee "$work/summary.md" >>"$summary"
    printf 'verdict=faults\ndeploy=none\n' >>"$outputs"
    exit "$1"
}

verdict() { jq -r .against.verdict "$work/check.json"; }
deploy() { jq -r .deploy "$work/delta.json"; }

# What the change does, for people.
summarize() {
    { counts_and_needs; echo; cat "$work/change.md"; } | tee "$work/summary.md" >>"$summary"
    printf 'verdict=%s\n' "$(verdict)" >>"$outputs"
}

# What changes in the mapping, and what must be deployed.
counts_and_needs() {
    jq -rn --slurpfile check "$work/check.json" --slurpfile delta "$work/delta.json" --slurpfile plan "$work/plan.json" '
        def few: if length > 100 then .[:100] + ["and \(length - 100) more"] else . end;
        def list($sign): few | map("    \($sign) \(.)") | join("\n");
        $check[0] as $c | $c.against as $a | $delta[0] as $d
        | "<!-- nameplate -->",
          "### Mapping \($c.version): \($c.entries) entries, \($c.domains) domains",
          "",
          "\($a.added) added, \($a.removed) removed, \($a.changed) changed, \($a.unchanged) unchanged.",
          (if $a.verdict == "held" and $a.grows_beyond then
            "\n**Running tasks will hold this change**: it has \($c.entries) entries, and they take no change that grows "
            + "beyond \($a.grows_beyond). Was it generated as it should be? docs/mapping.md has more."
          elif $a.verdict == "held" then
            "\n**Running tasks will hold this change**: it removes \($a.removed_domains) of \($a.domains) domains, and "
            + "they take no change that removes more than \($a.max_removed_percent) %. Split it; docs/mapping.md has more."
          else empty end),
          (if $d.deploy == "before" then "\n**Deployment needed before the upload.** The release does both, in this order."
          elif $d.deploy == "after" then "\nHot. A deployment after the upload takes away what is not needed any more."
          else "\nHot: running tasks take it from the bucket, without a deployment." end),
          (if $d.added + $d.removed != [] then "\n\($d.added | list("+"))\n\($d.removed | list("-"))" else empty end),
          (if $d.policies != [] then "\nResource policies that change: \($d.policies | few | join(", ")). Before the release: "
            + "`nameplate policy apply`." else empty end),
          (if $plan[0].warnings // [] != [] then "\n<pre>\($plan[0].warnings[:50] | map("warning: \(.about) \(.name): \(.what)"
            + "\n  help: \(.help)") | join("\n") | @html)</pre>" else empty end),
          (if $a.changes != [] then "\n| | domain | private API |\n|---|---|---|" else empty end),
          ($a.changes[:100][] | "| \(.change) | `\(.domain)\(.base_path)` | `\(.private_api_url)` |"),
          (if ($a.changes | length) > 100 then "| | and \(($a.changes | length) - 100) more | |" else empty end)
    '
}

review() {
    compare
    summarize
    printf 'deploy=%s\n' "$(deploy)" >>"$outputs"
    refuse_held
}

decide() {
    compare
    summarize
    fetch "$released_uri" "$work/released"
    local when
    when=$(deploy)
    if [ "$when" = none ] && infrastructure_changed; then
        when=before
        printf '\n**Deployment**: not of the mapping, but of %s.\n' "$infrastructure_folder" | tee -a "$work/summary.md" >>"$summary"
    fi
    printf 'deploy=%s\n' "$when" >>"$outputs"
    refuse_held
}

# Whether what deploys it has changed since the last release that was complete, or FORCE_DEPLOY says so: a release that
# failed, or that never ran, deployed nothing. Where nothing was released yet, or from a commit that is not here any
# more, nobody knows what is deployed, and Terraform and CDK find out. Without a repository there is nothing to compare.
infrastructure_changed() {
    [ "${FORCE_DEPLOY:-false}" != true ] || return 0
    git rev-parse --quiet --verify HEAD >/dev/null 2>&1 || return 1
    git ls-tree -d --name-only HEAD -- "$infrastructure_folder" | grep -q . || return 1
    case $(cat "$work/released") in "" | *[!0-9a-f]*) return 0 ;; esac
    ! git diff --quiet "$(cat "$work/released")" HEAD -- "$infrastructure_folder" 2>/dev/null
}

keep_commit() {
    locate
    [ -e "$work/released.etag" ] || die 2 "nothing has been decided in $work" "run pipeline.sh decide first"
    local commit
    if ! commit=$(git rev-parse --verify HEAD 2>/dev/null); then
        echo "no repository, so no commit to keep"
        return
    fi
    printf '%s' "$commit" >"$work/commit"
    if cmp -s "$work/commit" "$work/released"; then return; fi
    put "$work/commit" "$released_uri" "$(cat "$work/released.etag")" text/plain >"$work/saved.etag"
    mv "$work/saved.etag" "$work/released.etag"
    cp "$work/commit" "$work/released"
    echo "released $commit"
}

refuse_held() {
    if [ "$(verdict)" = held ] && [ "$allow_held" != true ]; then
        die 4 "running tasks would hold this change: it removes too many domains, or grows too much" \
            "split it; or release it with allow_held, and tell each task: nameplate reload --allow-shrink"
    elif [ "$(verdict)" = held ]; then
        echo "::warning title=mapping::running tasks hold this change until they are told: nameplate reload --allow-shrink"
    fi
}

upload() {
    [ -s "$work/delta.json" ] || die 2 "nothing has been decided in $work" "run pipeline.sh decide first"
    refuse_held
    locate
    # What is deployed by now is what was saved after the deployment.
    fetch "$plan_uri" "$work/state.json"
    [ -s "$work/state.json" ] || echo '{}' >"$work/state.json"
    delta
    if [ "$(deploy)" = before ]; then
        die 3 "not deployed yet: $(jq -r '.added[:20] | join("; ")' "$work/delta.json")" \
            "deploy plan.json, then pipeline.sh save-plan, then upload"
    fi
    if is_in_parts; then
        upload_parts
        return
    fi
    # Terraform writes the object too, with the same bytes; so it is these that must not have changed, and then the ETag
    # keeps it so until the upload.
    fetch "$MAPPING_URI" "$work/latest.yaml"
    if cmp -s "$mapping" "$work/latest.yaml"; then
        echo "$MAPPING_URI has it already"
        cp "$mapping" "$work/current.yaml"
        return
    fi
    if ! cmp -s "$work/current.yaml" "$work/latest.yaml"; then
        die 5 "$MAPPING_URI has changed since it was compared" "run this again: it compares with what is there now"
    fi
    local etag
    etag=$(put "$mapping" "$MAPPING_URI" "$(cat "$work/latest.yaml.etag")" application/yaml)
    fetch "$MAPPING_URI" "$work/uploaded.yaml"
    if [ "$(cat "$work/uploaded.yaml.etag")" != "$etag" ] || ! cmp -s "$mapping" "$work/uploaded.yaml"; then
        die 5 "$MAPPING_URI is not what was uploaded" "somebody else writes there: see the object's versions"
    fi
    cp "$work/uploaded.yaml" "$work/current.yaml"
    "$nameplate" check "$work/uploaded.yaml" --format json | jq -r '"uploaded version \(.version)"'
    echo "each task shows it in nameplate_mapping_info and in /mapping"
}

save_plan() {
    locate
    [ -s "$work/plan.json" ] || die 2 "there is no plan in $work" "run pipeline.sh decide first"
    if cmp -s "$work/plan.json" "$work/state.json"; then return; fi
    put "$work/plan.json" "$plan_uri" "$(cat "$work/state.json.etag")" application/json >"$work/saved.etag"
    mv "$work/saved.etag" "$work/state.json.etag"
    cp "$work/plan.json" "$work/state.json"
    echo "saved $plan_uri"
}

# github METHOD PATH [FILE]: asks GitHub's API. The token is no argument: those can be seen by other processes.
github() {
    local body=()
    [ $# -lt 3 ] || body=(--data-binary "@$3")
    printf 'Authorization: Bearer %s\n' "$GITHUB_TOKEN" | curl -sS --fail-with-body -X "$1" -H @- \
        -H 'Accept: application/vnd.github+json' ${body[@]+"${body[@]}"} \
        "${GITHUB_API_URL:-https://api.github.com}/repos/$GITHUB_REPOSITORY/$2"
}

# comment N: one comment for a pull request, written anew at each push. GitHub takes 65,536 characters.
comment() {
    local id="" page=0 comments
    jq -Rs '{body: (if length > 65000 then .[:65000] + "\n\n(cut off; the job has all of it in its summary)" else . end)}' \
        "$work/summary.md" >"$work/comment.json"
    while [ -z "$id" ]; do
        page=$((page + 1))
        comments=$(github GET "issues/$1/comments?per_page=100&page=$page")
        id=$(jq -r '[.[] | select(.user.type == "Bot" and (.body | startswith("<!-- nameplate -->"))) | .id][0] // empty' \
            <<<"$comments")
        [ "$(jq length <<<"$comments")" = 100 ] || break
    done
    if [ -n "$id" ]; then
        github PATCH "issues/comments/$id" "$work/comment.json" >/dev/null
    else
        github POST "issues/$1/comments" "$work/comment.json" >/dev/null
    fi
    if [ -s "$work/delta.json" ] && [ "$(deploy)" = before ]; then
        echo '{"labels": ["deployment"]}' >"$work/label.json"
        github POST "issues/$1/labels" "$work/label.json" >/dev/null
    elif github GET "issues/$1/labels?per_page=100" | jq -e 'any(.[]; .name == "deployment")' >/dev/null; then
        github DELETE "issues/$1/labels/deployment" >/dev/null
    fi
}

case ${1:-} in
    review | decide | upload) "$1" ;;
    save-plan) save_plan ;;
    keep-commit) keep_commit ;;
    comment) comment "${2:?the number of the pull request}" ;;
    *)
        sed -n '2,13p' "$0" | sed 's/^# \{0,1\}//' >&2
        exit 2
        ;;
esac
