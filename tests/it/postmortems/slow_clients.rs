//! niq's soapbox, the blog of Nick Kew, developer of Apache httpd, 21 June 2009,
//! <https://bahumbug.wordpress.com/2009/06/21/>.
//!
//! Slowloris, a program published in the days before, opens connections and sends a header line from time to time, and
//! finishes no request. One machine was enough to occupy every worker of an Apache httpd as it is installed, because each
//! worker waited for the rest of its head.
//!
//! Here clients send heads and bodies piece by piece, and others do not read. The guards: a deadline for the whole head, and
//! minimum rates for request bodies and responses.

use crate::harness::client::Client;
use crate::harness::origin::Origin;
use crate::harness::reply::Reply;
use crate::harness::server::{Server, mapping, server};

const SEED: u64 = 20_090_617;
const OF_EACH_KIND: usize = 12;
/// More than the socket buffers on the way hold.
const LONG: usize = 32 << 20;
const CONNECTIONS: &str = "nameplate_client_connections";

/// What a client begins with, and goes on with for ever.
struct Slow {
    client: Client,
    more: Option<&'static str>,
}

fn start(api: &Origin) -> Server {
    server(api)
        .mapping(&mapping(&[("pay.example.com", "/prod")]))
        .settings(
            "client: { max_connections: 48, header_timeout: 1s, read_timeout: 1s, write_timeout: 1s, min_send_rate: \
             100000, min_receive_rate: 100000 }\n",
        )
        .start()
}

fn long_where_asked() -> Origin {
    let (head, body) = (format!("HTTP/1.1 200 OK\r\nContent-Length: {LONG}\r\n\r\n"), "x".repeat(LONG));
    Origin::start(move |request| match request.target() {
        "/prod/long" => Reply::raw(head.clone() + &body),
        _ => Reply::json(200, "{}"),
    })
}

fn slow(server: &Server, begins: &str, more: Option<&'static str>) -> Slow {
    let mut client = server.client().without_record();
    client.send(begins);
    Slow { client, more }
}

#[test]
fn clients_that_take_for_ever_keep_nobody_out() {
    let api = long_where_asked();
    let server = start(&api);
    let admin = server.admin();
    let mut all = Vec::new();
    for _ in 0..OF_EACH_KIND {
        let head = "GET /x HTTP/1.1\r\nHost: pay.example.com\r\n";
        all.push(slow(&server, head, Some("X-a: b\r\n")));
        let body = "POST /x HTTP/1.1\r\nHost: pay.example.com\r\nContent-Length: 1000000\r\n\r\n";
        all.push(slow(&server, body, Some("x")));
        all.push(slow(&server, "GET /long HTTP/1.1\r\nHost: pay.example.com\r\n\r\n", None));
    }

    // Each goes on in its turn, the order drawn anew every time, and others come and go meanwhile.
    let mut random = fastrand::Rng::with_seed(SEED);
    let cut = |reason: &str| admin.metric(&format!("nameplate_client_connections_cut_total{{reason=\"{reason}\"}}"));
    let trickled = || admin.metric("nameplate_refusals_total{reason=\"request_timeout\"}");
    let of_each = OF_EACH_KIND as f64;
    let began = std::time::Instant::now();
    while cut("header_timeout") < of_each || cut("slow_reader") < of_each || trickled() < 2.0 * of_each {
        random.shuffle(&mut all);
        for Slow { client, more } in &mut all {
            let _ = more.map(|more| client.try_send(more));
        }
        assert_eq!(server.get("pay.example.com"), 200, "seed {SEED}");
        let left = (cut("header_timeout"), cut("slow_reader"), trickled());
        assert!(began.elapsed() < crate::harness::PATIENCE, "still there: {left:?}, seed {SEED}");
    }
    drop(all);
    admin.wait_for_metric(CONNECTIONS, 0.0);
    admin.wait_for_metric("nameplate_requests_in_flight", 0.0);
}
