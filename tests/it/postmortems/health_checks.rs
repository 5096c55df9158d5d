//! "Implementing health checks", David Yanacek, Amazon Builders' Library, 2019,
//! <https://aws.amazon.com/builders-library/implementing-health-checks/>.
//!
//! A health check that asks for what all servers share fails on all of them at once: when that dependency is down, the load
//! balancer takes out the whole fleet, and what needs no dependency goes down with it. The article tells of such outages at
//! Amazon.
//!
//! Here the endpoint refuses everybody, and the mapping's source is away. The guard: `/livez` asks for nothing but the
//! process, and `/readyz` for a mapping and an address, which a task that has them once does not lose.

use std::net::TcpListener;

use crate::harness::origin::Origin;
use crate::harness::reply::Reply;
use crate::harness::server::{Server, mapping, nameplate, server_before};
use crate::harness::web::{Page, Web};

const DOMAIN: &str = "pay.example.com";
const FLEET: usize = 3;
const COOLING: &str = "nameplate_endpoint_addresses{state=\"cooling\"}";

#[test]
fn an_endpoint_that_is_down_makes_no_task_unready_and_a_fleet_recovers_by_itself() {
    // An address of its own, so that nobody else takes the port while the endpoint is down.
    let listener = TcpListener::bind("127.0.0.117:0").expect("a port");
    let first = Origin::on(listener, |_| Reply::json(200, "{}"));
    let address = first.address();
    let web = Web::start(Page::text(&mapping(&[(DOMAIN, "/prod")])));
    let settings = format!("mapping: {}\nreload: {{ poll: 1s, cache: '' }}\n", web.url("/m"));
    let task = || server_before(address).settings(&settings).start();
    let fleet: Vec<Server> = (0..FLEET).map(|_| task()).collect();
    for task in &fleet {
        assert_eq!((task.get(DOMAIN), task.admin().get("/readyz").status), (200, 200));
    }

    drop(first);
    web.answers(Page::status(503, "away"));
    for task in &fleet {
        let admin = task.admin();
        // Every client is told, and the address cools down.
        let asked = (0..20).map(|_| task.get(DOMAIN)).collect::<Vec<_>>();
        assert!(asked.iter().all(|status| *status == 502), "{asked:?}");
        admin.wait_for_metric(COOLING, 1.0);
        admin.wait_for_at_least("nameplate_mapping_reloads_total{result=\"failed\"}", 1.0);
    }
    for task in &fleet {
        let admin = task.admin();
        assert_eq!((admin.get("/livez").status, admin.get("/readyz").status), (200, 200));
        for check in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
            let asked = nameplate(&[check, &["--admin", &admin.0.to_string()]].concat());
            assert_eq!(asked.status.code(), Some(0), "{}", String::from_utf8_lossy(&asked.stderr));
        }
        // What needs no endpoint goes on.
        assert_eq!(task.get("nobody.example.com"), 421);
    }

    let listener = TcpListener::bind(address).expect("the port of the first one");
    let _second = Origin::on(listener, |_| Reply::json(200, "{}"));
    for task in &fleet {
        assert_eq!(task.get(DOMAIN), 200, "all addresses cool down, so all are used");
    }
}
