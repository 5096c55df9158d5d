#!/usr/bin/env bash
# The stories of deploy/pipeline: its scripts, run as the workflow runs them, against S3's API as moto answers it, with
# the AWS CLI, Terraform on a root module that needs no provider, and a stand-in for the few calls of GitHub's API.
# deploy/pipeline/tests/check.sh brings the tools and calls this.
set -euo pipefail
cd "$(dirname "$0")/../../.."

NAMEPLATE_BIN=$(realpath "${NAMEPLATE_BIN:-target/debug/nameplate}")
pipeline=$PWD/deploy/pipeline
page=$PWD/docs/deploy.md
folder=$(mktemp -d)
started=()
passed=0
finish() {
    local code=$?
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    [ "$code" = 0 ] || { echo "failed; what was said last:" >&2; cat "$folder/said" >&2; }
    rm -rf "$folder"
    exit "$code"
}
trap finish EXIT
cd "$folder"

# --- what the stories are told with

# run CODE COMMAND...: it must end with the code. What it says is in `said`.
run() {
    local want=$1 code=0
    shift
    : >"$folder/outputs"
    "$@" >"$folder/said" 2>&1 || code=$?
    [ "$code" = "$want" ] || { echo "$* ended with $code, not $want" >&2; return 1; }
}
said() { grep -qF -- "$1" "$folder/said" || { echo "it does not say: $1" >&2; return 1; }; }
told() { grep -qxF -- "$1" "$folder/outputs" || { echo "the workflow is not told $1, but: $(cat "$folder/outputs")" >&2; return 1; }; }
# s3 METHOD PATH [FILE]: for what the stories do themselves; it takes no second to start, as the AWS CLI does. moto
# looks at who signs, and not at the signature.
s3() {
    curl -sS --fail -X "$1" -H 'Authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0' \
        ${3:+-H 'Content-Type: application/octet-stream' --data-binary "@$3"} "$AWS_ENDPOINT_URL/$2"
}
in_bucket() { cmp "$1" <(s3 GET "$bucket/mapping.yaml"); }
story() {
    "$1"
    passed=$((passed + 1))
    printf 'ok %s\n' "${1//_/ }"
}
entry() {
    printf '  - CUSTOM_DOMAIN_URL: %s\n    PRIVATE_API_URL: https://api1.execute-api.eu-west-1.amazonaws.com/prod\n' "$1"
}
# mapping FILE DOMAIN...: a mapping of these.
mapping() {
    local file=$1
    shift
    { echo "APIS:"; for domain in "$@"; do entry "$domain"; done; } >"$file"
}
# deploy: as the step of the workflow. Without Terraform only the plan is saved.
deploy() {
    if command -v terraform >/dev/null; then run 0 "$pipeline/deploy.sh"; fi
    run 0 "$pipeline/pipeline.sh" save-plan
}
# A bucket of its own for each story, and in it what was released before: by Terraform, and by hand.
released() {
    bucket=maps-$RANDOM-$passed
    export MAPPING_URI=s3://$bucket/mapping.yaml
    s3 PUT "$bucket" >/dev/null
    echo '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>' >xml
    s3 PUT "$bucket?versioning" xml
    rm -rf .pipeline infrastructure/terraform.tfstate*
    [ $# = 0 ] && return
    mapping mapping.yaml "$@"
    run 0 "$pipeline/pipeline.sh" decide
    deploy
    run 0 "$pipeline/pipeline.sh" upload
}

seeded() {
    released
    mapping mapping.yaml "$@"
    "$NAMEPLATE_BIN" plan mapping.yaml --format json >plan.json
    s3 PUT "$bucket/mapping.yaml" mapping.yaml
    s3 PUT "$bucket/plan.json" plan.json
}

# --- what they run against

moto_server -H 127.0.0.1 -p 0 >moto.log 2>&1 &
started+=($!)
for _ in $(seq 300); do
    grep -q 'Running on http' moto.log && break
    sleep 0.1
done
AWS_ENDPOINT_URL=$(sed -n 's/.*Running on \(http[^ ]*\).*/\1/p' moto.log)
export AWS_ENDPOINT_URL AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 NAMEPLATE_BIN
export AWS_ACCESS_KEY_ID=AKIAEXAMPLE AWS_SECRET_ACCESS_KEY=secret AWS_EC2_METADATA_DISABLED=true
export GITHUB_STEP_SUMMARY=$folder/summary GITHUB_OUTPUT=$folder/outputs GITHUB_ACTIONS=true
# No settings of this machine: the root module needs no provider.
export TF_CLI_CONFIG_FILE=/dev/null
export INFRASTRUCTURE=infrastructure DEPLOY_WITH=terraform
unset GITHUB_TOKEN AWS_PROFILE AWS_SESSION_TOKEN MAPPING PLAN_URI ALLOW_HELD

mkdir infrastructure
cat >infrastructure/main.tf <<'TF'
variable "PLAN" { type = any }
variable "PROXY_CONFIG_PATH" { type = string }
resource "terraform_data" "zone" {
  for_each = toset(var.PLAN.hosted_zones[*].name)
  input    = each.key
}
output "zones" { value = keys(terraform_data.zone) }
output "mapping" { value = file(var.PROXY_CONFIG_PATH) }
TF
# As docs/deploy.md has it: the path is for those who apply by hand, and must not be what the pipeline deploys with.
echo 'PROXY_CONFIG_PATH = "../../mapping.yaml"' >infrastructure/terraform.tfvars
# What Terraform deployed, if there is one.
deployed() {
    command -v terraform >/dev/null || return 0
    [ "$(terraform -chdir=infrastructure output -json | jq -c .zones.value)" = "$1" ]
}

# --- the stories

# Nothing of the mapping is in this AWS.
where_aws_differs_from_the_mapping_is_told_every_night() {
    seeded pay.one.example.com
    : >summary
    export VPC_ENDPOINTS=vpce-0123456789abcdef0
    run 1 "$pipeline/drift.sh"
    said '::error title=api_gone (outage)::API api1 in eu-west-1: '
    said '::error title=vpc_endpoint_gone (outage)::VPC endpoint vpce-0123456789abcdef0: '
    said '::error title=record_missing (outage)::pay.one.example.com: '
    grep -q '^| outage | api_gone | API api1 in eu-west-1 | pay.one.example.com |' summary
    # A kind that is ignored is not reported, and without an answer nothing is known.
    local ignored="--ignore vpc_endpoint_gone --ignore record_missing --ignore certificate_missing --ignore certificate_ending"
    DRIFT_FLAGS="$ignored"$'\n'"--ignore api_gone" run 0 "$pipeline/drift.sh"
    AWS_ENDPOINT_URL_API_GATEWAY=$AWS_ENDPOINT_URL/nowhere DRIFT_FLAGS=$ignored run 2 "$pipeline/drift.sh"
    said '::warning title=could not be looked at::API api1 in eu-west-1: '
    MAPPING_URI='' run 2 "$pipeline/drift.sh"
    said 'MAPPING_URI is not set'
    unset VPC_ENDPOINTS
}

a_fault_is_told_on_its_line() {
    seeded a.one.example.com
    mapping mapping.yaml a.one.example.com
    sed -i 's|/prod$||' mapping.yaml
    run 1 "$pipeline/pipeline.sh" review
    said '::error file=mapping.yaml,line=3,col='
    said 'PRIVATE_API_URL has no stage%0A'
    grep -q 'help: add the deployed stage' summary
}
the_first_mapping_is_deployed_and_then_uploaded() {
    released
    mapping mapping.yaml a.one.example.com
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=before
    run 3 "$pipeline/pipeline.sh" upload
    said 'not deployed yet: private hosted zone one.example.com'
    deploy
    run 0 "$pipeline/pipeline.sh" upload
    in_bucket mapping.yaml
    deployed '["one.example.com"]'
}
a_domain_of_a_known_parent_is_uploaded_at_once() {
    seeded a.one.example.com
    mapping mapping.yaml a.one.example.com b.one.example.com
    run 0 "$pipeline/pipeline.sh" review
    told verdict=hot
    told deploy=none
    grep -q '| added | .b\.one\.example\.com. |' summary
    grep -q '| new domain | .b\.one\.example\.com., every verb |' summary
    grep -q '^#### Access: resource policies stay as they are$' summary
    run 0 "$pipeline/pipeline.sh" decide
    run 0 "$pipeline/pipeline.sh" upload
    said "uploaded version $("$NAMEPLATE_BIN" check mapping.yaml --format json | jq -r .version)"
    in_bucket mapping.yaml
}
a_new_parent_is_deployed_before_the_upload_with_the_old_mapping() {
    released a.one.example.com
    cp mapping.yaml old.yaml
    mapping mapping.yaml a.one.example.com a.two.example.com
    run 0 "$pipeline/pipeline.sh" decide
    told verdict=deployment
    told deploy=before
    run 3 "$pipeline/pipeline.sh" upload
    in_bucket old.yaml
    deploy
    deployed '["one.example.com","two.example.com"]'
    if command -v terraform >/dev/null; then
        cmp old.yaml <(terraform -chdir=infrastructure output -json | jq -j .mapping.value)
    fi
    run 0 "$pipeline/pipeline.sh" upload
    in_bucket mapping.yaml
    # And now nothing is left to do.
    run 0 "$pipeline/pipeline.sh" decide
    told verdict=none
    told deploy=none
}
what_nobody_needs_any_more_goes_after_the_upload() {
    released a.one.example.com a.two.example.com
    mapping mapping.yaml a.one.example.com
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=after
    run 0 "$pipeline/pipeline.sh" upload
    deploy
    in_bucket mapping.yaml
    deployed '["one.example.com"]'
    if command -v terraform >/dev/null; then
        cmp mapping.yaml <(terraform -chdir=infrastructure output -json | jq -j .mapping.value)
    fi
}
a_change_that_tasks_hold_is_refused_unless_it_is_meant() {
    seeded a.one.example.com b.one.example.com c.one.example.com
    mapping mapping.yaml a.one.example.com
    run 4 "$pipeline/pipeline.sh" review
    said '::error title=mapping::running tasks would hold this change'
    run 4 "$pipeline/pipeline.sh" decide
    told verdict=held
    run 4 "$pipeline/pipeline.sh" upload
    run 0 env ALLOW_HELD=true "$pipeline/pipeline.sh" decide
    said '::warning title=mapping::running tasks hold this change until they are told'
    run 0 env ALLOW_HELD=true "$pipeline/pipeline.sh" upload
    in_bucket mapping.yaml
}
a_mapping_that_no_quota_has_room_for_is_told() {
    seeded a.one.example.com
    mapping mapping.yaml a.one.example.com a.two.example.com
    run 1 env PLAN_FLAGS="--quota hosted-zones=1" "$pipeline/pipeline.sh" review
    said '::error title=mapping::mapping.yaml cannot be planned: '
    grep -q 'there is no plan for it' summary
}
somebody_elses_upload_is_not_overwritten() {
    seeded a.one.example.com
    mapping mapping.yaml a.one.example.com b.one.example.com
    run 0 "$pipeline/pipeline.sh" decide
    mapping theirs.yaml a.one.example.com theirs.one.example.com
    s3 PUT "$bucket/mapping.yaml" theirs.yaml
    run 5 "$pipeline/pipeline.sh" upload
    said 'has changed since it was compared'
    in_bucket theirs.yaml
}
not_even_between_the_last_look_and_the_upload() {
    seeded a.one.example.com
    mapping mapping.yaml a.one.example.com b.one.example.com
    run 0 "$pipeline/pipeline.sh" decide
    mapping theirs.yaml a.one.example.com theirs.one.example.com
    mkdir -p racing
    # Whoever is quicker by one request.
    cat >racing/aws <<WRAPPER
#!/bin/sh
[ "\$2" != put-object ] || "$(command -v aws)" s3api put-object --bucket "$bucket" --key mapping.yaml \
    --body "$folder/theirs.yaml" >/dev/null
exec "$(command -v aws)" "\$@"
WRAPPER
    chmod +x racing/aws
    run 5 env PATH="$folder/racing:$PATH" "$pipeline/pipeline.sh" upload
    said 'has changed since it was read'
    in_bucket theirs.yaml
}
a_mapping_without_its_plan_and_a_bucket_that_is_not_there_are_no_beginnings() {
    seeded a.one.example.com
    s3 DELETE "$bucket/plan.json"
    run 2 "$pipeline/pipeline.sh" decide
    said "upload the plan that was deployed: aws s3 cp plan.json s3://$bucket/plan.json"
    MAPPING_URI=s3://no-such-bucket/mapping.yaml run 2 "$pipeline/pipeline.sh" decide
    said 's3:ListBucket'
}
a_mapping_in_the_bucket_that_has_a_fault_is_told_apart() {
    seeded a.one.example.com
    echo 'APIS: [' >broken.yaml
    s3 PUT "$bucket/mapping.yaml" broken.yaml
    mapping mapping.yaml a.one.example.com b.one.example.com
    run 2 "$pipeline/pipeline.sh" review
    said "::error title=mapping::the mapping at $MAPPING_URI has faults itself: "
    ! grep -q 'file=' said
}
# commit FILE TEXT: in the repository that the next stories are in.
commit() {
    mkdir -p infrastructure
    echo "$2" >"$1"
    git add -A .
    git -c user.name=t -c user.email=t@example.com commit -q -m "$1: $2"
}
# repository STORY: runs it in a repository of its own, whose mapping is in the bucket.
repository() {
    seeded a.one.example.com
    git init -q -b main repository
    cp mapping.yaml repository
    (cd repository && echo .pipeline >.gitignore && "$1")
    rm -rf repository
}
release() {
    run 0 "$pipeline/pipeline.sh" decide
    run 0 "$pipeline/pipeline.sh" save-plan
    run 0 "$pipeline/pipeline.sh" keep-commit
}
in_its_repository() {
    commit infrastructure/terraform.tfvars a
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=before # nobody knows what is deployed
    release
    said "released $(git rev-parse HEAD)"
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=none
    run 0 env FORCE_DEPLOY=true "$pipeline/pipeline.sh" decide
    told deploy=before
    commit infrastructure/terraform.tfvars b
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=before
    grep -q 'not of the mapping, but of infrastructure' "$folder/summary"
    # History was rewritten, and the commit is gone.
    printf 1111111111111111111111111111111111111111 >gone
    s3 PUT "$bucket/released-commit" gone
    rm gone
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=before
}
what_deploys_it_is_deployed_when_it_changes() { repository in_its_repository; }
after_a_release_that_failed() {
    commit infrastructure/terraform.tfvars a
    release
    commit infrastructure/terraform.tfvars b
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=before
    # Deploying fails here, and the next push touches nothing of it.
    commit README.md hello
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=before
    release
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=none
}
a_release_that_failed_is_made_good_by_the_next_one() { repository after_a_release_that_failed; }
after_a_release_that_never_ran() {
    commit infrastructure/terraform.tfvars a
    release
    commit infrastructure/terraform.tfvars b
    # Another push came before that one's release could begin, and took its place in the queue.
    commit README.md hello
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=before
    # And while it runs, another one that ran elsewhere is complete.
    git rev-parse HEAD^ | tr -d '\n' >.pipeline/theirs
    s3 PUT "$bucket/released-commit" .pipeline/theirs
    run 5 "$pipeline/pipeline.sh" keep-commit
    said 'has changed since it was read'
}
a_release_that_was_superseded_is_not_skipped() { repository after_a_release_that_never_ran; }
without_variables_nothing_is_deployed() {
    released
    mapping mapping.yaml a.one.example.com
    run 0 "$pipeline/pipeline.sh" decide
    mv infrastructure/terraform.tfvars kept
    run 2 "$pipeline/deploy.sh"
    mv kept infrastructure/terraform.tfvars
    said 'infrastructure has no variables'
    run 2 env INFRASTRUCTURE=elsewhere "$pipeline/deploy.sh"
    said 'there is no folder elsewhere'
}
the_pull_request_has_one_comment_and_a_label_while_it_needs_a_deployment() {
    seeded a.one.example.com
    python3 "$pipeline/tests/github.py" >github.log 2>&1 &
    started+=($!)
    for _ in $(seq 100); do
        [ -s github.log ] && break
        sleep 0.1
    done
    export GITHUB_API_URL GITHUB_TOKEN=t0ken GITHUB_REPOSITORY=corp/mapping
    GITHUB_API_URL=$(head -1 github.log)
    mapping mapping.yaml a.one.example.com a.two.example.com
    run 0 "$pipeline/pipeline.sh" review
    run 0 "$pipeline/pipeline.sh" comment 7
    mapping mapping.yaml a.one.example.com b.one.example.com
    run 0 "$pipeline/pipeline.sh" review
    run 0 "$pipeline/pipeline.sh" comment 7
    # More than GitHub takes in one comment.
    # shellcheck disable=SC2046
    mapping mapping.yaml $(for parent in $(seq 300); do echo "a.$(printf '%0100d' 0 | cut -c 1-36).team-$parent.example.com"; done)
    run 0 env ALLOW_HELD=true PLAN_FLAGS="--quota certificates-per-listener=99" "$pipeline/pipeline.sh" review
    run 0 "$pipeline/pipeline.sh" comment 7
    unset GITHUB_API_URL GITHUB_TOKEN GITHUB_REPOSITORY
    diff - <(tail -n +2 github.log) <<'WANT'
POST issues/7/comments: Deployment needed
POST issues/7/labels: deployment
PATCH issues/comments/1: Hot
DELETE issues/7/labels/deployment: -
PATCH issues/comments/1: Deployment needed
POST issues/7/labels: deployment
WANT
}
the_query_for_existing_endpoints_makes_the_map_of_them() {
    local vpc table query
    vpc=$(aws ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId --output text)
    table=$(aws ec2 create-route-table --vpc-id "$vpc" --query RouteTable.RouteTableId --output text)
    aws ec2 create-vpc-endpoint --vpc-id "$vpc" --service-name com.amazonaws.us-east-1.s3 \
        --vpc-endpoint-type Gateway --route-table-ids "$table" >said
    aws ec2 create-vpc-endpoint --vpc-id "$vpc" --service-name com.amazonaws.us-east-1.ecr.api \
        --vpc-endpoint-type Interface >>said
    # Not ours: another service, and a way to S3 that is no gateway.
    aws ec2 create-vpc-endpoint --vpc-id "$vpc" --service-name com.amazonaws.us-east-1.s3 \
        --vpc-endpoint-type Interface >interface
    aws ec2 create-vpc-endpoint --vpc-id "$vpc" --service-name com.amazonaws.us-east-1.sqs \
        --vpc-endpoint-type Interface >>said
    # The page's own lines, for this VPC.
    query=$(sed -n '/^aws ec2 describe-vpc-endpoints/,/^```/p' "$page" | grep -v '^```' | sed "s/vpc-0123456789abcdef0/$vpc/")
    eval "$query" >map
    jq -e 'keys == ["ecr.api", "s3"] and (to_entries | all(.value | startswith("vpce-")))
        and .s3 != $interface' --arg interface "$(jq -r .VpcEndpoint.VpcEndpointId interface)" map >/dev/null || {
        cat map >said
        return 1
    }
}

# moto has no deployments of AppConfig. Each list-deployments takes a line of `states`: number, state and version; what is
# started is in `started`. The rest is the AWS CLI's.
fake_appconfig() {
    mkdir -p fake
    cat >fake/aws <<END
#!/usr/bin/env bash
case "\$1 \$2" in
    "appconfig list-deployments") head -n 1 "$folder/states"; sed -i 1d "$folder/states" ;;
    "appconfig start-deployment") printf '%s\\n' "\$*" >"$folder/started"; echo 8 ;;
    *) exec "$(command -v aws)" "\$@" ;;
esac
END
    chmod +x fake/aws
    printf '%s\n' "$@" >states
    rm -f started
}
rollout() { run "$1" env "PATH=$folder/fake:$PATH" APPCONFIG_ROLLOUT="$ids" ROLLOUT_PAUSE=0 ROLLOUT_QUESTIONS=3 "$pipeline/rollout.sh"; }

a_rollout_waits_for_the_last_one_and_for_its_own_end() {
    seeded a.team.example.com
    local ids=app1/env1/prf1/str1 version
    version=$(aws s3api head-object --bucket "$bucket" --key mapping.yaml --query VersionId --output text)
    fake_appconfig "7 BAKING old" "7 COMPLETE old" "8 DEPLOYING $version" "8 BAKING $version" "8 COMPLETE $version"
    rollout 0
    said "rollout 8: all tasks have it"
    for words in "--application-id app1 --environment-id env1" "--configuration-profile-id prf1 --deployment-strategy-id str1" \
        "--configuration-version $version"; do
        grep -qF -- "$words" started || { cp started said; return 1; }
    done
    fake_appconfig "8 COMPLETE $version"
    rollout 0
    said "already"
    [ ! -e started ]
    fake_appconfig "None None None" "8 COMPLETE $version"
    rollout 0
}

a_rollout_that_is_taken_back_fails() {
    seeded a.team.example.com
    local ids=app1/env1/prf1/str1
    fake_appconfig "7 COMPLETE old" "8 ROLLING_BACK new" "8 ROLLED_BACK new"
    rollout 6
    said "taken back"
    fake_appconfig "7 COMPLETE old" "9 COMPLETE other"
    rollout 2
    said "somebody else"
    fake_appconfig "7 BAKING old" "7 BAKING old" "7 BAKING old"
    rollout 2
    said "still BAKING"
    fake_appconfig ""
    rollout 2
    said "appconfig:ListDeployments"
    ids=app1/env1/prf1
    rollout 2
    said "four ids"
}
# A bucket with a mapping in parts that was released, and the folder of it.
in_parts() {
    released
    export MAPPING=parts MAPPING_URI=s3://$bucket/parts/
    rm -rf parts
    mkdir -p parts/pay parts/web
    printf 'OWNERS:\n- OWNER: pay\n  DOMAINS: [a.one.example.com]\n- OWNER: web\n  DOMAINS: ["*.one.example.com"]\n' >parts/owners.yaml
    mapping parts/pay/api.yaml a.one.example.com
    mapping parts/web/shop.yaml b.one.example.com
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=before
    deploy
    run 0 "$pipeline/pipeline.sh" upload
    [ "$(grep '^uploaded' said | head -1)" = "uploaded owners.yaml" ]
}
# Terraform does not write parts: the root deploys with the variables of its own file.
parts_are_uploaded_one_by_one() {
    echo 'PROXY_CONFIG_PATH = "/dev/null"' >infrastructure/terraform.tfvars
    in_parts
    s3 GET "$bucket/parts/web/shop.yaml" | cmp - parts/web/shop.yaml
    ! s3 GET "$bucket/parts/plan.json" 2>/dev/null || return 1
    run 0 "$pipeline/pipeline.sh" decide
    told deploy=none
    run 0 "$pipeline/pipeline.sh" upload
    said 'has it already'

    # A domain goes from one part to another: it is in the new one before it leaves the old one.
    mapping parts/web/shop.yaml c.one.example.com
    mapping parts/web/a.yaml b.one.example.com d.one.example.com
    mapping parts/web/z.yaml e.one.example.com
    rm parts/pay/api.yaml
    run 0 "$pipeline/pipeline.sh" review
    run 0 "$pipeline/pipeline.sh" decide
    run 0 "$pipeline/pipeline.sh" upload
    [ "$(grep -E '^(uploaded [^v]|removed)' said | tr '\n' ' ')" = \
        "uploaded web/a.yaml uploaded web/z.yaml uploaded web/shop.yaml removed pay/api.yaml " ]
    ! s3 GET "$bucket/parts/pay/api.yaml" 2>/dev/null || return 1

    # An error stands at the line of the part that has it; a claim of a foreign name is one.
    mapping parts/web/z.yaml a.one.example.com
    run 1 "$pipeline/pipeline.sh" review
    said '::error file=parts/web/z.yaml,line=2,'
    said ' is granted to '
    mapping parts/web/z.yaml e.one.example.com

    # Somebody else's upload is not overwritten, and what is wrong in the bucket is told apart.
    mapping parts/web/z.yaml f.one.example.com
    run 0 "$pipeline/pipeline.sh" decide
    mapping other.yaml g.one.example.com
    s3 PUT "$bucket/parts/web/z.yaml" other.yaml
    run 5 "$pipeline/pipeline.sh" upload
    said 'has changed since it was compared'
    echo 'APIS: [' >other.yaml
    s3 PUT "$bucket/parts/web/z.yaml" other.yaml
    run 2 "$pipeline/pipeline.sh" review
    said "the mapping at s3://$bucket/parts/ has faults itself"
    export MAPPING=parts/web/z.yaml
    run 2 "$pipeline/pipeline.sh" review
    said 'is not a folder'
    unset MAPPING
    echo 'PROXY_CONFIG_PATH = "../../mapping.yaml"' >infrastructure/terraform.tfvars
}

story a_fault_is_told_on_its_line
story where_aws_differs_from_the_mapping_is_told_every_night
story the_first_mapping_is_deployed_and_then_uploaded
story a_domain_of_a_known_parent_is_uploaded_at_once
story a_new_parent_is_deployed_before_the_upload_with_the_old_mapping
story what_nobody_needs_any_more_goes_after_the_upload
story a_change_that_tasks_hold_is_refused_unless_it_is_meant
story a_mapping_that_no_quota_has_room_for_is_told
story somebody_elses_upload_is_not_overwritten
story not_even_between_the_last_look_and_the_upload
story a_mapping_without_its_plan_and_a_bucket_that_is_not_there_are_no_beginnings
story a_mapping_in_the_bucket_that_has_a_fault_is_told_apart
story what_deploys_it_is_deployed_when_it_changes
story a_release_that_failed_is_made_good_by_the_next_one
story a_release_that_was_superseded_is_not_skipped
story without_variables_nothing_is_deployed
story the_pull_request_has_one_comment_and_a_label_while_it_needs_a_deployment
story a_rollout_waits_for_the_last_one_and_for_its_own_end
story a_rollout_that_is_taken_back_fails
story the_query_for_existing_endpoints_makes_the_map_of_them
story parts_are_uploaded_one_by_one
printf '%s passed, 0 failed\n' "$passed"
