//! `nameplate doctor --aws`: read-only calls narrow the causes down.

use std::process::Command;

use serde_json::Value;

use super::super::policy::gateway::Gateway as ControlPlane;
use super::{Gateway, Schema, id};

const VPCE: &str = "vpce-0123456789abcdef0";

/// A policy that takes requests through one VPC endpoint, to `GET /pets`.
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*","Condition":{"StringNotEquals":{"aws:SourceVpce":["vpce-0123456789abcdef0"]}}},{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":["execute-api:/prod/GET/pets"]}]}"#;

/// Asks about an API that fails like this, with what AWS has of it.
fn look(failure: &str, aws: &ControlPlane, vpce: &str) -> Value {
    let gateway = Gateway::start();
    let mapping = gateway.folder.path().join("mapping.yaml").display().to_string();
    look_at(&gateway, &mapping, &format!("{}.example.com", id(failure)), aws, vpce)
}

fn look_at(gateway: &Gateway, mapping: &str, host: &str, aws: &ControlPlane, vpce: &str) -> Value {
    let url = format!("https://{host}/pets");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
    command.env_clear().envs([("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret")]);
    command.env("AWS_ENDPOINT_URL", aws.url());
    command.args(["doctor", &url, "--mapping", mapping, "--settings", &gateway.settings("")]);
    let run = command.args(["--format", "json", "--aws", "--vpce", vpce]).output().expect("the binary runs");
    assert_eq!(run.status.code(), Some(1), "{}", String::from_utf8_lossy(&run.stderr));
    let report = super::json(&run);
    Schema::read().holds(&report);
    assert!(aws.changes().is_empty(), "only what changes nothing is called");
    report
}

fn left(report: &Value) -> Vec<&str> {
    let causes = report["aws"]["causes"].as_array().expect("causes");
    causes.iter().map(|cause| cause["label"].as_str().expect("a label")).collect()
}

fn counts(report: &Value) -> Vec<&str> {
    let statements = report["aws"]["policy"]["statements"].as_array().expect("statements");
    statements.iter().map(|statement| statement["counts"].as_str().expect("a text")).collect()
}

fn known(failure: &str) -> ControlPlane {
    let aws = ControlPlane::with(&id(failure), &["prod"]);
    aws.change(&id(failure), |api| POLICY.clone_into(&mut api.policy));
    aws
}

#[test]
fn a_denial_is_explained_statement_by_statement() {
    let aws = known("policy_denies");
    let other = look("policy_denies", &aws, "vpce-ffffffff");
    assert_eq!((counts(&other), &other["aws"]["policy"]["allows"]), (vec!["yes", "yes"], &"no".into()));
    assert_eq!(left(&other), ["policy_denies", "endpoint_not_allowed", "endpoint_policy_denies"]);
    let ours = look("policy_denies", &aws, VPCE);
    assert_eq!((counts(&ours), &ours["aws"]["policy"]["allows"]), (vec!["no", "yes"], &"yes".into()));
    let why = &ours["aws"]["policy"]["statements"][0]["why"];
    assert_eq!(why, &format!("its condition is not met: StringNotEquals aws:SourceVpce {VPCE}"));
}

#[test]
fn an_api_that_is_there_rules_causes_of_a_forbidden_out() {
    let aws = known("waf");
    assert_eq!(left(&look("waf", &aws, VPCE)), ["api_key_required"]);
    aws.change(&id("waf"), |api| {
        api.web_acls.insert("prod".into(), "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/all/1".into());
    });
    let guarded = look("waf", &aws, VPCE);
    assert_eq!(left(&guarded), ["api_key_required", "waf"]);
    assert_eq!(guarded["aws"]["stage"]["throttling"][0]["requests_per_second"], 50.0);
}

#[test]
fn an_api_of_another_account_rules_nothing_out_and_a_stage_that_is_gone_is_named() {
    let gone = look("api_unknown", &known("waf"), VPCE);
    assert_eq!(left(&gone), ["api_key_required", "waf", "api_unknown", "stage_unknown"]);
    assert!(gone["aws"]["error"].as_str().is_some_and(|error| error.contains("NotFoundException")), "{gone:#}");
    let aws = ControlPlane::with(&id("stage_unknown"), &["test"]);
    let report = look("stage_unknown", &aws, VPCE);
    assert!(left(&report).contains(&"stage_unknown") && !left(&report).contains(&"api_unknown"), "{report:#}");
}

#[test]
fn an_api_with_a_disabled_endpoint_stays_unknown_to_the_endpoint() {
    let aws = known("waf");
    aws.change(&id("waf"), |api| api.is_closed = true);
    let closed = look("waf", &aws, VPCE);
    assert_eq!(left(&closed), ["api_key_required", "api_unknown"]);
    let notes = closed["aws"]["notes"].as_array().expect("notes");
    let says = "its execute-api endpoint is disabled, so no request through Nameplate reaches it";
    assert!(notes.contains(&says.into()), "{closed:#}");
}

#[test]
fn the_policy_is_asked_with_the_referer_that_a_wildcard_entry_sends() {
    let gateway = Gateway::start();
    let (aws, id) = (known("policy_denies"), id("policy_denies"));
    let resource = r#""Resource":["execute-api:/prod/GET/pets"]"#;
    let condition = r#","Condition":{"StringLike":{"aws:Referer":["*.in.example.com"]}}"#;
    aws.change(&id, |api| api.policy = POLICY.replace(resource, &format!("{resource}{condition}")));
    let mapping = gateway.folder.path().join("wildcard.yaml");
    let url = format!("https://{id}.execute-api.us-east-1.amazonaws.com/prod");
    std::fs::write(&mapping, format!("APIS:\n- CUSTOM_DOMAIN_URL: '*.in.example.com'\n  PRIVATE_API_URL: {url}\n"))
        .expect("written");
    let report = look_at(&gateway, &mapping.display().to_string(), "A.in.example.com", &aws, VPCE);
    assert_eq!((counts(&report), &report["aws"]["policy"]["allows"]), (vec!["no", "yes"], &"yes".into()));
}
