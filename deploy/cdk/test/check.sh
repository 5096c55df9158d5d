#!/usr/bin/env bash
# Checks deploy/cdk: types, tests, the templates of the fixed cases with cdk-nag and cfn-lint, and a deployment of them
# to a fake AWS (moto, in Python) on this machine. Needs Node 20, Python 3 with venv, and the first time npm's and PyPI's
# registries; what is missing is said loudly. Templates stay in target/deploy/cdk-{nlb,alb,existing,shared,staged}.
set -euo pipefail
cd "$(dirname "$0")/../../.."

case ${CARGO_TARGET_DIR:-target} in
    /*) out=$CARGO_TARGET_DIR/deploy ;;
    *) out=$PWD/${CARGO_TARGET_DIR:-target}/deploy ;;
esac
mkdir -p "$out"
log=$out/cdk-install.log
cdk=deploy/cdk

step() { printf '== cdk: %s (%s)\n' "$1" "$(date +%T)"; }
not_run() { printf '!! NOT RUN: cdk: %s\n' "$1" >&2; }

node_major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
if [ "$node_major" -lt 20 ]; then
    not_run "nothing of it: Node 20 or newer is not here"
    exit 0
fi

step "npm ci"
lock=$(sha256sum "$cdk/package-lock.json" | cut -d' ' -f1)
if [ "$(cat "$cdk/node_modules/.lock-sha256" 2>/dev/null)" != "$lock" ]; then
    if ! (cd "$cdk" && npm ci --no-audit --no-fund >"$log" 2>&1); then
        if npm ping --fetch-retries=0 --fetch-timeout=10000 >/dev/null 2>&1; then
            cat "$log" >&2
            exit 1
        fi
        not_run "nothing of it: npm's registry cannot be reached, and $cdk/node_modules is not what the lock says"
        exit 0
    fi
    echo "$lock" >"$cdk/node_modules/.lock-sha256"
fi

# Nothing of CDK's may leave this machine, and none of its files may stay elsewhere than in target/.
export CDK_DISABLE_CLI_TELEMETRY=true
TMPDIR=$(mktemp -d)
export TMPDIR
tests=""
end() {
    [ -z "$tests" ] || kill "$tests" 2>/dev/null || true
    rm -rf "$TMPDIR"
}
trap end EXIT

# Beside the syntheses, none of which keeps two CPUs busy.
(cd "$cdk" && npx --no-install tsc --noEmit && exec npx --no-install vitest run --reporter=dot) >"$out/cdk-tests.log" 2>&1 &
tests=$!

# synth CASE PLAN NAME=VALUE...: as a user does it, cdk-nag's findings and all.
synth() {
    local case=$1 plan=$2 pair context=()
    shift 2
    for pair in "$@"; do context+=(-c "$pair"); done
    step "synth $case"
    rm -rf "$out/cdk-$case"
    if ! (cd "$cdk" && npx --no-install cdk synth --quiet --no-notices -o "$out/cdk-$case" \
        -c REGION=eu-west-1 -c ACCOUNT=111122223333 -c PLAN_PATH="$plan" -c S3_PREFIX_LIST_ID=pl-0123456789abcdef0 \
        -c ALARM_TOPIC_ARN=arn:aws:sns:eu-west-1:111122223333:alarms \
        -c 'VALIDATION_ZONE_IDS={"example.com":"Z0123456789COM","example.net":"Z0123456789NET"}' \
        "${context[@]}") >"$out/cdk-$case.log" 2>&1; then
        cat "$out/cdk-$case.log" >&2
        exit 1
    fi
}

# The fixed cases have the plan and the values of the Terraform module's tests: deploy/parity compares the results.
plan=$PWD/deploy/terraform/tests/plan.json
more=$PWD/$cdk/test/fixtures/more.json
made=("AVAILABILITY_ZONES=eu-west-1a,eu-west-1b")
synth nlb "$plan" "${made[@]}"
sed 's/"elb": "NLB"/"elb": "ALB"/' "$plan" >"$out/cdk-alb-plan.json"
synth alb "$out/cdk-alb-plan.json" "${made[@]}" ELB_TYPE=ALB LISTENER_TLS=false HIGH_RESOLUTION_SCALING=true \
    ALB_IDLE_TIMEOUT=120 DROP_INVALID_HEADER_FIELDS=true EXISTING_BUCKET=platform-nameplate EXISTING_CLUSTER=platform \
    EXECUTION_ROLE_ARN=arn:aws:iam::111122223333:role/platform/start \
    TASK_ROLE_ARN=arn:aws:iam::111122223333:role/platform/run
key=arn:aws:kms:eu-west-1:111122223333:key
synth existing "$plan" CREATE_VPC=false EXTERNAL_VPC_ID=vpc-0123456789abcdef0 \
    EXTERNAL_PRIVATE_SUBNETS_ID=subnet-0123456789abcdef0,subnet-0fedcba9876543210 \
    'EXISTING_ENDPOINTS={"execute-api":"vpce-0123456789abcdef0"}' \
    EXISTING_ENDPOINT_DNS_NAME=vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com \
    ECS_EXEC=true ROUTE_TABLE_IDS=rtb-0123456789abcdef0 \
    VPC_SECONDARY_CIDRS=100.64.0.0/16 DNS_SERVER_CIDRS=10.0.0.10/32 SSL_POLICY=ELBSecurityPolicy-TLS13-1-3-2021-06 \
    CLIENT_PREFIX_LIST_IDS=pl-0fedcba9876543210 CLIENT_SECURITY_GROUP_IDS=sg-0fedcba9876543210 \
    HOSTED_ZONES=existing \
    'HOSTED_ZONE_IDS={"internal.private.example.com":"Z0INTERNAL","team.internal.private.example.com":"Z0TEAM"}' \
    PERMISSIONS_BOUNDARY_ARN=arn:aws:iam::111122223333:policy/boundary IAM_PATH=/platform/ \
    LOGS_KMS_KEY_ARN=$key/00000000-0000-4000-8000-000000000001 ECR_KMS_KEY_ARN=$key/00000000-0000-4000-8000-000000000002 S3_KMS_KEY_ARN=$key/00000000-0000-4000-8000-000000000003
elb=arn:aws:elasticloadbalancing:eu-west-1:111122223333
synth shared "$out/cdk-alb-plan.json" CREATE_VPC=false EXTERNAL_VPC_ID=vpc-0123456789abcdef0 \
    EXTERNAL_PRIVATE_SUBNETS_ID=subnet-0123456789abcdef0,subnet-0fedcba9876543210 ROUTE_TABLE_IDS=rtb-0123456789abcdef0 \
    ELB_TYPE=ALB EXTERNAL_ALB_SG_ID=sg-0123456789abcdef0 EXISTING_ELB_ARN=$elb:loadbalancer/app/platform/0123456789abcdef \
    EXISTING_ELB_DNS_NAME=internal-platform.eu-west-1.elb.amazonaws.com EXISTING_ELB_ZONE_ID=Z0ALOADBALANCER \
    EXISTING_LISTENER_ARN=$elb:listener/app/platform/0123456789abcdef/fedcba9876543210 \
    'LISTENER_RULE_PRIORITIES={"internal.private.example.com":100,"team.internal.private.example.com":200}'
sed 's/"import_names": \[\]/"import_names": ["*.orders.corp"]/' "$plan" >"$out/cdk-staged-plan.json"
synth staged "$out/cdk-staged-plan.json" "${made[@]}" \
    PRIVATE_CA_ARN=arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef \
    FLOW_LOGS=false CONTAINER_INSIGHTS=disabled \
    IMAGE_DIGEST="sha256:$(printf '%064d' 0)" DEPLOYMENT_ALARMS=errors FARGATE_SPOT_PCT=70 \
    ENDPOINT_SERVICE=true ENDPOINT_SERVICE_PRINCIPALS=arn:aws:iam::444455556666:root \
    ENDPOINT_SERVICE_DNS_NAME=internal.private.example.com \
    MAPPING_SOURCE=appconfig APPCONFIG_AGENT_IMAGE=111122223333.dkr.ecr.eu-west-1.amazonaws.com/aws-appconfig-agent:2.x
# More zones and certificates than the fixed cases have, and public subnets.
synth more "$more" "${made[@]}" PUBLIC_SUBNETS=true

step "types and tests"
status=0
wait "$tests" || status=$?
tests=""
cat "$out/cdk-tests.log"
[ "$status" = 0 ] || exit "$status"

step "cfn-lint and moto"
status=0
tools=$(scripts/python-tools.sh) || status=$?
if [ "$status" = 3 ]; then
    not_run "cfn-lint and the deployment to a fake AWS: their tools cannot be had here, see above"
    exit 0
fi
[ "$status" = 0 ] || exit "$status"

step "cfn-lint"
# W3010: the zones' names are in the template, because synthesis asks AWS nothing: AVAILABILITY_ZONES.
"$tools/bin/cfn-lint" -r eu-west-1 --ignore-checks W3010 -t "$out"/cdk-{nlb,alb,existing,shared,staged,more}/*.template.json

step "deployment to a fake AWS"
"$tools/bin/python" "$cdk/test/fake-aws/deploy.py" "$out/cdk-nlb" "$plan"
"$tools/bin/python" "$cdk/test/fake-aws/deploy.py" "$out/cdk-more" "$more"

step "deployment policies"
"$tools/bin/python" deploy/policies/check.py cdk "$out"/cdk-{nlb,alb,existing,staged,more}

step "all of it holds"
