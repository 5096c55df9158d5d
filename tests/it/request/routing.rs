//! The request: which API gets it, and what of it that API sees.

use crate::harness::client::Response;
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, ProxyBuilder, proxy};

/// What the API behind it is called.
pub(crate) const API: &str = "abc123.execute-api.eu-west-1.amazonaws.com";

/// One entry, `pay.example.com` to `/prod`, and the API behind it.
pub(crate) fn pay() -> (Origin, Proxy) {
    pay_with(&[], |proxy| proxy)
}

/// The same, with more keys and settings.
pub(crate) fn pay_with(keys: &[(&str, &str)], more: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> (Origin, Proxy) {
    let api = Origin::ok();
    let proxy = more(proxy().maps_with("pay.example.com", "abc123", "/prod", keys).to(&api)).start();
    (api, proxy)
}

/// What the origin got for a target.
#[track_caller]
fn target_becomes(sent: &str, want: &str) {
    let (api, proxy) = pay();
    assert_eq!(proxy.get("pay.example.com", sent).status, 200, "{sent}");
    assert_eq!(api.last_request().target(), want);
    api.expect_no_oddities();
}

#[track_caller]
fn host_reaches_its_api(host: &str) {
    let (api, proxy) = pay();
    assert_eq!(proxy.get(host, "/x").status, 200, "{host}");
    assert_eq!(api.last_request().target(), "/prod/x");
}

#[track_caller]
fn host_is_refused(host: &str, status: u16, reason: &str) {
    let (api, proxy) = pay();
    let answer = proxy.get(host, "/x");
    assert_eq!((answer.status, answer.header("x-nameplate-refusal")), (status, Some(reason)), "{host}");
    assert_eq!(api.connections(), 0, "{host}");
}

mod host {
    use super::*;

    #[test]
    fn case_does_not_matter() {
        host_reaches_its_api("PAY.Example.COM");
    }

    #[test]
    fn a_port_does_not_matter() {
        host_reaches_its_api("pay.example.com:8443");
    }

    #[test]
    fn one_trailing_dot_does_not_matter() {
        host_reaches_its_api("pay.example.com.");
        host_reaches_its_api("pay.example.com.:443");
    }

    #[test]
    fn a_longer_a_shorter_and_a_similar_name_are_other_hosts() {
        for host in
            ["x.pay.example.com", "example.com", "pay.example.com.evil.example", "pay-example.com", "xpay.example.com"]
        {
            host_is_refused(host, 421, "unknown_host");
        }
    }

    #[test]
    fn a_list_of_hosts_is_no_host() {
        host_is_refused("pay.example.com,evil.example", 400, "malformed_host");
        host_is_refused("pay.example.com, evil.example", 400, "malformed_host");
    }

    #[test]
    fn odd_ports_are_no_host() {
        for host in ["pay.example.com:-1", "pay.example.com:http", "pay.example.com:99999"] {
            host_is_refused(host, 400, "malformed_host");
        }
    }

    #[test]
    fn user_information_is_no_host() {
        let (api, proxy) = pay();
        assert_eq!(proxy.get("user@pay.example.com", "/x").status, 400);
        assert_eq!(api.connections(), 0);
    }

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        let api = Origin::ok();
        let proxy = proxy().maps("*.example.com", "abc123", "/prod").to(&api).start();
        assert_eq!(proxy.get("Shop.example.com", "/").status, 200);
        for host in ["example.com", "a.b.example.com", ".example.com"] {
            assert_ne!(proxy.get(host, "/").status, 200, "{host}");
        }
        assert_eq!(api.requests().len(), 1);
    }

    #[test]
    fn the_exact_name_comes_before_the_wildcard() {
        let api = Origin::ok();
        let proxy =
            proxy().maps("*.example.com", "wild00", "/w").maps("pay.example.com", "abc123", "/prod").to(&api).start();
        proxy.get("pay.example.com", "/x");
        proxy.get("shop.example.com", "/x");
        let targets: Vec<_> = api.requests().iter().map(|request| request.target().to_owned()).collect();
        assert_eq!(targets, ["/prod/x", "/w/x"]);
    }

    #[test]
    fn a_name_with_entries_of_its_own_never_falls_back_to_the_wildcard() {
        let api = Origin::ok();
        let proxy = proxy()
            .maps("*.example.com", "wild00", "/w")
            .maps("pay.example.com/v1", "abc123", "/prod")
            .to(&api)
            .start();
        let answer = proxy.get("pay.example.com", "/v2");
        assert_eq!((answer.status, answer.header("x-nameplate-refusal")), (404, Some("unknown_path")));
        assert_eq!(api.connections(), 0);
    }

    #[test]
    fn an_absolute_form_that_agrees_with_host_is_taken() {
        let (api, proxy) = pay();
        let answer = proxy.send("GET http://pay.example.com/x?y HTTP/1.1\r\nHost: pay.example.com\r\n\r\n");
        assert_eq!((answer.status, api.last_request().target()), (200, "/prod/x?y"));
        api.expect_no_oddities();
    }

    #[test]
    fn an_absolute_form_that_names_another_host_is_refused() {
        let (api, proxy) = pay();
        let answer = proxy.send("GET http://evil.example/x HTTP/1.1\r\nHost: pay.example.com\r\n\r\n");
        assert_eq!(answer.status, 400);
        assert_eq!(api.connections(), 0);
    }

    #[test]
    fn over_http2_the_authority_decides() {
        let (api, proxy) = pay();
        let answer = proxy.call(Call::get("Pay.Example.com:8080", "/x")).expect("an answer");
        assert_eq!((answer.status, api.last_request().target()), (200, "/prod/x"));
        assert_eq!(api.last_request().all("host"), [API]);
    }
}

mod path {
    use super::*;

    #[test]
    fn the_stage_comes_in_front() {
        target_becomes("/charge", "/prod/charge");
        target_becomes("/", "/prod/");
    }

    #[test]
    fn double_slashes_stay_double() {
        target_becomes("//a///b//", "/prod//a///b//");
    }

    #[test]
    fn nothing_is_decoded_or_encoded() {
        target_becomes("/a%2Fb%2fc%3A:%20%7e~", "/prod/a%2Fb%2fc%3A:%20%7e~");
        target_becomes("/%", "/prod/%");
        target_becomes("/%zz%00", "/prod/%zz%00");
    }

    #[test]
    fn bytes_that_strict_parsers_refuse_pass_as_they_are() {
        target_becomes("/a|b^c{d}\"e[f]", "/prod/a|b^c{d}\"e[f]");
        target_becomes("/x?q=a|b^{c}", "/prod/x?q=a|b^{c}");
    }

    #[test]
    fn a_fragment_is_not_forwarded() {
        target_becomes("/x?y#z", "/prod/x?y");
    }

    #[test]
    fn bytes_no_url_has_are_refused() {
        let (api, proxy) = pay();
        for target in ["/a<b", "/a>b", "/a`b", "/a\\b", "/a b", "/a?b c", "/a\tb"] {
            assert_eq!(proxy.get("pay.example.com", target).status, 400, "{target}");
        }
        assert_eq!(api.connections(), 0);
    }

    #[test]
    fn the_query_is_not_read() {
        target_becomes("/x?", "/prod/x?");
        target_becomes("/x?a=/../b&c=%2e%2e&&=?", "/prod/x?a=/../b&c=%2e%2e&&=?");
        target_becomes("/x?b=2&a=1&a=0", "/prod/x?b=2&a=1&a=0");
    }

    #[test]
    fn a_presigned_query_arrives_byte_for_byte() {
        let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%2F\
                     execute-api%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host%3Bx-amz-date&\
                     Param=a%20b%2Bc~d&param=&X-Amz-Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400";
        target_becomes(
            &format!("/documents%20and%2520settings/?{query}"),
            &format!("/prod/documents%20and%2520settings/?{query}"),
        );
    }

    #[test]
    fn a_base_path_is_replaced_on_a_segment_boundary() {
        let api = Origin::ok();
        let proxy = proxy().maps("pay.example.com/v1", "abc123", "/prod/api").to(&api).start();
        for (sent, want) in
            [("/v1", "/prod/api"), ("/v1/", "/prod/api/"), ("/v1//x?y", "/prod/api//x?y"), ("/v1?y", "/prod/api?y")]
        {
            assert_eq!(proxy.get("pay.example.com", sent).status, 200, "{sent}");
            assert_eq!(api.last_request().target(), want);
        }
        let seen = api.requests().len();
        for sent in ["/v10", "/V1", "/", "//v1", "/%761", "/v1%2Fx"] {
            assert_eq!(
                proxy.get("pay.example.com", sent).header("x-nameplate-refusal"),
                Some("unknown_path"),
                "{sent}"
            );
        }
        assert_eq!(api.requests().len(), seen);
    }

    #[test]
    fn the_longest_base_path_wins() {
        let api = Origin::ok();
        let proxy = proxy()
            .maps("pay.example.com", "root00", "/r")
            .maps("pay.example.com/v1/cards", "cards0", "/c")
            .maps("pay.example.com/v1", "one000", "/o")
            .to(&api)
            .start();
        for (sent, want) in [("/v1/cards/x", "/c/x"), ("/v1/cardsx", "/o/cardsx"), ("/v1", "/o"), ("/v2", "/r/v2")] {
            proxy.get("pay.example.com", sent);
            assert_eq!(api.last_request().target(), want);
        }
    }
}

mod verbs {
    use super::*;

    fn get_and_put() -> (Origin, Proxy) {
        pay_with(&[("VERBS", "[GET, PUT]")], |proxy| proxy)
    }

    #[track_caller]
    fn refused(answer: &Response) {
        assert_eq!((answer.status, answer.header("x-nameplate-refusal")), (405, Some("method_not_allowed")));
        assert_eq!(answer.all("allow"), ["GET, PUT"]);
    }

    #[test]
    fn the_listed_ones_pass() {
        let (api, proxy) = get_and_put();
        assert_eq!(proxy.get("pay.example.com", "/").status, 200);
        assert_eq!(proxy.request("PUT", "pay.example.com", "/", &[], b"x").status, 200);
        assert_eq!(api.last_request().method(), "PUT");
    }

    #[test]
    fn others_are_refused_with_the_list() {
        let (api, proxy) = get_and_put();
        for method in ["POST", "DELETE", "OPTIONS", "get", "PROPFIND", "TRACE"] {
            refused(&proxy.request(method, "pay.example.com", "/", &[], b""));
        }
        refused(&proxy.request("HEAD", "pay.example.com", "/", &[], b""));
        assert_eq!(api.connections(), 0);
    }

    #[test]
    fn an_override_counts_as_the_verb() {
        let (api, proxy) = get_and_put();
        for name in ["X-HTTP-Method-Override", "x-http-method-override"] {
            refused(&proxy.request("GET", "pay.example.com", "/", &[(name, "DELETE")], b""));
            refused(&proxy.request("GET", "pay.example.com", "/", &[(name, "PUT"), (name, "delete")], b""));
        }
        assert_eq!(api.connections(), 0);
        assert_eq!(proxy.request("GET", "pay.example.com", "/", &[("X-HTTP-Method-Override", "put")], b"").status, 200);
        assert_eq!(api.last_request().header("x-http-method-override"), Some("put"));
    }

    #[test]
    fn without_verbs_every_method_passes() {
        let (api, proxy) = pay();
        for method in ["GET", "POST", "DELETE", "OPTIONS", "PATCH", "PROPFIND"] {
            assert_eq!(proxy.request(method, "pay.example.com", "/", &[], b"").status, 200, "{method}");
            assert_eq!(api.last_request().method(), method);
        }
    }

    #[test]
    fn connect_is_always_refused() {
        let (api, proxy) = pay();
        let answer = proxy.send("CONNECT pay.example.com:443 HTTP/1.1\r\nHost: pay.example.com:443\r\n\r\n");
        assert_eq!((answer.status, answer.header("x-nameplate-refusal")), (405, Some("method_not_allowed")));
        assert_eq!(api.connections(), 0);
    }
}
