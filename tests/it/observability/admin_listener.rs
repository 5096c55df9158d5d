//! The admin listener's own limits: how many connections, for how long, and by which names.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::PATIENCE;
use crate::harness::client::{self, Client, text_of};
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, proxy};

fn start(settings: &str) -> Proxy {
    proxy().maps("pay.example.com", "abc123", "/prod").to(&Origin::ok()).settings(settings).start()
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.pages().0).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// All that comes until the server closes.
fn read_out(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // Closed with unread bytes in it, a connection is reset.
    let _ = stream.read_to_end(&mut text);
    String::from_utf8(text).expect("text")
}

#[test]
fn connections_that_are_silent_give_way_to_a_health_check() {
    let proxy = start("admin_pages: { max_connections: 8 }");
    let silent: Vec<TcpStream> = (0..24)
        .map(|number| {
            let mut stream = connect(&proxy);
            // Some say nothing, and some do not say all.
            if number % 2 == 0 {
                stream.write_all(b"GET /livez HTTP/1.1\r\n").expect("written");
            }
            stream
        })
        .collect();
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(proxy.admin_get(path).status, 200, "{path}");
    }
    let mut open = 0;
    for mut stream in silent {
        stream.set_nonblocking(true).expect("an option");
        let mut byte = [0];
        open += usize::from(stream.read(&mut byte).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock));
    }
    assert!(open < 8, "{open} are still open");
}

#[test]
fn a_head_that_does_not_end_is_given_up() {
    let proxy = start("{}");
    let mut stream = connect(&proxy);
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: local").expect("written");
    assert_eq!(read_out(stream), "", "nothing was asked");
}

#[test]
fn a_connection_carries_many_requests() {
    let proxy = start("{}");
    let mut client = Client::connect(proxy.pages().0);
    for path in ["/livez", "/metrics", "/readyz"] {
        assert_eq!(client.send(text_of("GET", "localhost", path, &[], b"")).read_response().status, 200, "{path}");
    }
}

#[test]
fn a_page_of_another_name_is_refused_and_says_what_to_do() {
    let proxy = start("admin_pages: { hosts: [nameplate.prod.local] }");
    let at = proxy.pages().0;
    for path in ["/", "/livez", "/readyz", "/metrics", "/mapping", "/endpoints", "/none"] {
        let answer = client::get(at, "evil.example:9901", path);
        assert_eq!(answer.status, 421, "{path}");
        assert!(answer.text().contains("`admin_pages: hosts`"), "{}", answer.text());
    }
    for host in ["nameplate.prod.local:9901", "localhost", "10.0.1.17", "[::1]:9901"] {
        assert_eq!(client::get(at, host, "/metrics").status, 200, "{host}");
    }
}

#[test]
fn a_health_check_of_http_1_0_needs_no_host() {
    let proxy = start("{}");
    let mut stream = connect(&proxy);
    stream.write_all(b"GET /livez HTTP/1.0\r\n\r\n").expect("written");
    let answer = read_out(stream);
    assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
}
