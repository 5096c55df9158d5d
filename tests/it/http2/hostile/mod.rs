//! HTTP/2 clients that mean harm. Whatever they send, the proxy takes a bounded part of memory for it
//! and the API a bounded number of requests, and other clients are served meanwhile and after.
//!
//! The proxy is a process of its own here, because its memory is what is measured.

mod floods;
mod header_blocks;
mod resets;
mod slow_streams;

use std::net::SocketAddr;

use h2::Reason;

use crate::harness::admin::Pages;
use crate::harness::client;
use crate::harness::frames::{END_HEADERS, Frames, WHOLE, headers};
use crate::harness::http2::Call;
use crate::harness::origin::{Origin, Received};
use crate::harness::reply::Reply;
use crate::harness::server::{Server, mapping, server};

const DOMAIN: &str = "pay.example.com";
const GET: (&str, &str) = (":method", "GET");
const POST: (&str, &str) = (":method", "POST");
const HTTP: (&str, &str) = (":scheme", "http");
const HERE: (&str, &str) = (":authority", DOMAIN);
/// What an attack asks for.
const EVIL: (&str, &str) = (":path", "/evil");

/// The most that the proxy may grow by in an attack: a good deal more than it does, and a good deal
/// less than what each attack would make of it.
const ROOM: f64 = 64.0 * 1024.0 * 1024.0;
const IN_FLIGHT: &str = "nameplate_requests_in_flight";

/// A proxy under attack, and the API behind it.
struct Target {
    api: Origin,
    address: SocketAddr,
    pages: Pages,
    before: f64,
    _server: Server,
}

/// Starts both; the API answers an attack's requests like this, and all others at once.
fn target(evil: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Target {
    target_with(evil, "")
}

/// As [`target`], with more settings.
fn target_with(evil: impl Fn(&Received) -> Reply + Send + Sync + 'static, settings: &str) -> Target {
    let api = Origin::start(move |request| match request.target() {
        "/prod/evil" => evil(request),
        _ => Reply::json(200, "{}"),
    });
    let listening = "listeners: [{ address: '127.0.0.1:0', h2c: true }]\nadmin: 127.0.0.1:0\n";
    let server =
        server(&api).mapping(&mapping(&[(DOMAIN, "/prod")])).settings(&format!("{listening}{settings}")).start();
    let (address, pages) = (server.address(), server.admin());
    let target = Target { api, address, pages, before: 0.0, _server: server };
    target.serves_others();
    Target { before: target.memory(), ..target }
}

impl Target {
    fn memory(&self) -> f64 {
        self.pages.metric("process_resident_memory_bytes")
    }

    fn connect(&self) -> Frames {
        Frames::connect(self.address)
    }

    /// Other clients, of both HTTPs, get their answers.
    #[track_caller]
    fn serves_others(&self) {
        assert_eq!(client::get(self.address, DOMAIN, "/other").status, 200);
        assert_eq!(Call::get(DOMAIN, "/other").over(self.address).expect("an answer").status, 200);
    }

    /// Others are served, and memory has not grown by more than there is room for.
    #[track_caller]
    fn stands(&self) {
        self.serves_others();
        let grown = self.memory() - self.before;
        assert!(grown < ROOM, "grown by {grown} bytes");
    }

    /// Attacks from another thread while others are served.
    #[track_caller]
    fn stands_during<T: Send>(&self, attack: impl FnOnce(Frames) -> T + Send) -> T {
        std::thread::scope(|scope| {
            let attack = scope.spawn(|| attack(self.connect()));
            while !attack.is_finished() {
                self.stands();
            }
            self.stands();
            attack.join().expect("an attack that ran to its end")
        })
    }

    /// How many of an attack's requests reached the API.
    fn reached(&self) -> usize {
        self.api.requests().iter().filter(|request| request.target() == "/prod/evil").count()
    }
}

/// The connection ends, and if a word is said before then it is that this was too much.
#[track_caller]
fn is_ended(client: &mut Frames) {
    let said = client.wait_until_closed();
    assert!(said.is_none_or(|said| said == Reason::ENHANCE_YOUR_CALM), "{said:?}");
}

/// A whole request.
fn get(stream: u32) -> Vec<u8> {
    headers(stream, WHOLE, &[GET, EVIL, HTTP, HERE])
}

/// The header of a request that goes on.
fn open(stream: u32) -> Vec<u8> {
    headers(stream, END_HEADERS, &[POST, EVIL, HTTP, HERE])
}

/// The number of a connection's nth stream.
fn number(at: usize) -> u32 {
    u32::try_from(2 * at + 1).expect("a stream")
}
