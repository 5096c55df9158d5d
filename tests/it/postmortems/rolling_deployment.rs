//! "True Zero Downtime HAProxy Reloads", Joseph Lynch, Yelp, April 2015,
//! <https://engineeringblog.yelp.com/2015/04/true-zero-downtime-haproxy-reloads.html>.
//!
//! Each change of Yelp's services reloaded HAProxy on every machine: a new process bound the same port, and the old one
//! closed its socket with connections in its queue that nobody had accepted yet. Their clients got a reset, a few with
//! each reload.
//!
//! Here a fleet is replaced task by task under load. The guard: on SIGTERM a task goes on accepting for `shutdown.delay`
//! and ends each connection with its response, so that clients leave by themselves before the listener closes.

use crate::harness::load::Load;
use crate::harness::origin::Origin;
use crate::harness::server::{Server, mapping, server};

const DOMAIN: &str = "pay.example.com";
const TASKS: usize = 2;
const CLIENTS: usize = 8;
/// Enough that each client has had several.
const SOME: usize = 200;

fn task(api: &Origin) -> Server {
    let builder = server(api).mapping(&mapping(&[(DOMAIN, "/prod")]));
    let server = builder.settings("shutdown: { delay: 2s }\nreload: { watch: false }\n").start();
    // As a load balancer does before it sends anybody there.
    assert_eq!(server.admin().get("/readyz").status, 200);
    server
}

#[test]
fn a_fleet_is_replaced_task_by_task_and_no_request_fails() {
    let api = Origin::ok();
    let mut current = task(&api);
    let load = Load::start(current.address(), DOMAIN, CLIENTS);
    load.wait_for(SOME);
    for _ in 0..TASKS {
        let next = task(&api);
        let mut old = std::mem::replace(&mut current, next);
        old.signal("-TERM");
        // The load balancer notices only now: until then its clients still come to the old task.
        old.wait_for("stopping: readiness fails now");
        assert_eq!(old.admin().get("/readyz").status, 503);
        load.wait_for(CLIENTS);
        load.turn_to(current.address());
        let (status, said) = old.wait_for_end();
        assert!(status.success() && said.ends_with("stopped; nothing was left in flight"), "{said}");
        load.wait_for(SOME);
    }
    let outcome = load.stop();
    assert!(outcome.failures.is_empty(), "{outcome:?}");
    assert!(outcome.told >= TASKS * CLIENTS, "each client is told that its connection ends: {outcome:?}");
}
