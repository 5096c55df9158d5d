//! What AWS gives back, and what a new policy changes of it.

use super::*;
use crate::policy::document::{Condition, Statement};

const REGION: &str = "us-east-1";
const API: &str = "1abc23";
const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:1abc23";

fn policy(ids: &[&str], resources: &[&str]) -> Policy {
    let values = ids.iter().map(|id| (*id).to_owned()).collect();
    let condition = Condition { operator: "StringNotEquals", key: "aws:SourceVpce", values };
    let resources = resources.iter().map(|resource| format!("execute-api:{resource}")).collect();
    Policy {
        statements: vec![
            Statement { effect: Effect::Deny, resources: vec![WHOLE_API.to_owned()], condition: Some(condition) },
            Statement { effect: Effect::Allow, resources, condition: None },
        ],
    }
}

fn one_path() -> Policy {
    policy(&["vpce-1"], &["/dev/GET/a", "/dev/GET/a/*"])
}

fn read(text: &str) -> InForce {
    InForce::read(text, REGION, API).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

/// As AWS keeps it: whole ARNs, and a list of one as a text.
fn as_aws_keeps_it(policy: &Policy) -> String {
    policy.text().replace("execute-api:/", &format!("{ARN}/")).replace("[\"vpce-1\"]", "\"vpce-1\"")
}

fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a text");
    quoted[1..quoted.len() - 1].replace('/', "\\/")
}

#[test]
fn every_form_that_aws_gives_back_is_the_same_policy() {
    let kept = as_aws_keeps_it(&one_path());
    assert!(kept.contains(&format!("\"{ARN}/dev/GET/a\"")) && kept.contains("\"aws:SourceVpce\":\"vpce-1\""), "{kept}");
    let spaced = kept.replace("\",\"", "\",\n  \"");
    for text in [one_path().text(), kept.clone(), escaped(&kept), escaped(&spaced), spaced] {
        let in_force = read(&text);
        assert_eq!(in_force.foreign(), [""; 0], "{text}");
        assert!(in_force.change_to(&one_path()).is_none(), "{text}");
    }
    assert!(escaped(&kept).starts_with("{\\\"Version\\\""));
}

#[test]
fn an_api_without_a_policy_gets_all_of_it() {
    let change = read("").change_to(&one_path());
    assert!(!change.is_none());
    let want = "  + Deny everybody where StringNotEquals aws:SourceVpce vpce-1\n      + execute-api:/*\n  + Allow everybody\n      \
                + execute-api:/dev/GET/a\n      + execute-api:/dev/GET/a/*\n";
    assert_eq!(change.to_string(), want);
}

#[test]
fn the_change_tells_resources_apart() {
    let change = read(&as_aws_keeps_it(&one_path())).change_to(&policy(&["vpce-1"], &["/dev/GET/a", "/dev/PUT/b"]));
    let want = "  = Deny everybody where StringNotEquals aws:SourceVpce vpce-1\n        1 resource unchanged\n  ~ Allow \
                everybody\n      - execute-api:/dev/GET/a/*\n      + execute-api:/dev/PUT/b\n        1 resource unchanged\n";
    assert_eq!(change.to_string(), want);
    let other = read(&one_path().text()).change_to(&policy(&["vpce-2"], &["/dev/GET/a", "/dev/GET/a/*"])).to_string();
    assert!(other.contains("  - Deny everybody where StringNotEquals aws:SourceVpce vpce-1\n"), "{other}");
    assert!(other.contains("  + Deny everybody where StringNotEquals aws:SourceVpce vpce-2\n"), "{other}");
}

#[test]
fn statements_that_are_split_say_the_same() {
    let allow = |path: &str| {
        format!(r#"{{"Effect":"Allow","Principal":"*","Action":["{INVOKE}"],"Resource":"execute-api:{path}"}}"#)
    };
    let text = one_path().text();
    let (deny, _) = text.split_once(",{\"Effect\":\"Allow\"").expect("two statements");
    let split = format!("{deny},{},{}]}}", allow("/dev/GET/a/*"), allow("/dev/GET/a"));
    assert!(read(&split).change_to(&one_path()).is_none(), "{split}");
}

#[test]
fn everybody_of_aws_is_rewritten_to_everybody() {
    for other in [r#"{"AWS":"*"}"#, r#"{"AWS":["*"]}"#] {
        let text = one_path().text().replace(r#""Principal":"*""#, &format!(r#""Principal":{other}"#));
        let in_force = read(&text);
        assert_eq!(in_force.foreign(), [""; 0], "{text}");
        let change = in_force.change_to(&one_path());
        assert!(!change.is_none(), "{text}");
        assert!(change.to_string().starts_with("  ~ Principal {\"AWS\":\"*\"} becomes \"*\"\n  = Deny "), "{change}");
    }
}

#[track_caller]
fn is_foreign(statement: &str) {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
    assert_eq!(read(&text).foreign().len(), 1, "{statement}");
}

#[test]
fn what_we_would_not_write_is_foreign() {
    let with = |from: &str, to: &str| {
        let allow =
            r#"{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/dev/GET/a"}"#;
        assert!(allow.contains(from), "{from}");
        is_foreign(&allow.replacen(from, to, 1));
    };
    with("\"Effect\"", "\"Sid\":\"theirs\",\"Effect\"");
    with("\"Principal\":\"*\"", "\"Principal\":{\"AWS\":\"arn:aws:iam::123456789012:root\"}");
    with("execute-api:Invoke", "execute-api:*");
    with("execute-api:/dev/GET/a", "execute-api:/*");
    with("execute-api:/dev/GET/a", "arn:aws:execute-api:us-east-1:123456789012:other1/dev/GET/a");
    with("\"Allow\"", "\"Deny\"");
    with("\"}", "\",\"Condition\":{\"IpAddress\":{\"aws:VpcSourceIp\":\"10.0.0.0/8\"}}}");
    with("\"}", "\",\"Condition\":{\"StringEquals\":{\"aws:Referer\":\"a\",\"aws:SourceVpc\":\"vpc-1\"}}}");
    with("\"Resource\"", "\"NotResource\"");
}

#[test]
fn allowing_by_referer_is_ours() {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/dev/*","Condition":{"StringLike":{"aws:Referer":"*.example.com"}}}}"#;
    assert_eq!(read(text).foreign(), [""; 0]);
}

#[test]
fn foreign_statements_can_be_kept() {
    let theirs =
        r#"{"Action":"execute-api:Invoke","Effect":"Deny","Principal":"*","Resource":"execute-api:/dev/GET/x"}"#;
    let in_force = read(&format!(r#"{{"Version":"2012-10-17","Statement":[{theirs}]}}"#));
    let kept = in_force.kept_beside(&one_path());
    let again = read(&kept);
    assert_eq!(again.foreign(), [theirs]);
    assert!(again.change_to(&one_path()).is_none());
    assert_eq!(crate::policy::grammar::check(&kept, 8_192), []);
}

#[test]
fn a_form_like_ours_can_be_disowned_where_something_would_be_taken_away() {
    let theirs = policy(&["vpce-1"], &["/dev/GET/a", "/dev/GET/a/*", "/other/*"]);
    let mut in_force = read(&theirs.text());
    in_force.disown(&one_path());
    let [allow] = &in_force.foreign()[..] else { panic!("{in_force:?}") };
    assert!(allow.contains("execute-api:/other/*") && !allow.contains("Sid"), "{allow}");
    assert!(in_force.change_to(&one_path()).to_string().starts_with("  = Deny "));

    let mut in_force = read(&one_path().text());
    in_force.disown(&theirs);
    assert!(!in_force.has_disowned(), "nothing is taken away");
}

#[test]
fn a_disowned_statement_that_is_kept_has_a_sid_that_keeps_it_apart() {
    let other = r#",{"Sid":"kept1","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"*"}]}"#;
    let theirs = policy(&["vpce-8"], &["/other/*"]).text();
    let mut in_force = read(&(theirs.strip_suffix("]}").expect("a policy").to_owned() + other));
    in_force.disown(&one_path());
    let kept = in_force.kept_beside(&one_path());
    let again = read(&kept);
    assert_eq!(again.foreign().len(), 3, "{kept}");
    assert!(kept.contains(r#""Sid":"kept2""#) && kept.contains(r#""Sid":"kept3""#), "{kept}");
    assert!(again.change_to(&one_path()).is_none(), "{kept}");
    assert_eq!(again.kept_beside(&one_path()), kept, "the same text, run after run");
    assert_eq!(crate::policy::grammar::check(&kept, 8_192), []);
}

#[test]
fn another_version_is_a_change() {
    let text = one_path().text();
    for (old, named) in [("\"Version\":\"2008-10-17\",", "2008-10-17"), ("", "2008-10-17")] {
        let change = read(&text.replace("\"Version\":\"2012-10-17\",", old)).change_to(&one_path());
        assert!(!change.is_none(), "{old}");
        let told = change.to_string();
        assert!(told.starts_with(&format!("  ~ Version {named} becomes 2012-10-17\n  = Deny ")), "{told}");
    }
}

#[test]
fn a_kept_statement_that_another_version_reads_otherwise_is_told() {
    let with = |version: &str, resource: &str| {
        let allow = r#"{"Effect":"Allow","Principal":"*","Action":"execute-api:*","Resource":"#;
        read(&format!(r#"{{"Version":"{version}","Statement":[{allow}"execute-api:/{resource}"}}]}}"#))
    };
    assert_eq!(with("2008-10-17", "dev/GET/${a}").version_at_odds(), Some("2008-10-17"));
    assert_eq!(with("2012-10-17", "dev/GET/${*}").version_at_odds(), None);
    assert_eq!(with("2008-10-17", "dev/GET/a").version_at_odds(), None);
}

#[test]
fn an_id_is_carried_over_with_what_is_kept_and_is_no_change() {
    let text = one_path().text().replacen(",\"Statement\"", ",\"Id\":\"it \\\"s\",\"Statement\"", 1);
    let in_force = read(&text);
    assert_eq!(in_force.id(), Some("it \"s"));
    assert!(in_force.change_to(&one_path()).is_none());
    assert_eq!(in_force.kept_beside(&one_path()), text);
}

#[test]
fn what_is_no_policy_says_so() {
    for (text, want) in [("{", "no JSON"), ("[]", "no object"), ("{}", "no Statement"), ("{\\\"a", "no JSON")] {
        let fault = InForce::read(text, REGION, API).expect_err(text).to_string();
        assert!(fault.starts_with("the policy in force cannot be read: ") && fault.contains(want), "{fault}");
    }
}
