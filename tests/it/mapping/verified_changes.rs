//! Changes that are verified: entries whose new target answers worse than the old one keep the old one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::harness::Gate;
use crate::harness::client::{Client, request, text_of};
use crate::harness::origin::{Origin, Received};
use crate::harness::proxy::{Proxy, entry, proxy};
use crate::harness::reply::Reply;

const HELD: &str = "nameplate_mapping_held_entries";
const VERIFYING: &str = "nameplate_mapping_verifying_entries";
const GENERATION: &str = "nameplate_mapping_generation";
/// Between two requests of a client: it is there throughout, and leaves the processor to others.
const PAUSE: Duration = Duration::from_millis(5);
/// Nothing is asked again unless a story says so.
const VERIFY: &str = "reload: { verify: true, verify_retry: 60m }";

/// The API that a request is for.
fn api_of(request: &Received) -> String {
    request.header("x-apigw-api-id").unwrap_or_default().to_owned()
}

/// A response as API Gateway sends it for an integration: with this body.
fn answered(body: &str) -> Reply {
    Reply::with_headers(200, &[("x-amzn-requestid", "1-2-3"), ("x-amz-apigw-id", "abc=")], body)
}

/// As API Gateway answers for an API that this endpoint does not know.
fn forbidden() -> Reply {
    let headers =
        [("x-amzn-errortype", "ForbiddenException"), ("x-amzn-requestid", "1-2-3"), ("x-amz-apigw-id", "abc=")];
    Reply::with_headers(403, &headers, "{\"message\":\"Forbidden\"}")
}

/// Answers with the API's id, and for those that begin with `bad` as API Gateway does for one that it does not know.
fn gateway() -> Origin {
    Origin::start(|request| match api_of(request) {
        api if api.starts_with("bad") => forbidden(),
        api => answered(&api),
    })
}

/// As [`gateway`], with an API `late1` that is not there before the switch is set.
fn late_api() -> (Origin, Arc<AtomicBool>) {
    let deployed = Arc::new(AtomicBool::new(false));
    let is_deployed = Arc::clone(&deployed);
    let api = Origin::start(move |request| match api_of(request) {
        api if api == "late1" && !is_deployed.load(Ordering::Relaxed) => forbidden(),
        api => answered(&api),
    });
    (api, deployed)
}

/// A proxy whose one entry is led to `late1`, and asks held entries again every second.
fn led_to_late_api(api: &Origin) -> Proxy {
    let retry = "reload: { verify: true, verify_retry: 1s }";
    let proxy = proxy().maps("a.example.com", "old1", "/prod").to(api).settings(retry).start();
    proxy.save_mapping(&mapping(&[("a.example.com", "late1")]));
    proxy
}

fn mapping(entries: &[(&str, &str)]) -> String {
    let entries: Vec<String> = entries.iter().map(|(domain, api)| entry(domain, api, "/prod", &[])).collect();
    format!("APIS:\n{}", entries.concat())
}

#[track_caller]
fn expect_held(proxy: &Proxy, wants: &[&str]) {
    let said = proxy.reload().expect_err("entries are held").to_string();
    for want in wants {
        assert!(said.contains(want), "{want}: {said}");
    }
}

#[test]
fn of_a_thousand_changes_the_thirty_to_apis_that_do_not_answer_are_held() {
    const ENTRIES: usize = 1_000;
    let api = gateway();
    // Ten lead to an API that is not there, twenty to an endpoint that takes no connection.
    let text = |stage: &str, new: bool| {
        let entry = |at: usize| {
            let (api, keys): (_, &[_]) = match at {
                300..310 if new => ("bad1", &[]),
                500..520 if new => ("new1", &[("ENDPOINT", "dead")]),
                _ => ("new1", &[]),
            };
            // A target is asked once for each domain: twenty entries have one.
            entry(&format!("d{}.example.com/v{at}", at / 20), api, stage, keys)
        };
        (0..ENTRIES).map(entry).collect::<String>()
    };
    // Time enough for a machine that does a hundred other things.
    let settings = "reload: { verify_timeout: 120s }\nendpoints: { dead: { fixed: ['127.0.0.1:1'] } }";
    let proxy = proxy().yaml(&text("/old", false)).to(&api).settings(VERIFY).settings(settings).start();
    assert_eq!(proxy.get("d0.example.com", "/v0").status, 200);

    let (done, is_done) = mpsc::channel::<()>();
    let served = thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let is_done = is_done;
            let mut client = Client::connect(proxy.address());
            let get = text_of("GET", "d21.example.com", "/v420/x", &[], b"");
            let mut served = 0;
            while is_done.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                assert_eq!(client.send(&get).read_response().status, 200);
                served += 1;
            }
            served
        });
        // Ends the requests, also where the story fails.
        let requests = done;
        proxy.save_mapping(&format!("APIS:\n{}", text("/new", true)));
        expect_held(&proxy, &["30 of 1000 entries are held", "entry d15.example.com/v300: ", "all others are active"]);
        drop(requests);
        serving.join().expect("every request was served")
    });
    assert!(served > 0);

    assert_eq!((proxy.metric(HELD), proxy.metric(VERIFYING), proxy.metric(GENERATION)), (30.0, 0.0, 2.0));
    assert_eq!(proxy.metric("nameplate_mapping_verified_entries_total{result=\"passed\"}"), 970.0);
    let shown = proxy.pages().mapping();
    let held = shown["held"].as_array().expect("a list").iter();
    let held: BTreeSet<_> = held.map(|held| held["base_path"].as_str().unwrap_or_default().to_owned()).collect();
    let want: BTreeSet<_> = (300..310).chain(500..520).map(|at| format!("/v{at}")).collect();
    assert_eq!(held, want);
    let unsafe_ones = api.requests().into_iter().filter(|request| request.method() != "GET").count();
    let asked = api.requests().into_iter().filter(|request| request.header("authorization").is_some()).count();
    assert_eq!((unsafe_ones, asked), (0, 0));
    for (at, stage) in [(0, "/new"), (299, "/new"), (300, "/old"), (519, "/old"), (520, "/new")] {
        assert_eq!(proxy.get(&format!("d{}.example.com", at / 20), &format!("/v{at}/x")).status, 200);
        assert_eq!(api.last_request().target(), format!("{stage}/x"), "d{at}");
    }
}

#[test]
fn a_held_entry_goes_live_by_itself_once_its_api_answers() {
    let (api, deployed) = late_api();
    let proxy = led_to_late_api(&api);
    expect_held(&proxy, &["1 of 1 entries are held", "entry a.example.com: https://late1.", "it keeps https://old1."]);
    // It is asked again, and still does not answer.
    let asked = api.wait_until(|requests| requests.iter().filter(|request| api_of(request) == "late1").count() > 1);
    assert_eq!((asked.len() > 2, proxy.get("a.example.com", "/").text()), (true, "old1".into()));
    deployed.store(true, Ordering::Relaxed);
    proxy.wait_for_metric(HELD, 0.0);
    assert_eq!(proxy.get("a.example.com", "/").text(), "late1");
    let shown = proxy.pages().mapping();
    assert_eq!((shown["held"].as_array().map(Vec::len), shown["trouble"].is_null()), (Some(0), true));
    assert!(!proxy.reload().expect("nothing is held").changed);
}

#[test]
fn consent_takes_what_is_held_and_nothing_that_comes_after_it() {
    let api = gateway();
    let proxy = proxy().maps("a.example.com", "old1", "/prod").maps("b.example.com", "old1", "/prod");
    let proxy = proxy.to(&api).settings(VERIFY).start();
    proxy.save_mapping(&mapping(&[("a.example.com", "bad1"), ("b.example.com", "old1")]));
    expect_held(&proxy, &["--allow-unverified"]);
    // To ask again is no consent.
    expect_held(&proxy, &["1 of 2 entries are held"]);
    assert_eq!(proxy.get("a.example.com", "/").text(), "old1");

    proxy.save_mapping(&mapping(&[("a.example.com", "bad1"), ("b.example.com", "bad2")]));
    let said = proxy.reload_and_allow_shrink().expect_err("another entry is held").to_string();
    assert!(said.contains("entry b.example.com: ") && !said.contains("entry a.example.com: "), "{said}");
    assert_eq!((proxy.get("a.example.com", "/").status, proxy.get("b.example.com", "/").text()), (403, "old1".into()));
    assert!(proxy.reload_and_allow_shrink().expect("all of it is active").changed);
    assert_eq!((proxy.get("b.example.com", "/").status, proxy.metric(HELD)), (403, 0.0));
}

#[test]
fn a_newer_mapping_takes_the_place_of_one_that_is_being_verified() {
    let gate = Gate::default();
    let open = gate.clone();
    let api = Origin::start(move |request| match api_of(request) {
        api if api == "slow1" => Reply::default().then_wait(&open).then_close(),
        api => answered(&api),
    });
    let proxy = proxy().maps("a.example.com", "old1", "/prod").to(&api).settings(VERIFY).start();
    thread::scope(|scope| {
        proxy.save_mapping(&mapping(&[("a.example.com", "slow1")]));
        let first = scope.spawn(|| proxy.reload());
        api.wait_until(|requests| requests.iter().any(|request| api_of(request) == "slow1"));
        assert_eq!((proxy.metric(VERIFYING), proxy.get("a.example.com", "/").text()), (1.0, "old1".into()));
        assert_eq!(proxy.pages().mapping()["verifying"]["entries"], 1);
        proxy.save_mapping(&mapping(&[("a.example.com", "new1")]));
        let second = proxy.reload().expect("it answers");
        // Whoever waited for the first one learns what took its place.
        let first = first.join().expect("an outcome").expect("it was replaced by one that answers");
        assert_eq!((second.generation, first.generation), (2, 2));
    });
    assert_eq!((proxy.get("a.example.com", "/").text(), proxy.metric(HELD)), ("new1".into(), 0.0));
    gate.open();
}

#[test]
fn a_name_that_nothing_answered_for_goes_live_and_is_not_asked() {
    let api = gateway();
    let proxy = proxy().maps("a.example.com", "old1", "/prod").to(&api).settings(VERIFY).start();
    proxy.save_mapping(&mapping(&[("a.example.com", "old1"), ("new.example.com", "bad1")]));
    assert!(proxy.reload().expect("nothing is held").changed);
    assert_eq!((api.requests().len(), proxy.get("new.example.com", "/").status), (0, 403));
}

#[test]
fn what_could_not_be_asked_is_for_the_setting_to_decide() {
    for (unverified, want) in [("accept", "new2"), ("hold", "old1")] {
        let api = gateway();
        let limits =
            format!("reload: {{ verify: true, verify_requests: 1, verify_retry: 60m, unverified: {unverified} }}");
        let proxy = proxy().maps("a.example.com", "old1", "/prod").maps("b.example.com", "old1", "/prod");
        let proxy = proxy.to(&api).settings(&limits).start();
        proxy.save_mapping(&mapping(&[("a.example.com", "new1"), ("b.example.com", "new2")]));
        assert_eq!(proxy.reload().is_ok(), unverified == "accept");
        assert_eq!(api.requests().len(), 1, "one request was allowed");
        assert_eq!(
            (proxy.get("a.example.com", "/").text(), proxy.get("b.example.com", "/").text()),
            ("new1".into(), want.into())
        );
    }
}

#[test]
fn an_api_that_stays_silent_is_held_within_the_time() {
    let gate = Gate::default();
    let open = gate.clone();
    let api = Origin::start(move |request| match api_of(request) {
        api if api == "silent1" => Reply::default().then_wait(&open).then_close(),
        api => answered(&api),
    });
    let settings = "reload: { verify: true, verify_timeout: 3s, verify_retry: 60m }";
    let proxy = proxy().maps("a.example.com", "old1", "/prod").to(&api).settings(settings).start();
    proxy.save_mapping(&mapping(&[("a.example.com", "silent1")]));
    let silent = "takes the request and sends no valid response, or What is behind the method does not answer in time;";
    expect_held(&proxy, &["1 of 1 entries are held", silent]);
    assert_eq!(proxy.get("a.example.com", "/").text(), "old1");
    gate.open();
}

#[test]
fn an_address_of_the_endpoint_that_has_died_holds_nothing() {
    let api = gateway();
    let dead = "127.0.0.1:1".parse().expect("an address");
    let names: Vec<String> = (0..4).map(|at| format!("d{at}.example.com")).collect();
    let all = |api: &'static str| names.iter().map(|name| (name.as_str(), api)).collect::<Vec<_>>();
    let proxy =
        proxy().yaml(&mapping(&all("old1"))[6..]).to_addresses(vec![dead, api.address()]).settings(VERIFY).start();
    proxy.save_mapping(&mapping(&all("new1")));
    assert!(proxy.reload().expect("each is asked at the other address, too").changed);
    assert_eq!(api.requests().len(), 4);
}

#[test]
fn a_mapping_that_is_rejected_stays_so_while_held_entries_go_live() {
    let (api, deployed) = late_api();
    let proxy = led_to_late_api(&api);
    expect_held(&proxy, &["1 of 1 entries are held"]);
    proxy.save_mapping("APIS: [");
    let rejected = "nameplate_mapping_trouble{reason=\"rejected\"}";
    assert!(proxy.reload().is_err());
    assert_eq!((proxy.metric(rejected), proxy.metric(HELD)), (1.0, 1.0));
    deployed.store(true, Ordering::Relaxed);
    proxy.wait_for_metric(HELD, 0.0);
    assert_eq!((proxy.get("a.example.com", "/").text(), proxy.metric(rejected)), ("late1".into(), 1.0));
    assert_eq!(proxy.pages().mapping()["trouble"]["reason"], "rejected");
}

#[test]
fn a_task_that_starts_during_a_bad_change_takes_it_as_it_is() {
    let api = gateway();
    let proxy = proxy().maps("a.example.com", "bad1", "/prod").to(&api).settings(VERIFY).start();
    assert_eq!((api.requests().len(), proxy.get("a.example.com", "/").status, proxy.metric(HELD)), (0, 403, 0.0));
    // Anything is no worse.
    proxy.save_mapping(&mapping(&[("a.example.com", "bad2")]));
    assert!(proxy.reload().expect("nothing is held").changed);
}

#[test]
fn without_the_setting_nobody_is_asked() {
    let api = gateway();
    let proxy = proxy().maps("a.example.com", "old1", "/prod").to(&api).start();
    proxy.save_mapping(&mapping(&[("a.example.com", "bad1")]));
    assert!(proxy.reload().expect("nothing is held").changed);
    assert_eq!(api.requests().len(), 0);
}

#[test]
fn an_entry_that_only_takes_posts_is_asked_with_a_safe_method() {
    let api = gateway();
    let only = [("VERBS", "[POST, DELETE]")];
    let proxy = proxy().maps_with("a.example.com", "old1", "/prod", &only).to(&api).settings(VERIFY).start();
    proxy.save_mapping(&format!("APIS:\n{}", entry("a.example.com", "bad1", "/prod", &only)));
    expect_held(&proxy, &["1 of 1 entries are held"]);
    assert!(api.requests().iter().all(|request| request.method() == "GET"));
}

#[test]
fn an_entry_with_a_probe_is_asked_there_and_one_without_at_its_own_path() {
    let api = gateway();
    let probe = [("PROBE", "/health")];
    let proxy =
        proxy().maps_with("a.example.com", "old1", "/prod/v1", &probe).maps("b.example.com", "old1", "/prod/v1");
    let proxy = proxy.to(&api).settings(VERIFY).start();
    let entries = [entry("a.example.com", "new1", "/prod/v1", &probe), entry("b.example.com", "new1", "/prod/v1", &[])];
    proxy.save_mapping(&format!("APIS:\n{}", entries.concat()));
    assert!(proxy.reload().expect("both answer").changed);
    let asked: BTreeSet<_> = api.requests().iter().map(|request| request.target().to_owned()).collect();
    assert_eq!(asked, BTreeSet::from(["/prod/health".to_owned(), "/prod/v1".to_owned()]));
}

#[test]
fn pages_and_metrics_tell_of_held_entries() {
    let api = gateway();
    let proxy = proxy().maps("a.example.com", "old1", "/prod").to(&api).settings(VERIFY).start();
    proxy.save_mapping(&mapping(&[("a.example.com", "bad1"), ("b.example.com", "new1")]));
    expect_held(&proxy, &["these entries stay as they were, and all others are active (generation 2)"]);
    let shown = proxy.pages().mapping();
    let held = &shown["held"][0];
    assert_eq!((&held["domain"], &held["base_path"]), (&"a.example.com".into(), &"".into()));
    assert!(held["target"].as_str().is_some_and(|target| target.starts_with("https://bad1.")), "{held}");
    assert!(held["keeps"].as_str().is_some_and(|target| target.starts_with("https://old1.")), "{held}");
    assert_eq!((&shown["trouble"]["reason"], &shown["reloads"]["result"]), (&"held".into(), &"held".into()));
    let class = held["reason"].as_str().expect("a class");
    assert_eq!(proxy.metric(&format!("{HELD}{{class=\"{class}\"}}")), 1.0);
    assert_eq!(proxy.metric("nameplate_mapping_trouble"), 0.0, "the mapping itself is active");
    let accept = [("Accept", "text/html")];
    let page = request(proxy.admin(), "GET", &proxy.admin().to_string(), "/", &accept, b"").text();
    assert!(page.contains("1 of 2 entries are held") && page.contains("Held entries"), "{page}");
    assert!(proxy.admin_get("/readyz").text().contains("1 of 2 entries are held"));
}
