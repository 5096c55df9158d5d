//! The connections to the endpoint: reused, never shared, verified, and what becomes of a request
//! when they fail.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use nameplate_testkit::certificates::Authority;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;

use crate::harness::client::{Response, is_refusal};
use crate::harness::origin::{Origin, Received};
use crate::harness::proxy::{Proxy, ProxyBuilder, proxy};
use crate::harness::reply::Reply;
use crate::harness::{API_DOMAIN, Gate};

const NEW: &str = "nameplate_upstream_connections_total{kind=\"new\"}";
const REUSED: &str = "nameplate_upstream_connections_total{kind=\"reused\"}";
const RETRIES: &str = "nameplate_upstream_retries_total";

fn pay() -> ProxyBuilder {
    proxy().maps("pay.example.com", "abc123", "/prod")
}

fn get(proxy: &Proxy) -> Response {
    proxy.get("pay.example.com", "/x")
}

/// An address that refuses connections for as long as the socket lives: bound, so that nobody else
/// gets the port, and not listening.
fn refusing() -> (socket2::Socket, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let address = socket.local_addr().expect("an address").as_socket().expect("an IP address");
    (socket, address)
}

mod reuse {
    use super::*;

    #[test]
    fn many_requests_take_one_handshake() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        for _ in 0..10 {
            assert_eq!(get(&proxy).status, 200);
        }
        assert_eq!((api.connections(), api.handshakes()), (1, 1));
        assert_eq!((proxy.metric(NEW), proxy.metric(REUSED)), (1.0, 9.0));
    }

    #[test]
    fn two_apis_never_share_a_connection() {
        let api = Origin::ok();
        let proxy = pay().maps("shop.example.com", "xyz789", "/prod").to(&api).start();
        for _ in 0..3 {
            get(&proxy);
            proxy.get("shop.example.com", "/x");
        }
        assert_eq!(api.handshakes(), 2);
        for request in api.requests() {
            assert_eq!(request.sni.as_deref(), request.header("host"), "connection {}", request.connection);
        }
    }

    #[test]
    fn with_the_host_preserved_neither() {
        let api = Origin::ok();
        let keys = [("HOST", "preserve")];
        let proxy = proxy()
            .maps_with("pay.example.com/a", "abc123", "/a", &keys)
            .maps_with("pay.example.com/b", "xyz789", "/b", &keys)
            .to(&api)
            .start();
        for path in ["/a", "/b", "/a", "/b"] {
            proxy.get("pay.example.com", path);
        }
        assert_eq!(api.handshakes(), 2);
        for request in api.requests() {
            let id = request.header("x-apigw-api-id").expect("an id").to_owned();
            assert_eq!(request.sni, Some(format!("{id}.{API_DOMAIN}")));
        }
    }

    #[test]
    fn two_domains_of_one_api_share_theirs() {
        let api = Origin::ok();
        let proxy = pay().maps("shop.example.com", "abc123", "/prod").to(&api).start();
        get(&proxy);
        proxy.get("shop.example.com", "/x");
        assert_eq!(api.handshakes(), 1);
    }
}

mod addresses {
    use super::*;

    #[test]
    fn two_take_turns() {
        let (one, other) = (Origin::ok(), Origin::ok());
        let proxy = pay().to(&one).to(&other).start();
        for _ in 0..6 {
            get(&proxy);
        }
        assert_eq!((one.requests().len(), other.requests().len()), (3, 3));
    }

    #[test]
    fn one_that_refuses_connections_is_passed_over_for_every_method() {
        let api = Origin::ok();
        let (_held, dead) = refusing();
        let proxy = pay().to_addresses(vec![dead]).to(&api).start();
        for method in ["GET", "POST", "GET", "POST"] {
            let answer = proxy.request(method, "pay.example.com", "/x", &[], b"body");
            assert_eq!(answer.status, 200, "{method}");
            assert_eq!((api.last_request().method(), api.last_request().text().as_str()), (method, "body"));
        }
        let failures = proxy.metric("nameplate_upstream_connect_failures_total{cause=\"refused\"}");
        assert_eq!((failures, proxy.metric(RETRIES)), (2.0, 2.0));
    }

    #[test]
    fn when_all_refuse_so_do_we() {
        let ((_one, first), (_other, second)) = (refusing(), refusing());
        let proxy = pay().to_addresses(vec![first, second]).start();
        is_refusal(&get(&proxy), 502, "connect_failed");
        let failures = proxy.metric("nameplate_upstream_connect_failures_total{cause=\"refused\"}");
        assert_eq!(failures, 3.0, "`connect_attempts` of them");
    }
}

mod certificates {
    use super::*;

    /// A certificate of an authority of its own, valid from the start of one year to the end of the other.
    fn tls(from: i32, until: i32) -> (tempfile::TempDir, ServerConfig) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut ca = rcgen::CertificateParams::default();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca_certificate = ca.self_signed(&key).expect("a certificate");
        let issuer = rcgen::Issuer::new(ca, key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut leaf = rcgen::CertificateParams::new(vec![format!("*.{API_DOMAIN}")]).expect("a name");
        leaf.not_before = rcgen::date_time_ymd(from, 1, 1);
        leaf.not_after = rcgen::date_time_ymd(until, 12, 31);
        let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
        let folder = tempfile::tempdir().expect("a directory");
        std::fs::write(folder.path().join("ca.pem"), ca_certificate.pem()).expect("written");
        (folder, showing(&leaf, &key))
    }

    fn showing(leaf: &rcgen::Certificate, key: &rcgen::KeyPair) -> ServerConfig {
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .expect("a TLS configuration")
    }

    fn trusting(folder: &tempfile::TempDir, api: &Origin) -> Proxy {
        let ca = folder.path().join("ca.pem");
        pay().to(api).settings(&format!("endpoint: {{ ca_file: {} }}", ca.display())).start()
    }

    #[track_caller]
    fn is_not_verified(proxy: &Proxy, api: &Origin) {
        is_refusal(&get(proxy), 502, "tls_failed");
        assert_eq!(api.requests().len(), 0);
        assert!(proxy.metric("nameplate_upstream_connect_failures_total{cause=\"tls\"}") >= 1.0);
    }

    #[test]
    fn one_of_a_trusted_authority_is_accepted() {
        let (folder, config) = tls(2_000, 4_000);
        let api = Origin::with_tls(config);
        assert_eq!(get(&trusting(&folder, &api)).status, 200);
    }

    #[test]
    fn one_that_has_expired_is_not() {
        let (folder, config) = tls(2_000, 2_020);
        let api = Origin::with_tls(config);
        is_not_verified(&trusting(&folder, &api), &api);
    }

    #[test]
    fn one_that_is_not_valid_yet_is_not() {
        let (folder, config) = tls(3_999, 4_000);
        let api = Origin::with_tls(config);
        is_not_verified(&trusting(&folder, &api), &api);
    }

    #[test]
    fn one_that_signed_itself_is_not() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let own = rcgen::CertificateParams::new(vec![format!("*.{API_DOMAIN}")]).expect("a name");
        let api = Origin::with_tls(showing(&own.self_signed(&key).expect("a certificate"), &key));
        is_not_verified(&pay().to(&api).start(), &api);
    }

    #[test]
    fn one_for_another_name_is_not() {
        let api = Origin::with_wrong_name();
        is_not_verified(&pay().to(&api).start(), &api);
    }

    #[test]
    fn one_of_an_authority_nobody_trusts_is_not() {
        let folder = tempfile::tempdir().expect("a directory");
        let other = Authority::new().expect("an authority");
        other.write_pem(&folder.path().join("ca.pem")).expect("written");
        let api = Origin::ok();
        is_not_verified(&trusting(&folder, &api), &api);
    }

    #[test]
    fn a_handshake_that_breaks_off_is_a_failure_of_tls() {
        let api = Origin::refusing_tls();
        is_refusal(&get(&pay().to(&api).start()), 502, "tls_failed");
    }
}

mod kept_connections_that_died {
    use super::*;

    /// An API that answers the first request of its first connection, and does this to the second.
    fn dying(second: Reply) -> (Origin, Proxy) {
        let api = Origin::start(move |request: &Received| match (request.connection, request.target()) {
            (0, "/prod/first") | (1.., _) => Reply::json(200, "{}"),
            _ => second.clone(),
        });
        let proxy = pay().to(&api).start();
        assert_eq!(proxy.get("pay.example.com", "/first").status, 200);
        (api, proxy)
    }

    #[test]
    fn one_closed_while_idle_costs_nothing() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        for _ in 0..3 {
            assert_eq!(get(&proxy).status, 200);
            api.close_connections();
        }
        assert_eq!(api.requests().len(), 3);
    }

    #[test]
    fn a_get_is_sent_again() {
        let (api, proxy) = dying(Reply::close());
        assert_eq!(get(&proxy).status, 200);
        assert_eq!((api.requests().len(), api.connections(), proxy.metric(RETRIES)), (3, 2, 1.0));
    }

    #[test]
    fn so_is_a_put_with_its_body() {
        let (api, proxy) = dying(Reply::close());
        assert_eq!(proxy.request("PUT", "pay.example.com", "/x", &[], b"body").status, 200);
        assert_eq!((api.last_request().connection, api.last_request().text().as_str()), (1, "body"));
    }

    // API Gateway may take the overriding method for the real one.
    #[test]
    fn a_get_that_may_be_a_post_is_not() {
        let (api, proxy) = dying(Reply::default().then_close());
        let overriding = [("X-HTTP-Method-Override", "POST")];
        is_refusal(&proxy.request("GET", "pay.example.com", "/x", &overriding, b""), 502, "bad_answer");
        assert_eq!(api.requests().len(), 2);
    }

    #[test]
    fn a_post_is_not() {
        let (api, proxy) = dying(Reply::close());
        is_refusal(&proxy.request("POST", "pay.example.com", "/x", &[], b"body"), 502, "bad_answer");
        assert_eq!((api.requests().len(), api.connections()), (2, 1));
    }

    #[test]
    fn a_body_that_is_no_longer_at_hand_is_not() {
        let (api, proxy) = dying(Reply::close());
        let body = vec![b'x'; 65_537];
        is_refusal(&proxy.request("PUT", "pay.example.com", "/x", &[], &body), 502, "bad_answer");
        assert_eq!(api.connections(), 1);
    }

    #[test]
    fn nothing_is_sent_again_once_an_answer_has_begun() {
        let (api, proxy) = dying(Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").then_close());
        let mut client = proxy.client();
        let mut answer = client.send("GET /x HTTP/1.1\r\nHost: pay.example.com\r\n\r\n").read_head();
        assert!(client.read_body(&mut answer, false).is_err());
        assert_eq!(api.requests().len(), 2);
    }

    #[test]
    fn nor_on_a_connection_that_is_new() {
        let api = Origin::start(|_| Reply::close());
        is_refusal(&get(&pay().to(&api).start()), 502, "bad_answer");
        assert_eq!(api.requests().len(), 1);
    }
}

mod time {
    use super::*;

    #[test]
    fn an_api_that_does_not_answer_is_given_up() {
        let gate = Gate::default();
        let reply = Reply::default().then_wait(&gate).then_close();
        let api = Origin::start(move |_| reply.clone());
        let proxy = pay().to(&api).settings("endpoint: { read_timeout: 100ms }").start();
        is_refusal(&get(&proxy), 504, "upstream_timeout");
        assert_eq!(api.requests().len(), 1, "nothing is sent twice");
        gate.open();
        api.wait_until_closed();
    }

    #[test]
    fn an_answer_that_stalls_is_broken_off() {
        let gate = Gate::default();
        let reply = Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").then_wait(&gate).then_close();
        let api = Origin::start(move |_| reply.clone());
        let proxy = pay().to(&api).settings("endpoint: { read_timeout: 100ms }").start();
        let mut client = proxy.client();
        let mut answer = client.send("GET / HTTP/1.1\r\nHost: pay.example.com\r\n\r\n").read_head();
        assert!(client.read_body(&mut answer, false).is_err());
        proxy.wait_for_metric("nameplate_refusals_total{reason=\"upstream_timeout\"}", 1.0);
        gate.open();
    }

    #[test]
    fn a_handshake_that_stalls_is_given_up() {
        // It listens and never accepts: TCP connects, TLS gets no answer.
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = silent.local_addr().expect("an address");
        let settings = "endpoint: { connect_timeout: 100ms, tls_timeout: 100ms, connect_attempts: 1 }";
        let proxy = pay().to_addresses(vec![address]).settings(settings).start();
        is_refusal(&get(&proxy), 504, "upstream_timeout");
        proxy.wait_for_metric("nameplate_upstream_connect_failures_total{cause=\"timeout\"}", 1.0);
    }
}
