//! Each rule of the grammar, broken by itself.

use super::*;
use crate::policy::MAX_SIZE;

const GOOD: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*","Condition":{"StringNotEquals":{"aws:SourceVpce":["vpce-0a1b2c3d"]}}},{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":["execute-api:/dev/GET/a","execute-api:/dev/GET/a/*"]}]}"#;

/// The good one with a piece of it replaced, and what is said of it.
#[track_caller]
fn fault(from: &str, to: &str, want: &str) {
    assert!(GOOD.contains(from), "{from}");
    let text = GOOD.replacen(from, to, 1);
    let faults: Vec<String> = check(&text, MAX_SIZE).iter().map(Fault::to_string).collect();
    assert!(matches!(&faults[..], [one] if one.starts_with(want)), "{text}\n{faults:?}\nwant {want}");
}

#[track_caller]
fn good(text: &str) {
    assert_eq!(check(text, MAX_SIZE), [], "{text}");
}

#[test]
fn what_we_write_follows_it() {
    good(GOOD);
}

#[test]
fn what_others_write_follows_it_too() {
    good(
        r#"{"Version":"2008-10-17","Id":"x","Statement":{"Sid":"a","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:root"],"Service":"apigateway.amazonaws.com"},"NotAction":["execute-api:Inval*"],"NotResource":"arn:aws:execute-api:*","Condition":{"Bool":{"aws:SecureTransport":true},"ForAnyValue:StringLikeIfExists":{"aws:PrincipalTag/team":["${aws:username}","x*"]},"NumericLessThan":{"AWS:multifactorauthage":300}}}}"#,
    );
}

#[test]
fn the_document_has_its_keys_and_no_others() {
    fault("\"Version\":\"2012-10-17\",", "", "Version is missing");
    fault("2012-10-17", "2012-10-18", "Version is not");
    fault("\"Version\"", "\"version\":\"x\",\"Version\"", "`version` is no key here");
    fault("\"Version\"", "\"Id\":1,\"Version\"", "Id is a number");
    fault("\"Version\"", "\"Version\":\"2012-10-17\",\"Version\"", "`Version` stands there twice");
    assert_eq!(check("[]", 10)[0].what, "the policy is a list, not an object");
    assert!(check("{\\\"Version", 100)[0].what.starts_with("the policy is no JSON: key must be a string at line 1"));
    let what = |text: &str| check(text, 100).iter().map(Fault::to_string).collect::<Vec<_>>().join("; ");
    assert_eq!(what(r#"{"Version":"2012-10-17"}"#), "Statement is missing");
    assert_eq!(what(r#"{"Version":"2012-10-17","Statement":[]}"#), "Statement lists no statement");
    assert_eq!(what(r#"{"Version":"2012-10-17","Statement":[1]}"#), "statement 1: it is a number, not an object");
}

#[test]
fn a_statement_says_what_it_does() {
    fault("\"Effect\":\"Allow\",", "", "statement 2: Effect is missing");
    fault("\"Allow\"", "\"allow\"", "statement 2: Effect is neither");
    fault("\"Effect\":\"Deny\"", "\"Sid\":1,\"Effect\":\"Deny\"", "statement 1: Sid is a number");
    fault("\"Effect\":\"Allow\"", "\"Effects\":1,\"Effect\":\"Allow\"", "statement 2: `Effects` is no key here");
    fault(
        "\"Effect\":\"Allow\"",
        "\"Effect\":\"Deny\",\"Effect\":\"Allow\"",
        "statement 2: `Effect` stands there twice",
    );
    let twice = GOOD.replace("\"Effect\"", "\"Sid\":\"s\",\"Effect\"");
    assert_eq!(check(&twice, MAX_SIZE)[0].to_string(), "statement 2: Sid `s` is another statement's, too");
}

#[test]
fn a_statement_names_its_principal() {
    fault("\"Principal\":\"*\",", "", "statement 1: Principal is missing");
    fault("\"Principal\":\"*\"", "\"Principal\":\"me\"", "statement 1: Principal is a text other than");
    fault("\"Principal\":\"*\"", "\"Principal\":[\"*\"]", "statement 1: Principal is a list");
    fault("\"Principal\":\"*\"", "\"Principal\":{}", "statement 1: Principal names nobody");
    fault("\"Principal\":\"*\"", "\"Principal\":{\"Aws\":\"*\"}", "statement 1: `Aws` is no key here");
    fault("\"Principal\":\"*\"", "\"Principal\":{\"AWS\":[]}", "statement 1: Principal AWS is an empty list");
    fault(
        "\"Principal\":\"*\"",
        "\"Principal\":\"*\",\"NotPrincipal\":\"*\"",
        "statement 1: it has Principal and NotPrincipal",
    );
}

#[test]
fn a_statement_names_actions_and_resources() {
    fault("execute-api:Invoke", "s3:GetObject", "statement 1: Action `s3:GetObject`: an action here starts");
    fault("execute-api:Invoke", "execute-api:Call", "statement 1: Action `execute-api:Call`: an action here is one of");
    fault("execute-api:/*", "execute-api:/", "statement 1: Resource `execute-api:/`: it names no stage");
    fault(
        "execute-api:/dev/GET/a/*",
        "execute-api:/dev/GET/a",
        "statement 2: Resource: `execute-api:/dev/GET/a` is listed twice",
    );
    fault(
        "execute-api:/dev/GET/a/*",
        "execute-api:/dev/GET/${a",
        "statement 2: Resource `execute-api:/dev/GET/${a`: `${` is not closed",
    );
    fault("\"execute-api:/*\"", "7", "statement 1: Resource holds a number");
    fault("\"execute-api:/*\"", "[]", "statement 1: Resource is an empty list");
    fault("\"Resource\":\"execute-api:/*\",", "", "statement 1: Resource is missing");
}

#[test]
fn a_condition_has_known_operators_and_keys() {
    fault("StringNotEquals", "StringUnequals", "statement 1: Condition: `StringUnequals` is no condition operator");
    fault("StringNotEquals", "NullIfExists", "statement 1: Condition: `NullIfExists` is no condition operator");
    fault("aws:SourceVpce", "aws:SourceEndpoint", "statement 1: Condition: `aws:SourceEndpoint` is no condition key");
    fault("aws:SourceVpce", "aws:PrincipalTag", "statement 1: Condition: `aws:PrincipalTag` is no condition key");
    fault("[\"vpce-0a1b2c3d\"]", "[]", "statement 1: Condition: StringNotEquals aws:SourceVpce lists no value");
    fault("[\"vpce-0a1b2c3d\"]", "[null]", "statement 1: Condition: StringNotEquals aws:SourceVpce is null");
    fault(
        "vpce-0a1b2c3d",
        "${x}",
        "statement 1: Condition: StringNotEquals aws:SourceVpce: `${x}` is no policy variable",
    );
    fault("{\"StringNotEquals\":{\"aws:SourceVpce\":[\"vpce-0a1b2c3d\"]}}", "{}", "statement 1: Condition is empty");
    fault("{\"StringNotEquals\":{\"aws:SourceVpce\":[\"vpce-0a1b2c3d\"]}}", "1", "statement 1: Condition is a number");
    fault("{\"aws:SourceVpce\":[\"vpce-0a1b2c3d\"]}", "{}", "statement 1: Condition: StringNotEquals names no key");
    fault("{\"aws:SourceVpce\":[\"vpce-0a1b2c3d\"]}", "[]", "statement 1: Condition: StringNotEquals is a list");
}

#[test]
fn its_size_is_counted_in_characters() {
    let size = GOOD.chars().count();
    good(GOOD);
    assert_eq!(check(GOOD, size), []);
    let fault = check(GOOD, size - 1);
    assert_eq!(fault[0].to_string(), format!("the policy has {size} characters, and {} are the most", size - 1));
}
