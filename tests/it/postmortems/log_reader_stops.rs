//! "Outage", postmortem, Blitline, 12 September 2018, <https://blitline.statuspage.io/incidents/nqbqn452jy8y>.
//!
//! Blitline's containers logged through Docker to a remote platform. When that went away Docker hung, and the services with
//! it; attempts to restart the containers hung for the same reason.
//!
//! Here nobody reads standard output or standard error. The guard: lines of both logs go through a queue to a thread of
//! their own; what finds the queue full is dropped and counted, and neither a request nor a stop waits for it.

use std::time::Instant;

use crate::harness::client::text_of;
use crate::harness::origin::Origin;
use crate::harness::server::{mapping, server};
use crate::harness::{PATIENCE, procfs};

const ACCESS: &str = "nameplate_log_lines_dropped_total{log=\"access\"}";
const OPERATIONAL: &str = "nameplate_log_lines_dropped_total{log=\"operational\"}";
/// More than both queues and pipes hold.
const MOST: usize = 30_000;

#[test]
fn requests_and_a_stop_wait_for_no_log_that_nobody_reads() {
    let api = Origin::ok();
    let server = server(&api)
        .mapping(&mapping(&[("pay.example.com", "/prod")]))
        .settings("access_log: { to: stdout }\nlog: { level: 'trace,nameplate=trace' }\n")
        .start();
    let (admin, mut client) = (server.admin(), server.client().without_record());
    server.hold_stdout();
    server.hold_log();
    let mut answered = 0;
    while admin.metric(ACCESS) == 0.0 || admin.metric(OPERATIONAL) == 0.0 {
        for _ in 0..500 {
            // Refused, so that the origin does not set the pace.
            let answer = client.send(text_of("GET", "nobody.example.com", "/x", &[], b"")).read_response();
            assert_eq!(answer.status, 421);
        }
        answered += 500;
        assert!(
            answered < MOST,
            "no line is lost: access {}, other {}",
            admin.metric(ACCESS),
            admin.metric(OPERATIONAL)
        );
    }
    assert_eq!((server.get("pay.example.com"), admin.get("/readyz").status), (200, 200));
    assert!(admin.metric(ACCESS) < answered as f64, "what was in the queue is not counted as lost");

    // Nor does the end wait for a reader, only for its last words' second.
    server.signal("-TERM");
    let give_up = Instant::now() + PATIENCE;
    while procfs::status(server.pid(), "State:").is_some_and(|state| !state.starts_with('Z')) {
        assert!(Instant::now() < give_up, "it does not end");
    }
}
