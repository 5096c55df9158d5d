#!/usr/bin/env bash
# Deploys the plan of `pipeline.sh decide`, with Terraform or with CDK. The bucket keeps the mapping that it has: a new
# one is uploaded by `pipeline.sh upload`, which looks what it replaces.
set -euo pipefail

die() {
    printf 'error: %s\n  help: %s\n' "$1" "$2" >&2
    exit 2
}

: "${INFRASTRUCTURE:=infrastructure}"
[ -d "$INFRASTRUCTURE" ] || die "there is no folder $INFRASTRUCTURE" \
    "INFRASTRUCTURE is the folder with the Terraform root module, or with the CDK app"
[ -s "${PIPELINE_DIR:-.pipeline}/plan.json" ] || die "nothing has been decided" "run pipeline.sh decide first"
work=$(cd "${PIPELINE_DIR:-.pipeline}" && pwd)  # what `decide` left
new=$(realpath "${MAPPING:-mapping.yaml}")

case ${DEPLOY_WITH:-terraform} in
    terraform)
        cd "$INFRASTRUCTURE"
        # Without the variables of this system every name would be a default, and what is there would be replaced.
        given=$(find . -maxdepth 1 \( -name '*.tfvars' -o -name '*.tfvars.json' \) ! -name nameplate.auto.tfvars.json)
        [ -n "$given" ] || [ -n "${!TF_VAR_*}" ] || die "$INFRASTRUCTURE has no variables: no *.tfvars, and no TF_VAR_ is set" \
            "commit terraform.tfvars; if it is ignored by a .gitignore, take that line out"
        jq '{PLAN: .}' "$work/plan.json" >nameplate.auto.tfvars.json
        # Terraform writes the object, too: with what is there, or, where there is none, with the first one. It warns that
        # the plan is of another mapping, which is so. On the command line, because that outranks every file.
        path=$new
        [ ! -s "$work/current.yaml" ] || path=$work/current.yaml
        variables=(-var "PROXY_CONFIG_PATH=$path")
        # A folder is not Terraform's: only pipeline.sh uploads it.
        [ ! -d "$new" ] || variables=()
        export TF_IN_AUTOMATION=1
        terraform init -input=false
        terraform plan -input=false ${variables[@]+"${variables[@]}"} -out="$work/tfplan"
        terraform apply -input=false "$work/tfplan"
        ;;
    cdk)
        cp "$work/plan.json" "$INFRASTRUCTURE/plan.json"
        cd "$INFRASTRUCTURE"
        npm ci
        variables=(-c "PROXY_CONFIG_PATH=$new")
        [ ! -d "$new" ] || variables=()
        npx cdk deploy --require-approval never -c PLAN_PATH=plan.json ${variables[@]+"${variables[@]}"}
        ;;
    *)
        die "DEPLOY_WITH is $DEPLOY_WITH" "terraform or cdk"
        ;;
esac
