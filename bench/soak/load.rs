//! The load: workers with a connection each, that check every answer against what they sent.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nameplate_testkit::client::{Client, Response, Target};

use crate::entries::{self, ENTRIES, STAGES};
use crate::tally::{Failure, Outages, Tally};

/// Methods by how often they are drawn.
const METHODS: [(&str, u32); 6] = [("GET", 50), ("POST", 20), ("PUT", 10), ("DELETE", 8), ("PATCH", 7), ("HEAD", 5)];

/// A connection serves this many requests on average before it is closed for a new one.
const PER_CONNECTION: u32 = 50;

/// The longest silence before a request counts as failed. Over it, the proxy would be at fault: its
/// own timeouts are longer, but nothing here takes that long.
const PATIENCE: Duration = Duration::from_secs(15);

/// The largest body.
const MOST_BODY: usize = 100 * 1024;

struct Request {
    method: &'static str,
    bytes: Vec<u8>,
    /// What the echo must hold.
    body_length: usize,
    host: String,
    paths: Vec<String>,
}

/// Sends until told to stop, a request every `interval`; zero is as fast as answers come.
pub fn work(worker: usize, target: &Target, interval: Duration, stop: &AtomicBool, outages: &Outages) -> Tally {
    let mut tally = Tally::default();
    let mut connection: Option<Client> = None;
    let body: Vec<u8> = (0..MOST_BODY).map(|at| b'a' + (at % 26) as u8).collect();
    let mut due = Instant::now() + interval.mul_f64(fastrand::f64());
    for number in 0_u64.. {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Relaxed) {
            break;
        }
        // What a slow answer holds up is not made good by a burst.
        due = (due + interval).max(Instant::now());
        if fastrand::u32(..PER_CONNECTION) == 0 {
            connection = None;
        }
        let request = draw(worker, number, &body);
        let began = Instant::now();
        let mut open = match connection.take() {
            Some(open) => open,
            None => match target.connect().map(|client| client.patient(PATIENCE)) {
                Ok(open) => {
                    tally.connections += 1;
                    tally.certificates.extend(open.peer_certificate());
                    open
                }
                Err(e) => {
                    let failure = Failure::Wrong(format!("connecting to the proxy: {e}"));
                    tally.failed(request.method, failure, began, outages);
                    continue;
                }
            },
        };
        tally.body_bytes += request.body_length as u64;
        match open.exchange(&request.bytes, request.method == "HEAD") {
            Ok(answer) => {
                let keep = !answer.ends_connection();
                match judge(&request, &answer) {
                    Ok(()) => tally.ok(request.method, began, outages),
                    Err(failure) => tally.failed(request.method, failure, began, outages),
                }
                connection = keep.then_some(open);
            }
            Err(e) => tally.failed(request.method, Failure::CutOff(format!("no whole answer: {e}")), began, outages),
        }
    }
    tally
}

fn draw(worker: usize, number: u64, body: &[u8]) -> Request {
    let mut left = fastrand::u32(..100);
    let drawn = METHODS.iter().find(|(_, share)| {
        let here = left < *share;
        left = left.saturating_sub(*share);
        here
    });
    let method = drawn.map_or("GET", |(method, _)| *method);
    let entry = fastrand::usize(..ENTRIES);
    // Bytes that something on the way might be tempted to tidy up.
    let rest = format!("/w{worker}//{number}/a%2Fb?q=%20&x=//");
    // Mostly small, now and then as large as they get.
    let body = match (method, fastrand::u32(..100)) {
        ("POST" | "PUT" | "PATCH", 0..5) => body,
        ("POST" | "PUT" | "PATCH", 5..30) => &body[..fastrand::usize(..16 * 1024)],
        ("POST" | "PUT" | "PATCH", _) => &body[..fastrand::usize(..1024)],
        _ => &[],
    };
    let mut head = format!("{method} {}{rest} HTTP/1.1\r\nHost: {}\r\n", entries::base(entry), entries::domain(entry));
    if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    let stages = if entries::moves(entry) { STAGES.to_vec() } else { vec!["prod"] };
    Request {
        method,
        bytes: [head.as_bytes(), b"\r\n", body].concat(),
        body_length: body.len(),
        host: entries::api_host(entry),
        paths: stages.into_iter().map(|stage| format!("/{stage}{rest}")).collect(),
    }
}

/// Whether an answer is the echo of this request and no other.
fn judge(request: &Request, answer: &Response) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(&answer.body);
    match answer.status {
        200 => {}
        502 => return Err(Failure::CutOff(format!("502: {text}"))),
        other => return Err(Failure::Wrong(format!("{other}: {text}"))),
    }
    if request.method == "HEAD" {
        return Ok(());
    }
    let says = |key: &str, value: &str| text.contains(&format!("\"{key}\": {value}"));
    let quoted = |value: &str| format!("\"{value}\"");
    let same = says("method", &quoted(request.method))
        && request.paths.iter().any(|path| says("path", &quoted(path)))
        && says("host", &quoted(&request.host))
        && says("body_length", &format!("{},", request.body_length));
    if same { Ok(()) } else { Err(Failure::Wrong(format!("the echo of another request: {text}"))) }
}
