//! Policies that grant too much, each with the call that shows it.

use super::*;
use crate::policy::{Options, apis};
use nameplate_core::domain::overrides::DEFAULT_ENDPOINT;
use nameplate_core::mapping::compile::compile;

const OURS: &str = "vpce-11111111";

const MAPPING: &str = "APIS:\n  - CUSTOM_DOMAIN_URL: a.in.example.com\n    PRIVATE_API_URL: \
                       https://abc.execute-api.eu-west-1.amazonaws.com/dev/a\n    VERBS: [GET, PUT]\n  - \
                       CUSTOM_DOMAIN_URL: b.in.example.com\n    PRIVATE_API_URL: \
                       https://abc.execute-api.eu-west-1.amazonaws.com/tst\n";

/// What a policy grants too much: statement, resource, call.
fn told(policy: &str) -> Vec<String> {
    let table = compile(MAPPING, "m", None).expect("a mapping");
    let ids = EndpointIds::from([(DEFAULT_ENDPOINT.to_owned(), [OURS.to_owned()].into())]);
    let found = excess(policy, &apis(&table)[0], &ids).expect("a policy");
    let line = |of: Excess| match of.witness {
        Witness::Unknown => format!("{} {}: unknown", of.statement, of.resource),
        Witness::Call { stage, verb, path, origin, is_conditional } => {
            let (may, through) = (if is_conditional { "maybe " } else { "" }, origin.vpce);
            format!("{} {}: {may}{verb} /{stage}{path} through {through}", of.statement, of.resource)
        }
    };
    found.into_iter().map(line).collect()
}

/// The Deny of ours, and an Allow of a resource.
fn ours(allowed: &str) -> String {
    let deny = r#"{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*","Condition":{"StringNotEquals":{"aws:SourceVpce":["vpce-11111111"]}}}"#;
    format!(r#"{{"Version":"2012-10-17","Statement":[{deny},{allowed}]}}"#)
}

fn allow(resource: &str) -> String {
    format!(r#"{{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":{resource}}}"#)
}

#[test]
fn the_policy_that_the_mapping_makes_grants_nothing_more() {
    let table = compile(MAPPING, "m", None).expect("a mapping");
    let ids = EndpointIds::from([(DEFAULT_ENDPOINT.to_owned(), [OURS.to_owned()].into())]);
    let made = apis(&table)[0].policy(&ids, &Options::default()).expect("a policy");
    assert_eq!(told(&made.policy.text()), [""; 0]);
    // As AWS keeps it.
    let kept = made.policy.text().replace("execute-api:/", "arn:aws:execute-api:eu-west-1:999988887777:abc/");
    assert_eq!(told(&kept), [""; 0]);
    // Less than needed is nothing more.
    assert_eq!(told(&ours(&allow(r#""execute-api:/dev/GET/a/b/*""#))), [""; 0]);
}

#[test]
fn each_resource_that_grants_more_has_a_call() {
    let check = |resource: &str, want: &str| {
        let want = format!("2 {}: {want} through vpce-11111111", resource.trim_matches('"'));
        assert_eq!(told(&ours(&allow(resource))), [want]);
    };
    check(r#""execute-api:/dev/*""#, "GET /dev/");
    check(r#""execute-api:/dev/*/a""#, "GET /dev//a");
    check(r#""execute-api:/dev/POST/a""#, "POST /dev/a");
    check(r#""execute-api:/dev/GET/a*""#, "GET /dev/az");
    check(r#""execute-api:/tst*""#, "GET /tstz/");
    check(r#""*""#, "GET /z/");
    check(r#""arn:aws:execute-api:eu-west-1:*:abc/prd/GET/x""#, "GET /prd/x");
}

#[test]
fn a_policy_of_another_api_grants_nothing_of_this_one() {
    assert_eq!(told(&ours(&allow(r#""arn:aws:execute-api:eu-west-1:123456789012:other/*""#))), [""; 0]);
}

#[test]
fn without_the_deny_every_endpoint_gets_in() {
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":{}}}"#, allow(r#""execute-api:/tst/*""#));
    assert_eq!(told(&policy), ["1 execute-api:/tst/*: GET /tst/ through vpce-00000000"]);
    let other =
        ours(&allow(r#""execute-api:/tst/*""#)).replace(r#"["vpce-11111111"]"#, r#"["vpce-11111111","vpce-22222222"]"#);
    assert_eq!(told(&other), ["2 execute-api:/tst/*: GET /tst/ through vpce-22222222"]);
}

#[test]
fn what_is_not_known_is_taken_for_granted() {
    let by_address =
        allow(r#""execute-api:/prd/*""#).replace("}", r#","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}"#);
    assert_eq!(told(&ours(&by_address)), ["2 execute-api:/prd/*: maybe GET /prd/ through vpce-11111111"]);
    let deny = r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#;
    let both = format!("{},{deny}", allow(r#""execute-api:/prd/*""#));
    assert_eq!(told(&ours(&both)), ["2 execute-api:/prd/*: GET /prd/ through vpce-11111111"]);
    let always = format!(
        "{},{}",
        allow(r#""execute-api:/prd/*""#),
        deny.replace(r#","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#, "")
    );
    assert_eq!(told(&ours(&always)), [""; 0]);
    let of_user = allow(r#""execute-api:/dev/GET/a/${aws:username}""#);
    assert_eq!(told(&ours(&of_user)), [""; 0]);
}

#[test]
fn other_forms_are_read_too() {
    let not = r#"{"Effect":"Allow","Principal":{"AWS":"123456789012"},"NotAction":"s3:*","NotResource":["execute-api:/dev/*","execute-api:/tst/*"]}"#;
    assert_eq!(told(&ours(not)), ["2 execute-api:/dev/*, execute-api:/tst/*: GET /z/ through vpce-11111111"]);
    let other_action = allow(r#""*""#).replace("execute-api:Invoke", "execute-api:ManageConnections");
    assert_eq!(told(&ours(&other_action)), [""; 0]);
    assert!(excess("{}", &apis(&compile(MAPPING, "m", None).expect("a mapping"))[0], &EndpointIds::new()).is_err());
}
