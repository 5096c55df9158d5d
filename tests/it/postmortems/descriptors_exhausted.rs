//! "RBX front reverse proxies DOWN for 12 minutes", incident 344, Clever Cloud, 7 March 2021,
//! <https://www.clevercloudstatus.com/incident/344>.
//!
//! The limit of open files of Clever Cloud's reverse proxies was too low for their traffic, and they accepted no more
//! connections until they were restarted. Afterwards their proxy refuses to start with too few.
//!
//! Here clients ask for more than the limit has room for. The guard: connections and requests that clients may have are
//! sized from the limit, and file descriptors are kept back for the admin listener and for reading the mapping.

use std::process::Command;

use crate::harness::addressed::{BYSTANDER, GREEDY, LISTENERS, connect_http2, get, gets};
use crate::harness::origin::Origin;
use crate::harness::reply::Reply;
use crate::harness::server::{mapping, server};
use crate::harness::{Gate, procfs};

const DOMAIN: &str = "pay.example.com";
const DESCRIPTORS: usize = 256;
const ATTACKERS: usize = 8;
const STREAMS: u32 = 100;
const IN_FLIGHT: &str = "nameplate_requests_in_flight";

#[test]
fn clients_that_take_all_they_can_leave_descriptors_for_everybody_else() {
    let gate = Gate::default();
    let slow = Reply::default().then_wait(&gate).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let api = Origin::start(
        move |request| if request.target() == "/prod/slow" { slow.clone() } else { Reply::json(200, "{}") },
    );
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$@\""), "sh"]);
    let server = server(&api)
        .mapping(&mapping(&[(DOMAIN, "/prod")]))
        .settings(&format!("{LISTENERS}reload: {{ watch: false, poll: 60m }}\n"))
        .start_under(limited);
    let (address, admin) = (server.address(), server.admin());
    assert_eq!(admin.metric("process_max_fds"), DESCRIPTORS as f64);

    let mut attackers: Vec<_> = (0..ATTACKERS).map(|_| connect_http2(address, GREEDY, &[])).collect();
    for attacker in &mut attackers {
        attacker.send(gets(0..STREAMS, DOMAIN, "/slow"));
    }
    let most = admin.metric("nameplate_requests_in_flight_limit");
    let asked = f64::from(STREAMS) * ATTACKERS as f64;
    admin.wait_for_at_least("nameplate_refusals_total{reason=\"client_share\"}", asked - most);
    let open = procfs::open_files(server.pid()).expect("a process");
    assert!(open < DESCRIPTORS - 64, "{open} of {DESCRIPTORS} file descriptors are open");

    assert_eq!((admin.get("/livez").status, admin.get("/readyz").status), (200, 200));
    for _ in 0..20 {
        assert_eq!(get(address, BYSTANDER, DOMAIN, "/quick").status, 200);
    }
    server.save_mapping(&mapping(&[(DOMAIN, "/prod"), ("new.example.com", "/prod")]));
    server.signal("-HUP");
    server.wait_for("mapping reloaded: 2 entries");
    assert_eq!(get(address, BYSTANDER, "new.example.com", "/quick").status, 200);
    assert_eq!(admin.metric("nameplate_client_accept_failures_total"), 0.0);

    gate.open();
    admin.wait_for_metric(IN_FLIGHT, 0.0);
    assert_eq!(get(address, GREEDY, DOMAIN, "/quick").status, 200);
}
