//! The headers that the API sees: what is kept, what is set, and what ends here.

use super::routing::{API, pay, pay_with};
use crate::harness::client::text_of;
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, proxy};

/// Sends a request and gives back the whole head that the origin got.
#[track_caller]
fn head_at_origin(api: &Origin, proxy: &Proxy, request: &str) -> String {
    let answer = proxy.send(request.replace('\n', "\r\n"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    api.expect_no_oddities();
    String::from_utf8(api.last_request().head.raw).expect("ASCII").replace("\r\n", "\n")
}

mod kept_and_set {
    use super::*;

    #[test]
    fn the_origin_gets_this_and_nothing_else() {
        let (api, proxy) = pay();
        let sent = "GET /x HTTP/1.1\nHost: pay.example.com\nUser-Agent: t\naCCEPT: */*\nX-b: 1\n\n";
        let want = "GET /prod/x HTTP/1.1\nHost: abc123.execute-api.eu-west-1.amazonaws.com\nUser-Agent: t\naCCEPT: */*\n\
                    X-b: 1\nX-Request-Id: {id}\nX-Forwarded-For: 127.0.0.1\nX-Forwarded-Proto: http\nX-Forwarded-Port: {port}\n\
                    X-Forwarded-Host: pay.example.com\nx-apigw-api-id: abc123\nReferer: pay.example.com\n\
                    X-Upstream-Domain: pay.example.com\n\n";
        let want = want.replace("{port}", &proxy.address().port().to_string());
        let head = head_at_origin(&api, &proxy, sent);
        assert_eq!(head, want.replace("{id}", api.last_request().all("x-request-id")[0]));
    }

    #[test]
    fn names_keep_their_case() {
        let (api, proxy) = pay();
        let sent = "GET / HTTP/1.1\nx-LAST: 1\nHost: pay.example.com\nConnection: keep-alive, X-Gone\nX-Gone: 1\n\
                    Accept-encoding: br\nzZ: 1\nTE: trailers\nx-a: 1\n\n";
        head_at_origin(&api, &proxy, sent);
        for name in ["x-LAST", "Host", "Accept-encoding", "zZ", "x-a", "x-apigw-api-id", "Referer", "X-Upstream-Domain"]
        {
            assert!(api.last_request().has_name(name), "{name}");
        }
    }

    #[test]
    fn a_header_that_comes_twice_arrives_twice_in_its_order() {
        let (api, proxy) = pay();
        head_at_origin(
            &api,
            &proxy,
            "GET / HTTP/1.1\nHost: pay.example.com\nX-A: 2\nX-A: 1\nCookie: b=2\nCookie: a=1\n\n",
        );
        let seen = api.last_request();
        assert_eq!((seen.all("x-a"), seen.all("cookie")), (vec!["2", "1"], vec!["b=2", "a=1"]));
    }

    #[test]
    fn values_keep_their_bytes() {
        let (api, proxy) = pay();
        proxy.send(b"GET / HTTP/1.1\r\nHost: pay.example.com\r\nX-A: a,  b\tc;\"\xe9\xff\"\r\n\r\n");
        let raw = api.last_request().head.raw;
        assert!(raw.windows(19).any(|w| w == b"X-A: a,  b\tc;\"\xe9\xff\"\r\n"), "{}", raw.escape_ascii());
    }

    #[test]
    fn what_names_the_api_is_overwritten_however_it_is_spelled() {
        let (api, proxy) = pay();
        let sent = "GET / HTTP/1.1\nHost: pay.example.com\nX-APIGW-API-ID: evil\nx-apigw-api-id: evil2\n\
                    x-upstream-domain: evil\nreferer: https://evil.example/\n\n";
        head_at_origin(&api, &proxy, sent);
        let seen = api.last_request();
        assert_eq!(seen.all("x-apigw-api-id"), ["abc123"]);
        assert_eq!(seen.all("x-upstream-domain"), ["pay.example.com"]);
        assert_eq!((seen.all("referer"), seen.all("host")), (vec!["pay.example.com"], vec![API]));
    }

    #[test]
    fn with_referer_preserved_it_is_the_clients() {
        let (api, proxy) = pay_with(&[("REFERER", "preserve")], |proxy| proxy);
        head_at_origin(&api, &proxy, "GET / HTTP/1.1\nHost: pay.example.com\nReferer: https://shop.example/a?b\n\n");
        assert_eq!(api.last_request().all("referer"), ["https://shop.example/a?b"]);
        head_at_origin(&api, &proxy, "GET / HTTP/1.1\nHost: pay.example.com\n\n");
        assert_eq!(api.last_request().header("referer"), None);
    }

    #[test]
    fn a_wildcards_upstream_domain_is_the_name_that_was_asked_for() {
        let api = Origin::ok();
        let proxy = proxy().maps("*.example.com", "abc123", "/prod").to(&api).start();
        assert_eq!(proxy.get("Shop.Example.com:8080", "/").status, 200);
        let seen = api.last_request();
        assert_eq!(seen.all("x-upstream-domain"), ["shop.example.com"]);
        assert_eq!(seen.all("referer"), ["shop.example.com"]);
    }

    #[test]
    fn what_is_meant_for_this_connection_ends_here() {
        let (api, proxy) = pay();
        let sent = "GET / HTTP/1.1\nHost: pay.example.com\nConnection: X-Mine, Keep-Alive\nX-Mine: 1\nKeep-Alive: timeout=5\n\
                    TE: trailers\nTrailer: X-T\nProxy: http://evil\nProxy-Authorization: Basic eDp5\nProxy-Connection: close\n\
                    Proxy-Foo: 1\nX-Kept: 1\n\n";
        head_at_origin(&api, &proxy, sent);
        let seen = api.last_request();
        for name in [
            "connection",
            "x-mine",
            "keep-alive",
            "te",
            "trailer",
            "proxy",
            "proxy-authorization",
            "proxy-connection",
            "proxy-foo",
        ] {
            assert_eq!(seen.header(name), None, "{name}");
        }
        assert_eq!(seen.header("x-kept"), Some("1"));
    }

    // RFC 9112 section 9.6.
    #[test]
    fn a_close_ends_the_connection_wherever_it_stands() {
        let (_api, proxy) = pay();
        let lines = [
            "Connection: keep-alive\r\nX-A: 1\r\nConnection: close\r\n",
            "Connection: x-a\r\nCONNECTION: x-b, Close\r\n",
        ];
        for (host, status) in [("pay.example.com", 200), ("nobody.example.com", 421)] {
            for lines in lines {
                let mut client = proxy.client();
                let answer = client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")).read_response();
                assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{lines:?}");
                client.expect_closed();
            }
        }
    }

    #[test]
    fn an_upgrade_is_not_forwarded() {
        let (api, proxy) = pay();
        let sent = "GET / HTTP/1.1\nHost: pay.example.com\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\n\
                    HTTP2-Settings: AAMAAABkAAQAAP__\n\n";
        head_at_origin(&api, &proxy, sent);
        let seen = api.last_request();
        for name in ["connection", "upgrade", "http2-settings"] {
            assert_eq!(seen.header(name), None, "{name}");
        }
    }

    #[test]
    fn a_connection_header_cannot_take_away_what_we_set() {
        let (api, proxy) = pay();
        let sent = "GET / HTTP/1.1\nHost: pay.example.com\nConnection: x-apigw-api-id, X-Upstream-Domain, Referer\n\n";
        head_at_origin(&api, &proxy, sent);
        let seen = api.last_request();
        assert_eq!(seen.all("x-apigw-api-id"), ["abc123"]);
        assert_eq!(
            (seen.all("x-upstream-domain"), seen.all("referer")),
            (vec!["pay.example.com"], vec!["pay.example.com"])
        );
    }
}

mod signed {
    use super::*;

    // SigV4 signs the path and the Host: with HOST preserved and a base path equal to the stage,
    // what the client signed is what API Gateway verifies.
    #[test]
    fn path_and_host_reach_the_api_as_they_were_signed() {
        let api = Origin::ok();
        let keys = [("HOST", "preserve")];
        let proxy = proxy().maps_with("pay.example.com/prod", "abc123", "/prod", &keys).to(&api).start();
        let target = "/prod/orders//a%2Fb%20c?X-Amz-Date=20150830T123600Z&a=%7E&B=";
        let answer = proxy.get("Pay.example.com:8443", target);
        assert_eq!(answer.status, 200);
        let seen = api.last_request();
        assert_eq!((seen.target(), seen.all("host")), (target, vec!["Pay.example.com:8443"]));
        assert_eq!(seen.all("x-apigw-api-id"), ["abc123"]);
        assert_eq!(seen.sni.as_deref(), Some(API));
    }

    #[test]
    fn without_it_the_host_is_the_apis() {
        let (api, proxy) = pay();
        proxy.get("pay.example.com", "/");
        assert_eq!((api.last_request().all("host"), api.last_request().sni.as_deref()), (vec![API], Some(API)));
    }

    #[test]
    fn over_http2_the_authority_is_the_preserved_host() {
        let (api, proxy) = pay_with(&[("HOST", "preserve")], |proxy| proxy);
        assert_eq!(proxy.call(Call::get("pay.example.com:8443", "/x")).expect("an answer").status, 200);
        assert_eq!(api.last_request().all("host"), ["pay.example.com:8443"]);
        api.expect_no_oddities();
    }
}

mod forwarded {
    use super::*;

    const SPOOFED: &str = "GET / HTTP/1.1\nHost: pay.example.com\nX-Forwarded-For: 1.1.1.1\nX-Forwarded-For: 2.2.2.2\n\
                           X-Forwarded-Proto: https\nX-Forwarded-Port: 443\nX-Forwarded-Host: evil.example\n\n";

    #[track_caller]
    fn seen(settings: &'static str, want: [&str; 4]) {
        let (api, proxy) = pay_with(&[], |proxy| proxy.settings(settings));
        head_at_origin(&api, &proxy, SPOOFED);
        let seen = api.last_request();
        let values = ["for", "proto", "port", "host"].map(|name| seen.all(&format!("x-forwarded-{name}")).join(" | "));
        let port = proxy.address().port().to_string();
        assert_eq!(values, want.map(|value| value.replace("{port}", &port)));
    }

    #[test]
    fn a_strangers_word_counts_for_nothing() {
        seen("{}", ["127.0.0.1", "http", "{port}", "pay.example.com"]);
    }

    #[test]
    fn a_trusted_peer_is_believed_and_added() {
        seen("forwarded: { trust: [127.0.0.0/8] }", ["1.1.1.1, 2.2.2.2, 127.0.0.1", "https", "443", "evil.example"]);
    }

    #[test]
    fn a_peer_outside_the_trusted_networks_is_a_stranger() {
        seen("forwarded: { trust: [10.0.0.0/8] }", ["127.0.0.1", "http", "{port}", "pay.example.com"]);
    }

    #[test]
    fn the_settings_may_know_what_the_client_used() {
        seen("forwarded: { proto: https, port: 443 }", ["127.0.0.1", "https", "443", "pay.example.com"]);
    }

    #[test]
    fn untouched_means_untouched() {
        seen("forwarded: { untouched: true }", ["1.1.1.1 | 2.2.2.2", "https", "443", "evil.example"]);
    }

    #[test]
    fn a_tls_listener_says_https() {
        let (api, proxy) = pay_with(&[], |proxy| proxy.tls(&["pay.example.com"]));
        let get = text_of("GET", "pay.example.com", "/", &[], b"");
        proxy.tls_client("pay.example.com").send(get).read_response();
        assert_eq!(api.last_request().all("x-forwarded-proto"), ["https"]);
        assert_eq!(api.last_request().all("x-forwarded-port"), [proxy.tls_address().port().to_string()]);
    }
}
