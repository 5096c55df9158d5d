//! A story for each kind: an AWS that differs in exactly that.

use super::aws::{Aws, description, policy};
use super::{Story, VPCE, kinds};

/// Compares with an AWS that differs in one thing, and finds that alone, with these words.
#[track_caller]
fn finds(want: &str, words: &[&str], change: impl FnOnce(&mut Aws)) {
    let ran = Story::with(change).drift(&["--format", "json"]).expect(1);
    assert_eq!(kinds(&ran), [want], "{}", ran.out);
    assert!(ran.out.contains("\"unknown\": []"), "{}", ran.out);
    for word in words {
        assert!(ran.out.contains(word), "{word} is not in {}", ran.out);
    }
}

/// As [`finds`], for a policy that somebody put and deployed by hand.
#[track_caller]
fn finds_policy(want: &str, words: &[&str], resources: &[&str], foreign: &str) {
    finds(want, words, |aws| {
        let api = aws.api("abc111");
        api.policy = policy(resources);
        if !foreign.is_empty() {
            api.policy = api.policy.replacen("\"Statement\":[", &format!("\"Statement\":[{foreign},"), 1);
        }
        api.is_released_by_hand();
        api.stages.iter_mut().for_each(|stage| stage.exported = Some(api.policy.clone()));
    });
}

#[test]
fn nothing_differs_from_what_the_mapping_needs() {
    let story = Story::with(|_| {});
    let ran = story.drift(&[]).expect(0).says("2 APIs and 3 domains compared with AWS\n\nno drift\n");
    assert_eq!(ran.err, "");
    assert!(story.aws.seen().iter().all(|of| !of.path.contains("fff999")), "what is not mapped is not read");
}

#[test]
fn an_api_that_is_gone() {
    finds("outage api_gone", &["API def222 in eu-west-1", "shop.in.example.com"], |aws| {
        aws.apis.retain(|api| api.id != "def222");
    });
}

#[test]
fn a_stage_that_is_gone() {
    finds("outage stage_gone", &["the API `orders` has dev", "orders.in.example.com"], |aws| {
        aws.api("abc111").stages.retain(|stage| stage.name == "dev");
    });
}

#[test]
fn an_api_that_is_not_private() {
    finds("exposure api_not_private", &["the API `shop` is REGIONAL"], |aws| {
        let api = aws.api("def222");
        (api.kind, api.endpoint_ids) = ("REGIONAL", Vec::new());
    });
}

#[test]
fn an_api_that_is_not_associated_with_the_endpoint() {
    finds("risk endpoint_not_associated", &["vpce-99999999", VPCE], |aws| {
        aws.api("def222").endpoint_ids = vec!["vpce-99999999"];
    });
}

#[test]
fn an_api_without_a_policy() {
    finds("outage policy_missing", &["the API `shop` has no policy"], |aws| aws.api("def222").policy.clear());
}

#[test]
fn a_policy_with_a_statement_of_others() {
    let all = ["execute-api:/dev/GET/a", "execute-api:/dev/GET/a/*", "execute-api:/prod/*"];
    let foreign = r#"{"Sid":"audit","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/dev/GET/secret"}"#;
    finds_policy("risk policy_foreign", &["audit", "--keep"], &all, foreign);
}

#[test]
fn a_policy_that_lets_in_more() {
    let more = ["execute-api:/dev/GET/a", "execute-api:/dev/GET/a/*", "execute-api:/dev/PUT/a", "execute-api:/prod/*"];
    finds_policy("exposure policy_wider", &["lets in PUT /dev/a through"], &more, "");
}

#[test]
fn a_policy_that_lets_in_less() {
    let less = ["execute-api:/dev/GET/a", "execute-api:/prod/*"];
    let words = ["refuses GET /dev/a/", "with the Referer pay.in.example.com", "\"pay.in.example.com\""];
    finds_policy("outage policy_narrower", &words, &less, "");
}

#[test]
fn a_policy_that_is_not_deployed() {
    finds("risk not_deployed", &["which Nameplate made with another policy", "stage v1"], |aws| {
        let api = aws.api("def222");
        api.deployments.push(("dep2", description("another policy", "v1")));
        api.stages[0].deployment = "dep2";
    });
}

#[test]
fn a_stage_that_was_set_back() {
    finds("risk not_deployed", &["it was set back to deployment old1, which is older than the policy"], |aws| {
        aws.api("def222").stages[0].deployment = "old1";
    });
}

#[test]
fn a_stage_that_was_deployed_with_a_wider_policy_by_others() {
    finds("exposure not_deployed", &["it serves deployment old1, which has another policy than the API"], |aws| {
        let stage = &mut aws.api("def222").stages[0];
        (stage.deployment, stage.exported) = ("old1", Some(policy(&["execute-api:/*"])));
    });
}

#[test]
fn a_canary() {
    finds("risk canary", &["10 % of its traffic goes to deployment next1"], |aws| {
        aws.api("abc111").stages[1].canary = Some("next1");
    });
}

#[test]
fn a_domain_without_a_record() {
    finds("outage record_missing", &["the private hosted zone pay.in.example.com has no record for it"], |aws| {
        aws.zones.push(("pay.in.example.com", true, vec!["x.pay.in.example.com"]));
    });
}

#[test]
fn a_certificate_near_its_end() {
    finds("risk certificate_ending", &["it ends in 10 days", "certificate/1"], |aws| aws.certificates[0].2 = 10);
}

#[test]
fn a_certificate_that_has_ended() {
    finds("outage certificate_ending", &["it ended 2 days ago"], |aws| aws.certificates[0].2 = -3);
}

#[test]
fn a_domain_without_a_certificate() {
    finds("outage certificate_missing", &["*.in.example.com"], |aws| aws.certificates.clear());
}

#[test]
fn a_vpc_endpoint_that_is_gone() {
    finds("outage vpc_endpoint_gone", &["has this VPC endpoint"], |aws| aws.vpc_endpoints.clear());
}

#[test]
fn a_vpc_endpoint_that_is_being_deleted() {
    finds("outage vpc_endpoint_gone", &["its state is deleting"], |aws| aws.vpc_endpoints[0].1 = "deleting");
}
