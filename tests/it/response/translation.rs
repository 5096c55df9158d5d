//! Answers: what points at the API's own host or stage comes back in the custom domain's terms.

use crate::harness::client::{Response, text_of};
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, proxy};
use crate::harness::reply::Reply;

const API: &str = "https://abc123.execute-api.eu-west-1.amazonaws.com";

/// An API that always answers with these headers, behind this domain.
fn answering(domain: &str, keys: &[(&str, &str)], headers: &[(&str, &str)]) -> (Origin, Proxy) {
    let reply = Reply::with_headers(201, headers, "{}");
    let api = Origin::start(move |_| reply.clone());
    let proxy = proxy().maps_with(domain, "abc123", "/prod", keys).to(&api).tls(&["*.example.com"]).start();
    (api, proxy)
}

#[track_caller]
fn answer(domain: &str, keys: &[(&str, &str)], headers: &[(&str, &str)]) -> Response {
    let (_api, proxy) = answering(domain, keys, headers);
    let path = domain.split_once('/').map_or("/", |_| "/v1");
    let answer = proxy.get("pay.example.com:8080", path);
    assert_eq!((answer.status, answer.text().as_str()), (201, "{}"));
    answer
}

#[track_caller]
fn location_becomes(domain: &str, sent: &str, want: &str) {
    assert_eq!(answer(domain, &[], &[("Location", sent)]).all("location"), [want]);
    assert_eq!(answer(domain, &[], &[("Content-Location", sent)]).all("content-location"), [want]);
}

#[track_caller]
fn cookie_becomes(domain: &str, sent: &str, want: &str) {
    assert_eq!(answer(domain, &[], &[("Set-Cookie", sent)]).all("set-cookie"), [want]);
}

mod locations {
    use super::*;

    #[test]
    fn the_apis_own_url_becomes_the_custom_domains() {
        location_becomes("pay.example.com", &format!("{API}/prod/x?y=1"), "http://pay.example.com:8080/x?y=1");
        location_becomes("pay.example.com", &format!("{API}/prod"), "http://pay.example.com:8080/");
    }

    #[test]
    fn a_path_under_the_stage_loses_it() {
        location_becomes("pay.example.com", "/prod/x", "/x");
        location_becomes("pay.example.com", "/prod?a", "/?a");
    }

    #[test]
    fn the_custom_base_path_takes_the_stages_place() {
        location_becomes("pay.example.com/v1", "/prod/x", "/v1/x");
        location_becomes("pay.example.com/v1", &format!("{API}/prod/x"), "http://pay.example.com:8080/v1/x");
    }

    // Without its stage `/prod//evil.example` would name another host.
    #[test]
    fn no_translation_leads_to_another_host() {
        location_becomes("pay.example.com", "/prod//evil.example/", "http://pay.example.com:8080//evil.example/");
    }

    // Browsers drop a tab and take a backslash for a slash.
    #[test]
    fn no_translation_leads_to_another_host_in_a_browser() {
        let in_full = "http://pay.example.com:8080//evil.example/x";
        for sent in ["/prod/\t/evil.example/x", "/prod/\\evil.example/x", "/prod\t/\t\\evil.example/x"] {
            location_becomes("pay.example.com", sent, in_full);
        }
    }

    #[test]
    fn the_custom_domain_is_the_apis_own_host_too() {
        for authority in ["pay.example.com", "pay.example.com:8080"] {
            let sent = format!("http://{authority}/prod/login?a=b");
            location_becomes("pay.example.com", &sent, "http://pay.example.com:8080/login?a=b");
            location_becomes("pay.example.com/v1", &sent, "http://pay.example.com:8080/v1/login?a=b");
        }
    }

    // Sent back to where it came from, it would come for ever.
    #[test]
    fn a_redirect_to_tls_stays_one() {
        location_becomes("pay.example.com", "https://pay.example.com/prod/login", "https://pay.example.com/login");
    }

    // `X-Forwarded-Port` tells the API of it.
    #[test]
    fn the_listeners_port_is_the_custom_domains() {
        let api = Origin::start(|request| {
            let port = request.header("x-forwarded-port").expect("a port");
            Reply::with_headers(201, &[("Location", &format!("http://pay.example.com:{port}/prod/x"))], "{}")
        });
        let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).start();
        assert_eq!(proxy.get("pay.example.com", "/").all("location"), ["http://pay.example.com/x"]);
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for sent in [
            "/x",
            "x",
            "/product",
            "https://pay.example.com:9000/prod/x",
            "https://pay.example.com/x",
            "https://other.example/prod/x",
            &format!("{API}/test/x"),
        ] {
            location_becomes("pay.example.com", sent, sent);
        }
    }

    #[test]
    fn a_client_over_tls_gets_https() {
        let (_api, proxy) = answering("pay.example.com", &[], &[("Location", &format!("{API}/prod/x"))]);
        let get = text_of("GET", "pay.example.com", "/", &[], b"");
        let answer = proxy.tls_client("pay.example.com").send(get).read_response();
        assert_eq!(answer.all("location"), ["https://pay.example.com/x"]);
    }

    #[test]
    fn behind_a_trusted_load_balancer_it_is_the_scheme_that_one_names() {
        let reply = Reply::with_headers(201, &[("Location", &format!("{API}/prod/x"))], "{}");
        let api = Origin::start(move |_| reply.clone());
        let trust = "forwarded: { trust: [127.0.0.1] }";
        let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).settings(trust).start();
        for said in ["https", "HTTPS", "https, http"] {
            let answer = proxy.request("GET", "pay.example.com", "/", &[("X-Forwarded-Proto", said)], b"");
            assert_eq!(answer.all("location"), ["https://pay.example.com/x"], "{said}");
        }
    }

    #[test]
    fn over_http2_the_authority_is_the_clients() {
        let (_api, proxy) = answering("*.example.com", &[], &[("Location", &format!("{API}/prod/x"))]);
        let answer = proxy.call(Call::get("shop.example.com", "/")).expect("an answer");
        assert_eq!(answer.all("location"), ["http://shop.example.com/x"]);
    }
}

mod cookies {
    use super::*;

    #[test]
    fn the_path_loses_the_stage() {
        cookie_becomes("pay.example.com", "a=b; Path=/prod; Secure", "a=b; Path=/; Secure");
        cookie_becomes("pay.example.com/v1", "a=b; path=/prod/x; HttpOnly", "a=b; path=/v1/x; HttpOnly");
    }

    #[test]
    fn a_path_above_the_apis_base_is_the_entrys() {
        let sent = [("Set-Cookie", "a=b; Path=/prod; Secure"), ("Set-Cookie", "c=d; Path=/prod/in/x")];
        let reply = Reply::with_headers(201, &sent, "{}");
        let api = Origin::start(move |_| reply.clone());
        let proxy = proxy().maps("pay.example.com/v1", "abc123", "/prod/in").to(&api).start();
        let answer = proxy.get("pay.example.com", "/v1");
        assert_eq!(answer.all("set-cookie"), ["a=b; Path=/v1; Secure", "c=d; Path=/v1/x"]);
    }

    #[test]
    fn the_apis_domain_becomes_the_custom_one_without_its_port() {
        let sent = "a=b; Domain=abc123.execute-api.eu-west-1.amazonaws.com; Max-Age=5";
        cookie_becomes("pay.example.com", sent, "a=b; Domain=pay.example.com; Max-Age=5");
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for sent in
            ["a=b", "a=/prod; Path=/", "Path=/prod; Secure", "a=b;  path=/x ;Expires=Wed, 21 Oct 2015 07:28:00 GMT"]
        {
            cookie_becomes("pay.example.com", sent, sent);
        }
    }

    #[test]
    fn several_keep_their_order() {
        let sent = [("Set-Cookie", "c=3"), ("Set-Cookie", "a=1; Path=/prod"), ("set-cookie", "b=2")];
        assert_eq!(answer("pay.example.com", &[], &sent).all("set-cookie"), ["c=3", "a=1; Path=/", "b=2"]);
    }
}

mod choices {
    use super::*;

    #[test]
    fn untouched_means_untouched() {
        let (location, cookie) = (format!("{API}/prod/x"), "a=b; Path=/prod");
        let sent = [("Location", &*location), ("Content-Location", "/prod"), ("Set-Cookie", cookie)];
        let answer = answer("pay.example.com", &[("RESPONSE", "untouched")], &sent);
        assert_eq!((answer.all("location"), answer.all("set-cookie")), (vec![&*location], vec![cookie]));
        assert_eq!(answer.all("content-location"), ["/prod"]);
    }

    #[test]
    fn with_the_host_preserved_the_custom_domain_is_the_apis_own_too() {
        let sent = [("Location", "http://pay.example.com:8080/prod/x")];
        let answer = answer("pay.example.com", &[("HOST", "preserve")], &sent);
        assert_eq!(answer.all("location"), ["http://pay.example.com:8080/x"]);
    }

    #[test]
    fn names_keep_their_case_and_bodies_are_never_read() {
        let reply = Reply::with_headers(200, &[("LOCATION", "/prod/x"), ("x-ODD", "1")], &format!("{API}/prod/x"));
        let api = Origin::start(move |_| reply.clone());
        let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).start();
        let answer = proxy.get("pay.example.com", "/");
        assert_eq!((answer.text(), answer.all("location")), (format!("{API}/prod/x"), vec!["/x"]));
        assert!(answer.headers.iter().any(|(name, _)| name == "x-ODD"));
    }
}

// RFC 9110 section 7.6.1.
#[test]
fn what_concerns_the_apis_connection_ends_here() {
    let ours = [
        ("Connection", "X-Internal"),
        ("X-Internal", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Trailer", "x"),
        ("X-Kept", "1"),
    ];
    let answer = answer("pay.example.com", &[], &ours);
    for name in ["x-internal", "keep-alive", "trailer"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!((answer.header("x-kept"), answer.header("connection")), (Some("1"), Some("keep-alive")));
}

// RFC 9110 section 15.2.
#[test]
fn a_client_of_http_1_0_gets_no_interim_answer() {
    let api = Origin::start(|_| {
        Reply::raw("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    });
    let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).start();
    let mut client = proxy.client();
    let answer = client.send("GET / HTTP/1.0\r\nHost: pay.example.com\r\n\r\n").read_response_to_head();
    assert_eq!(answer.status, 200);
}
