use super::*;
use crate::telemetry::limit::{CpuLimit, LimitSource};
use pingora::apps::HttpServerApp;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const READY: Readiness = Readiness { table: true, address: true, draining: false };

#[track_caller]
fn check(method: Method, path: &str, readiness: Readiness, status: u16, body: &str) {
    let page = answer(&method, path, readiness, || "# metrics".into());
    assert_eq!((page.status, page.body.as_str()), (status, body), "{method} {path}");
}

#[test]
fn alive_whatever_is_missing() {
    for readiness in [READY, Readiness { table: false, address: false, draining: true }] {
        check(Method::GET, "/livez", readiness, 200, "ok\n");
    }
}

#[test]
fn ready_when_nothing_is_missing() {
    check(Method::GET, "/readyz", READY, 200, "ready\n");
    check(Method::HEAD, "/readyz", READY, 200, "ready\n");
}

#[test]
fn unready_says_all_that_is_missing() {
    check(Method::GET, "/readyz", Readiness { table: false, ..READY }, 503, "mapping: none is in force\n");
    check(Method::GET, "/readyz", Readiness { draining: true, ..READY }, 503, "draining: the process is stopping\n");
    check(
        Method::GET,
        "/readyz",
        Readiness { table: false, address: false, draining: false },
        503,
        "mapping: none is in force\nendpoint: no address is known\n",
    );
}

#[test]
fn metrics_are_rendered_for_their_own_page_only() {
    check(Method::GET, "/metrics", READY, 200, "# metrics");
    for (method, path) in [(Method::GET, "/"), (Method::GET, "/readyz"), (Method::POST, "/metrics")] {
        answer(&method, path, READY, || panic!("rendered for {method} {path}"));
    }
}

#[test]
fn the_index_names_the_pages() {
    let index = answer(&Method::GET, "/", READY, String::new).body;
    for page in ["/livez", "/readyz", "/metrics"] {
        assert!(index.contains(page), "{index}");
    }
}

#[test]
fn only_these_pages_and_only_to_be_read() {
    for path in ["", "*", "/metrics/", "//metrics", "/LIVEZ", "/favicon.ico"] {
        check(Method::GET, path, READY, 404, "no such page; / lists them\n");
    }
    for method in [Method::POST, Method::DELETE, Method::OPTIONS] {
        check(method, "/readyz", READY, 405, "use GET or HEAD\n");
    }
}

#[derive(Default)]
struct Fixed(AtomicUsize);

impl Status for Fixed {
    fn ready(&self) -> Readiness {
        READY
    }
    fn refresh_gauges(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One connection through pingora: all that comes back for these bytes, and how often gauges were
/// refreshed. Panics unless the server ends each request as it says.
async fn exchange(request: &str) -> (String, usize) {
    let status = Arc::new(Fixed::default());
    let metrics = Arc::new(Metrics::new(CpuLimit::new(1.0, LimitSource::Machine).expect("a limit")));
    let admin = Arc::new(Admin { metrics, status: status.clone() });
    let (mut client, server) = tokio::io::duplex(1 << 20);
    client.write_all(request.as_bytes()).await.expect("taken");
    let (_keep, shutdown) = tokio::sync::watch::channel(false);
    let reused = admin.process_new_http(ServerSession::new_http1(Box::new(server)), &shutdown).await;
    // Ends the stream where the server keeps it open.
    let kept = reused.is_some();
    drop(reused);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("text");
    assert_eq!(kept, !answer.contains("Connection: close"), "{answer}");
    (answer, status.0.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_page_is_served_whole_and_not_cached() {
    let (answer, _) = exchange("GET /livez?verbose HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
    let lower = answer.to_ascii_lowercase();
    for line in ["content-length: 3\r\n", "cache-control: no-store\r\n", "content-type: text/plain; charset=utf-8\r\n"]
    {
        assert!(lower.contains(line), "no {line:?} in {answer}");
    }
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let (answer, _) = exchange("HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.to_ascii_lowercase().contains("content-length: 3\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_scrape_refreshes_the_gauges_first() {
    let (answer, refreshed) = exchange("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.to_ascii_lowercase().contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(answer.contains("\nnameplate_cpu_limit_cores 1\n"), "{answer}");
    assert_eq!(refreshed, 1);
}

#[tokio::test]
async fn a_body_is_not_waited_for() {
    let (answer, _) = exchange("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc").await;
    assert!(answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("allow: get, head\r\n"), "{answer}");
}
