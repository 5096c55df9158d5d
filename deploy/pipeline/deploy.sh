#!/usr/bin/env bash
# Deploys the plan of `pipeline.sh decide`, with Terraform or with CDK. The bucket keeps the mapping that it has: a new
# one is uploaded by `pipeline.sh upload`, which looks what it replaces.
set -euo pipefail

work=$(cd "${PIPELINE_DIR:-.pipeline}" && pwd)  # what `decide` left
infrastructure=${INFRASTRUCTURE:?the folder with the Terraform root module, or with the CDK app}
new=$(realpath "${MAPPING:-mapping.yaml}")

case ${DEPLOY_WITH:-terraform} in
    terraform)
        jq '{PLAN: .}' "$work/plan.json" >"$infrastructure/nameplate.auto.tfvars.json"
        cd "$infrastructure"
        # Terraform writes the object, too: with what is there, or, where there is none, with the first one. It warns that
        # the plan is of another mapping, which is so.
        export TF_IN_AUTOMATION=1 TF_VAR_PROXY_CONFIG_PATH=$new
        [ ! -s "$work/current.yaml" ] || export TF_VAR_PROXY_CONFIG_PATH=$work/current.yaml
        terraform init -input=false
        terraform plan -input=false -out="$work/tfplan"
        terraform apply -input=false "$work/tfplan"
        ;;
    cdk)
        cp "$work/plan.json" "$infrastructure/plan.json"
        cd "$infrastructure"
        npm ci
        npx cdk deploy --require-approval never -c PLAN_PATH=plan.json \
            -c "PROXY_CONFIG_PATH=$new"
        ;;
    *)
        echo "error: DEPLOY_WITH is $DEPLOY_WITH" >&2
        echo "  help: terraform or cdk" >&2
        exit 2
        ;;
esac
