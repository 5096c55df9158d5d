//! What the log says of connections that Nameplate ends: the cause, the peer and what to do, once in a while.

use std::io::{Read, Write};
use std::net::SocketAddr;

use crate::harness::client;
use crate::harness::origin::Origin;
use crate::harness::server::{Server, certify, mapping, server};

const TRUSTING_OTHERS: &str = "{ address: '127.0.0.1:0', proxy_protocol: { trust: [192.0.2.0/24] } }";
const TRUSTING_US: &str = "{ address: '127.0.0.1:0', proxy_protocol: { trust: [127.0.0.0/8] } }";

/// A server with this listener.
fn listening(api: &Origin, listener: &str, settings: &str) -> Server {
    let builder = server(api).mapping(&mapping(&[("pay.example.com", "/prod")]));
    certify(&builder.path("cert.pem"), &builder.path("key.pem"), "pay.example.com");
    builder.settings(&format!("listeners: [{listener}]\nadmin: 127.0.0.1:0\n{settings}")).start()
}

/// Sends these bytes on so many connections, one after the other, and waits until each is closed; gives the address of
/// the first.
fn connect(server: &Server, times: usize, bytes: &[u8]) -> SocketAddr {
    let addresses: Vec<_> = (0..times)
        .map(|_| {
            let mut stream = client::open(server.address());
            let address = stream.local_addr().expect("an address");
            // It may be closed already, in order or not.
            let _ = (stream.write_all(bytes), stream.read_to_end(&mut Vec::new()));
            address
        })
        .collect();
    addresses[0]
}

/// One line warns of the first of many connections, with these words.
#[track_caller]
fn is_warned_of_once(server: &Server, reason: &str, bytes: &[u8], words: &[&str]) {
    let peer = connect(server, 5, bytes);
    let series = format!("nameplate_client_connections_cut_total{{reason=\"{reason}\"}}");
    server.admin().wait_for_metric(&series, 5.0);
    let line = server.wait_for(&format!("connection of {peer} closed: "));
    let listener = format!("{}: ", server.address());
    assert!(line.contains("WARN") && line.contains(&listener), "{line}");
    for part in words {
        assert!(line.contains(part), "{part:?} is not in {line}");
    }
    assert_eq!(server.times_said(" closed: "), 1, "{:?}", server.said());
}

#[test]
fn a_peer_that_is_not_trusted() {
    let api = Origin::ok();
    let server = listening(&api, TRUSTING_OTHERS, "");
    assert_eq!(server.admin().get("/readyz").status, 200);
    let words = ["`proxy_protocol: trust` does not contain its address", "add its network"];
    is_warned_of_once(&server, "proxy_untrusted", b"", &words);
}

#[test]
fn no_proxy_header() {
    let api = Origin::ok();
    let server = listening(&api, TRUSTING_US, "");
    let words = ["did not begin with a PROXY header", "remove `proxy_protocol`"];
    is_warned_of_once(&server, "proxy_missing", b"GET / HTTP/1.1\r\nHost: pay.example.com\r\n\r\n", &words);
}

#[test]
fn a_malformed_proxy_header() {
    let api = Origin::ok();
    let server = listening(&api, TRUSTING_US, "");
    is_warned_of_once(&server, "proxy_malformed", b"PROXY TCP4 nonsense\r\n", &["is malformed", "version 1 or 2"]);
}

#[test]
fn a_failed_handshake() {
    let api = Origin::ok();
    let listener = "{ address: '127.0.0.1:0', tls: { certificate: cert.pem, key: key.pem } }";
    let server = listening(&api, listener, "");
    let words = ["its TLS handshake failed (received corrupt message", "TLS 1.2 or 1.3"];
    is_warned_of_once(&server, "tls_handshake", b"GET / HTTP/1.1\r\nHost: S3CR3T\r\n\r\n", &words);
    assert_eq!(server.times_said("S3CR3T"), 0);
}

#[test]
fn more_connections_than_there_may_be() {
    let api = Origin::ok();
    let server = listening(&api, "{ address: '127.0.0.1:0' }", "client: { max_connections: 1 }");
    let mut only = server.client();
    only.send("GET /x HTTP/1.1\r\nHost: pay.example.com\r\n");
    server.admin().wait_for_metric("nameplate_client_connections", 1.0);
    is_warned_of_once(&server, "too_many", b"", &["as many connections are open as there may be", "Add tasks"]);
}
