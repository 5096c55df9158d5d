//! `policy apply` when AWS does not do its part: which state that leaves, and how the next run goes on.

use super::gateway::Gateway;
use super::iam::{Call, allows};
use super::{Story, VPCE, mapping};

const API: &str = "1abc23";

fn story() -> (Gateway, Story) {
    let gateway = Gateway::with(API, &["dev"]);
    let story = Story::new(&gateway.url(), &mapping(&[("a.example.com", "1abc23/dev/path1", "GET")]));
    (gateway, story)
}

const DENIED: super::gateway::Failure = (403, "AccessDeniedException", "User is not authorized to perform this");

#[test]
fn a_policy_that_is_put_and_not_deployed_is_said_and_the_next_run_deploys_it() {
    let (gateway, story) = story();
    gateway.fails("POST", DENIED);
    let ran = story.apply(API, "dev", &[]).expect(4).says("put the policy of mapping ");
    let want = "\
error: cannot deploy API `1abc23` in us-east-1: AccessDeniedException: User is not authorized to perform this
API `1abc23` has the new policy, and stage `dev` still serves deployment first1 with the policy of that
  help: the credentials need apigateway:POST on arn:aws:apigateway:us-east-1::/restapis/1abc23 and \
arn:aws:apigateway:us-east-1::/restapis/1abc23/*; run the same command again: it deploys stage `dev`, and puts no policy twice
";
    assert_eq!(ran.err, want);
    gateway.changes();
    story.apply(API, "dev", &[]).expect(0).says("nothing says that it is deployed").says("deployed stage `dev`");
    assert_eq!(gateway.changes(), ["POST /restapis/1abc23/deployments"]);
    story.apply(API, "dev", &[]).expect(0).says("nothing to do");
}

#[test]
fn a_deployment_that_fails_where_nothing_was_put_is_no_half_of_anything() {
    let (gateway, story) = story();
    story.apply(API, "dev", &[]).expect(0);
    gateway.changes();
    gateway.fails("POST", DENIED);
    let told = "nothing was put: API `1abc23` had this policy before, and stage `dev` still serves deployment made1";
    let ran = story.apply(API, "dev", &["--redeploy"]).expect(2).says(told);
    assert!(!ran.err.contains("has the new policy"), "{}", ran.err);
    assert_eq!(gateway.changes(), ["POST /restapis/1abc23/deployments"]);
}

#[test]
fn too_many_deployments_are_to_be_deleted() {
    let (gateway, story) = story();
    // As often as the SDK tries.
    (0..3).for_each(|_| gateway.fails("POST", (429, "LimitExceededException", "Limit exceeded")));
    story.apply(API, "dev", &[]).expect(4).says("LimitExceededException").says("for deployments, delete old ones; run");
}

#[test]
fn a_throttled_deployment_is_sent_until_aws_takes_it() {
    let (gateway, story) = story();
    // More often than the SDK tries.
    (0..5).for_each(|_| gateway.fails("POST", (429, "TooManyRequestsException", "Too Many Requests")));
    story.apply(API, "dev", &[]).expect(0).says("deployed stage `dev`");
}

#[test]
fn a_stage_with_a_canary_is_refused_before_anything_changes() {
    let (gateway, story) = story();
    gateway.change(API, |api| drop(api.canaries.insert("dev".into(), "canary7".into())));
    let ran = story.apply(API, "dev", &[]).expect(1);
    let want = "error: stage `dev` of API `1abc23` has a canary with 10 % of its traffic, and a new deployment would go \
                there alone; nothing was changed\n  help: promote the canary (deployment canary7) or end it (back to first1: ";
    assert!(ran.err.starts_with(want), "{}", ran.err);
    story.apply(API, "dev", &["--dry-run"]).expect(1).says("has a canary");
    assert_eq!(gateway.changes(), [""; 0]);
}

#[test]
fn a_stage_that_serves_something_else_afterwards_is_no_success() {
    let (gateway, story) = story();
    gateway.change(API, |api| {
        api.meddler = Some(|api| drop(api.stages.insert("dev".into(), "theirs9".into())));
    });
    let told = "deployment made1 was made, and stage `dev` of API `1abc23` serves theirs9 instead";
    let ran = story.apply(API, "dev", &[]).expect(4).says(told);
    assert!(!ran.out.contains("deployed stage"), "{}", ran.out);
    gateway.change(API, |api| {
        api.meddler = Some(|api| drop(api.canaries.insert("dev".into(), "canary8".into())));
    });
    story.apply(API, "dev", &[]).expect(4).says("the API has the policy, the stage does not");
}

/// Back to a policy that was deployed once: that it was, long ago, is no proof.
#[test]
fn going_back_to_an_old_policy_is_finished_too() {
    let (gateway, story) = story();
    let (old, new) =
        (mapping(&[("a.example.com", "1abc23/dev/path1", "GET")]), mapping(&[("a.example.com", "1abc23/dev", "GET")]));
    story.apply(API, "dev", &[]).expect(0);
    story.save(&new);
    story.apply(API, "dev", &[]).expect(0);
    story.save(&old);
    gateway.fails("POST", DENIED);
    story.apply(API, "dev", &[]).expect(4);
    gateway.changes();
    story.apply(API, "dev", &[]).expect(0).says("deployed stage `dev`");
    assert_eq!(gateway.changes(), ["POST /restapis/1abc23/deployments"]);
}

/// Somebody opens the whole stage and releases that; we put ours back, and may not deploy.
#[test]
fn a_release_with_another_policy_is_not_taken_for_ours() {
    let (gateway, story) = story();
    let opened = mapping(&[("a.example.com", "1abc23/dev", "ANY")]);
    let anywhere = Call { stage: "dev", verb: "PUT", path: "/elsewhere", vpce: VPCE, referer: None };
    story.apply(API, "dev", &[]).expect(0);
    let ours = gateway.api(API).policy;
    gateway.has_policy(API, &policy_of(&opened));
    gateway.releases(API, "dev");
    assert!(allows(&gateway.serves(API, "dev"), &anywhere));
    gateway.fails("POST", DENIED);
    story.apply(API, "dev", &[]).expect(4).says("put the policy of mapping ");
    assert_eq!(gateway.api(API).policy, ours);
    story.apply(API, "dev", &[]).expect(0).says("nothing says that it is deployed").says("deployed stage `dev`");
    assert!(!allows(&gateway.serves(API, "dev"), &anywhere));
    story.apply(API, "dev", &[]).expect(0).says("nothing to do");
}

/// The text that is printed for the one API of a mapping.
fn policy_of(mapping: &str) -> String {
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("mapping.yaml"), mapping).expect("written");
    let words = ["policy", "mapping.yaml", "--vpce", VPCE, "--api-id", API];
    super::run(folder.path(), &words, &[]).expect(0).out
}

#[test]
fn a_policy_that_aws_refuses_leaves_the_old_one() {
    let (gateway, story) = story();
    let words = "Invalid policy document. Please check the policy syntax and ensure that Principals are valid.";
    gateway.fails("PATCH", (400, "BadRequestException", words));
    story
        .apply(API, "dev", &[])
        .expect(1)
        .says(&format!("error: cannot put the policy of API `1abc23` in us-east-1: BadRequestException: {words}\n"))
        .says("API `1abc23` has the policy it had");
    assert_eq!(gateway.changes(), ["PATCH /restapis/1abc23"]);
    assert_eq!(gateway.api(API).policy, "");
}

#[test]
fn who_may_not_put_it_is_told_what_is_needed() {
    let (gateway, story) = story();
    gateway.fails("PATCH", DENIED);
    let ran = story.apply(API, "dev", &[]).expect(2);
    let need = "help: the credentials need apigateway:PATCH and apigateway:UpdateRestApiPolicy on \
                arn:aws:apigateway:us-east-1::/restapis/1abc23 and";
    assert!(ran.err.contains(need), "{}", ran.err);
}

#[test]
fn credentials_that_aws_does_not_take_are_told_apart() {
    let (gateway, story) = story();
    let refused = [
        ("ExpiredTokenException", "help: the credentials were good once: get new ones"),
        ("UnrecognizedClientException", "help: AWS does not know these credentials: check AWS_PROFILE"),
        ("InvalidSignatureException", "help: check the secret key, and this machine's clock"),
    ];
    for (code, help) in refused {
        gateway.fails("GET", (403, code, "The security token is not to be used"));
        story.apply(API, "dev", &[]).expect(2).says(code).says(help);
    }
    assert!(gateway.changes().is_empty());
}

/// A proxy that wants a login, or an endpoint that is something else.
#[test]
fn an_answer_that_is_not_of_api_gateway_says_what_it_was() {
    for status in [200, 403] {
        let (gateway, story) = story();
        gateway.fails("GET", (status, "", "<html>please log in</html>"));
        let ran =
            story.apply(API, "dev", &[]).expect(2).says("help: check the network, HTTPS_PROXY and AWS_ENDPOINT_URL");
        let told = format!("cannot read API `1abc23` in us-east-1: status {status} is no answer of API Gateway: ");
        assert!(ran.err.contains(&told) && !ran.err.contains("AWS says no more"), "{}", ran.err);
        assert!(ran.err.contains("unexpected token '<'"), "the cause is told: {}", ran.err);
    }
}

#[test]
fn aws_is_asked_again_when_it_has_too_much_to_do() {
    let (gateway, story) = story();
    gateway.fails("POST", (429, "TooManyRequestsException", "Too Many Requests"));
    story.apply(API, "dev", &[]).expect(0).says("deployed stage `dev`: deployment made1\n");
    let deploy = "POST /restapis/1abc23/deployments";
    assert_eq!(gateway.changes(), ["PATCH /restapis/1abc23", deploy, deploy]);
}

#[test]
fn an_api_that_is_not_there_is_a_fault_of_what_was_asked() {
    let gateway = Gateway::with("other1", &["dev"]);
    let story = Story::new(&gateway.url(), &mapping(&[("a.example.com", "1abc23/dev", "GET")]));
    story
        .apply(API, "dev", &[])
        .expect(1)
        .says("NotFoundException")
        .says("help: check the account the credentials are of");
}

#[test]
fn a_policy_in_force_that_cannot_be_read_is_not_replaced_unasked() {
    let (gateway, story) = story();
    gateway.change(API, |api| api.policy = "{oops".into());
    story
        .apply(API, "dev", &[])
        .expect(1)
        .says("the policy in force cannot be read")
        .says("--replace puts ours in its place");
    assert!(gateway.changes().is_empty());
    story.apply(API, "dev", &["--replace"]).expect(0).says("deployed stage `dev`");
}

#[test]
fn without_credentials_or_a_way_to_aws_the_error_says_what_to_give() {
    let (gateway, story) = story();
    let help = "help: give it credentials: a profile (AWS_PROFILE)";
    story.apply_as(&[], API, "dev", &[]).expect(2).says(help);
    drop(gateway);
    story.apply(API, "dev", &[]).expect(2).says("help: check the network, HTTPS_PROXY and AWS_ENDPOINT_URL");
}
