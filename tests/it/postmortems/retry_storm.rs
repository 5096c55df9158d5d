//! "Addressing Cascading Failures", Mike Ulrich, chapter 22 of "Site Reliability Engineering", Google, 2016,
//! <https://sre.google/sre-book/addressing-cascading-failures/>.
//!
//! The chapter tells how outages at Google grew: a backend that fails under its load is sent every request several times
//! by clients that retry, and stays down because of it, even once the first cause has gone. Among the remedies is a budget
//! for retries, over which a request fails instead of being sent once more.
//!
//! Here every address of the endpoint is down, and clients go on. The guard: `endpoint.retry_budget`. What the endpoint gets
//! is a fifth more than there are requests, not three times as much, and once it is back, requests are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use crate::harness::client;
use crate::harness::faulty::Faulty;
use crate::harness::origin::Origin;
use crate::harness::server::{mapping, server};

const DOMAIN: &str = "pay.example.com";
const CLIENTS: usize = 4;

/// An address that resets every connection while it is down.
fn address(is_down: &Arc<AtomicBool>) -> Faulty {
    let is_down = Arc::clone(is_down);
    Faulty::start(move |peer| {
        if is_down.load(Ordering::Relaxed) {
            return peer.reset();
        }
        let mut connection = peer.secure()?;
        while connection.read_request().is_ok() {
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        }
        Ok(())
    })
}

#[test]
fn an_endpoint_that_is_down_gets_a_fifth_more_than_the_requests() {
    let is_down = Arc::new(AtomicBool::new(true));
    let addresses = [address(&is_down), address(&is_down), address(&is_down)];
    let attempts = || addresses.iter().map(Faulty::connections).sum::<usize>();
    let list = addresses.each_ref().map(|address| format!("'{}'", address.address())).join(", ");
    let endpoint = format!("fixed: [{list}], connect_attempts: 3, retry_budget: 20");
    let api = Origin::ok();
    let server = server(&api).mapping(&mapping(&[(DOMAIN, "/prod")])).endpoint(&endpoint).start();
    let at = server.address();
    let ask = |requests: usize| {
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    for _ in 0..requests / CLIENTS {
                        assert_eq!(client::get(at, DOMAIN, "/x").status, 502);
                    }
                });
            }
        });
    };

    // What is saved for the moment an address dies is spent first.
    ask(200);
    let (before, began) = (attempts(), Instant::now());
    ask(200);
    let (more, seconds) = (attempts() - before, began.elapsed().as_secs() as usize + 1);
    // One a second is free, and the entry may have ten left of its own.
    assert!((200..=200 + 40 + 10 + seconds).contains(&more), "{more} attempts for 200 requests");
    assert!(server.admin().metric("nameplate_upstream_retries_denied_total") > 0.0);

    is_down.store(false, Ordering::Relaxed);
    assert_eq!([(); 10].map(|()| server.get(DOMAIN)), [200; 10]);
}
