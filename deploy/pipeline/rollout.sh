#!/usr/bin/env bash
# Rolls the uploaded mapping out through AWS AppConfig, and waits for the end: docs/deploy.md, "Staged changes through
# AppConfig". APPCONFIG_ROLLOUT has four ids: APPLICATION/ENVIRONMENT/PROFILE/STRATEGY, outputs of the deployment.
#
# Exit codes: 0 all tasks have it, 2 something could not be read or started, 6 it was taken back.
set -euo pipefail

die() {
    printf 'error: %s\n  help: %s\n' "$2" "$3" >&2
    exit "$1"
}

IFS=/ read -r application environment profile strategy rest <<<"${APPCONFIG_ROLLOUT:-}"
[ -n "${strategy:-}" ] && [ -z "${rest:-}" ] || die 2 "APPCONFIG_ROLLOUT is \`${APPCONFIG_ROLLOUT:-}\`" \
    "write four ids: APPLICATION/ENVIRONMENT/PROFILE/STRATEGY"
case ${MAPPING_URI:-} in
    s3://?*/?*) ;;
    *) die 2 "MAPPING_URI is \`${MAPPING_URI:-}\`" "write s3://bucket/key" ;;
esac
bucket=${MAPPING_URI#s3://}
key=${bucket#*/}
bucket=${bucket%%/*}
pause=${ROLLOUT_PAUSE:-15}                       # seconds between two questions
most=${ROLLOUT_QUESTIONS:-200}                   # questions, for each of the two things that are waited for

# appconfig COMMAND ...: of this application and environment.
appconfig() {
    local command=$1
    shift
    aws appconfig "$command" --application-id "$application" --environment-id "$environment" "$@"
}

# The last rollout: its number, state and version, or three times None where there is none yet.
last() { appconfig list-deployments --max-results 1 --query 'Items[0].[DeploymentNumber,State,ConfigurationVersion]' --output text; }

# wait_for_end: asks until no rollout is under way; leaves number, state and version.
wait_for_end() {
    local asked=0
    while :; do
        read -r number state deployed <<<"$(last)"
        case $state in
            COMPLETE | ROLLED_BACK | REVERTED | None) return ;;
            BAKING | VALIDATING | DEPLOYING | ROLLING_BACK) ;;
            *) die 2 "AppConfig does not say what becomes of its last rollout, but \`$state\`" \
                "the role needs appconfig:ListDeployments on application $application and environment $environment" ;;
        esac
        asked=$((asked + 1))
        [ "$asked" -lt "$most" ] || die 2 "rollout $number is still $state" "run this again, or stop it: aws appconfig stop-deployment"
        sleep "$pause"
    done
}

wait_for_end
wanted=$(aws s3api head-object --bucket "$bucket" --key "$key" --query VersionId --output text)
if [ "$state" = COMPLETE ] && [ "$deployed" = "$wanted" ]; then
    echo "rollout $number has brought this version to all tasks already"
    exit 0
fi
started=$(appconfig start-deployment --configuration-profile-id "$profile" --deployment-strategy-id "$strategy" \
    --configuration-version "$wanted" --query DeploymentNumber --output text) ||
    die 2 "the rollout cannot be started" "the role needs appconfig:StartDeployment; AppConfig says above why it refuses"
echo "rollout $started of version $wanted"
wait_for_end
if [ "$number" != "$started" ]; then
    die 2 "rollout $number came after $started" "somebody else rolls out: see aws appconfig list-deployments"
fi
[ "$state" = COMPLETE ] || die 6 "rollout $number was taken back: $state" \
    "aws appconfig get-deployment says which alarm; tasks have the mapping before, and the object has the new one"
echo "rollout $number: all tasks have it"
