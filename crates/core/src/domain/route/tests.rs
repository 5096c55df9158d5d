//! What a route gives back, and how large it is.

use super::super::base_path::MAX_BASE_PATH;
use super::*;

fn base(path: &str) -> BasePath {
    BasePath::parse(path).expect("a base path")
}

#[test]
fn a_route_gives_back_what_it_was_made_of() {
    let host = Host::parse("pay.example.com").expect("a host");
    let api = PrivateApi::parse("https://abc123.execute-api.eu-west-1.amazonaws.com/prod/v2").expect("an api");
    let route = Route::new(&host, &base("/pay"), &api, Choices::default(), 7);
    assert_eq!((route.host(), route.base(), route.line), ("pay.example.com", "/pay", 7));
    assert_eq!((route.api_host(), route.api_id()), ("abc123.execute-api.eu-west-1.amazonaws.com", "abc123"));
    assert_eq!((route.prefix(), route.region()), ("/prod/v2", "eu-west-1"));
    assert_eq!((&*route.host_bytes(), &*route.api_id_bytes()), (&b"pay.example.com"[..], &b"abc123"[..]));
}

#[test]
fn drafts_share_one_text_and_keep_their_order() {
    let api = PrivateApi::parse("https://abc123.execute-api.eu-west-1.amazonaws.com/prod").expect("an api");
    let mut drafts = Drafts::of_file(1_000);
    for (line, host) in [(1, "b.example.com"), (2, "a.example.com")] {
        drafts.push(&Host::parse(host).expect("a host"), &base("/v1"), &api, Choices::default(), line);
    }
    assert_eq!((drafts.domain(1), drafts.line(1), drafts.len()), ((&b"a.example.com"[..], &b"/v1"[..]), 2, 2));
    let routes = drafts.finish();
    let seen: Vec<_> = routes.iter().map(|route| (route.host(), route.base(), route.prefix(), route.line)).collect();
    assert_eq!(seen, [("b.example.com", "/v1", "/prod", 1), ("a.example.com", "/v1", "/prod", 2)]);
    assert_eq!(routes[0].text().as_ptr_range().end, routes[1].text().as_ptr_range().start);
}

#[test]
fn saying_the_same_is_all_but_the_line() {
    let route = |path: &str, api: &str, choices: Choices, line: u32| {
        let api = PrivateApi::parse(&format!("https://{api}")).expect("an api");
        Route::new(&Host::parse("pay.example.com").expect("a host"), &base(path), &api, choices, line)
    };
    const API: &str = "abc.execute-api.eu-west-1.amazonaws.com/prod";
    let one = route("/v1", API, Choices::default(), 1);
    assert!(one.says_the_same(&route("/v1", API, Choices::default(), 9)));
    let kept = Choices { host: HostMode::Preserve, ..Choices::default() };
    let other_stage = "abc.execute-api.eu-west-1.amazonaws.com/prov";
    for other in [
        route("/v2", API, Choices::default(), 1),
        route("/v1", API, kept, 1),
        route("/v1", other_stage, Choices::default(), 1),
    ] {
        assert!(!one.says_the_same(&other), "{other:?}");
    }
}

#[test]
fn overrides_are_kept_and_compared() {
    let api = PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/prod").expect("an api");
    let host = Host::parse("pay.example.com").expect("a host");
    let mut drafts = Drafts::default();
    for endpoint in [None, Some("a"), Some("b"), Some("a")] {
        let overrides = Overrides { endpoint: endpoint.map(str::to_owned), ..Overrides::default() };
        drafts.push_with(&host, &base(""), &api, (Choices::default(), overrides), 1);
    }
    let routes = drafts.finish();
    assert!(routes.iter().all(|route| route.prefix() == "/prod" && route.prefix_ref() == b"/prod"));
    let endpoint = |at: usize| routes[at].overrides().and_then(|overrides| overrides.endpoint.as_deref());
    assert_eq!((endpoint(0), endpoint(1)), (None, Some("a")));
    assert!(!routes[0].says_the_same(&routes[1]) && !routes[1].says_the_same(&routes[2]));
    assert!(routes[1].says_the_same(&routes[3]));
}

#[test]
fn the_region_is_found_whatever_the_name_begins_with() {
    for (name, region) in [
        ("abc.execute-api.eu-west-1.amazonaws.com", "eu-west-1"),
        ("abc-vpce-0a1b.execute-api.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ] {
        let api = PrivateApi::parse(&format!("https://{name}/prod")).expect("an api");
        let host = Host::parse("pay.example.com").expect("a host");
        let route = Route::new(&host, &base("/v1"), &api, Choices::default(), 1);
        assert_eq!((route.api_id(), route.region(), route.api_host()), ("abc", region, name));
    }
}

#[test]
fn the_longest_host_and_base_path_come_back_whole() {
    let label = "a".repeat(61);
    let host = format!("*.{label}.{label}.{label}.{label}.com");
    assert_eq!(host.len(), MAX_HOST);
    let path = format!("/{}", "b".repeat(MAX_BASE_PATH - 1));
    let api = PrivateApi::parse(&format!("https://abc.execute-api.eu-west-1.amazonaws.com/prod{path}"));
    let api = api.expect("an api");
    let route = Route::new(&Host::parse(&host).expect("a host"), &base(&path), &api, Choices::default(), 1);
    assert_eq!((route.host(), route.base(), route.prefix()), (&*host, &*path, &*format!("/prod{path}")));
}

#[test]
fn a_route_is_small() {
    assert_eq!((size_of::<Route>(), size_of::<Compiled>()), (16, 32));
}
