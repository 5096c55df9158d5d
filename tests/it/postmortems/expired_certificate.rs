//! "Microsoft Teams goes down after Microsoft forgot to renew a certificate", The Verge, 3 February 2020,
//! <https://www.theverge.com/2020/2/3/21120248/microsoft-teams-down-outage-certificate-issue-status>.
//!
//! An authentication certificate of Microsoft Teams ran out on a Monday morning, and clients could no longer open an HTTPS
//! connection to it. A new certificate had to be rolled out before people could work, which took hours.
//!
//! Here it is the certificate of a listener. The guards: its end is a metric, and a warning from fourteen days before;
//! renewed files are taken without a restart, and a renewal that cannot be used keeps the certificate before it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nameplate_testkit::certificates::Leaf;

use crate::harness::authority;
use crate::harness::client::{Client, text_of};
use crate::harness::origin::Origin;
use crate::harness::server::{Server, ServerBuilder, mapping, replace, server};

const DOMAIN: &str = "pay.example.com";
const EXPIRY: &str = "nameplate_certificate_expiry_timestamp_seconds";
const REJECTED: &str = "nameplate_certificate_reloads_total{result=\"rejected\"}";
const RENEWED: &str = "nameplate_certificate_reloads_total{result=\"ok\"}";
const DAY: Duration = Duration::from_secs(86_400);

/// Now, to the second, as certificates have it.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs())
}

/// The end as the metric has it.
fn timestamp(end: SystemTime) -> f64 {
    end.duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as f64
}

fn issue(end: SystemTime) -> Leaf {
    authority().issue_until(&[DOMAIN.to_owned()], end).expect("a certificate")
}

fn start_with(api: &Origin, leaf: &Leaf) -> Server {
    let builder: ServerBuilder = server(api).mapping(&mapping(&[(DOMAIN, "/prod")])).settings(
        "listeners: [{ address: '127.0.0.1:0', tls: { certificate: server.pem, key: server.key } }]\nadmin: 127.0.0.1:0",
    );
    replace(&builder.path("server.pem"), leaf.certificate_pem());
    replace(&builder.path("server.key"), &leaf.key_pem());
    builder.start()
}

/// The certificate that a new connection is shown, by a client that checks it.
#[track_caller]
fn shown(server: &Server) -> Vec<u8> {
    Client::connect_tls(server.address(), DOMAIN).peer_certificate().expect("a certificate")
}

fn get(client: &mut Client) -> u16 {
    client.send(text_of("GET", DOMAIN, "/x", &[], b"")).read_response().status
}

#[test]
fn an_end_that_is_near_is_told_and_a_renewal_needs_no_restart() {
    let (near, far) = (now() + DAY * 15 / 2, now() + 90 * DAY);
    let api = Origin::ok();
    let server = start_with(&api, &issue(near));
    server.wait_for(": it expires in 7 days; replace it before");
    let admin = server.admin();
    assert_eq!(admin.metric(EXPIRY), timestamp(near));
    let mut open = Client::connect_tls(server.address(), DOMAIN);
    let old = shown(&server);
    assert_eq!(get(&mut open), 200);

    // Renewals that went wrong: a file that was cut off, then a certificate whose key has not come yet.
    let renewed = issue(far);
    let pem = renewed.certificate_pem();
    for (times, broken) in [&pem[..pem.len() / 2], pem].into_iter().enumerate() {
        replace(&server.path("server.pem"), broken);
        server.signal("-HUP");
        admin.wait_for_at_least(REJECTED, times as f64 + 1.0);
        assert_eq!((shown(&server) == old, admin.metric(EXPIRY)), (true, timestamp(near)));
    }
    server.wait_for("the one before serves on");

    // Nobody says that the key is there now.
    replace(&server.path("server.key"), &renewed.key_pem());
    admin.wait_for_metric(RENEWED, 1.0);
    assert_eq!((shown(&server) == old, admin.metric(EXPIRY)), (false, timestamp(far)));
    assert_eq!((get(&mut open), server.times_said("it expires in")), (200, 1));
}

#[test]
fn one_that_has_expired_is_told_and_replaced_while_the_process_runs() {
    let api = Origin::ok();
    let server = start_with(&api, &issue(now() - DAY * 3 / 2));
    server.wait_for(": it expired 1 days ago, and clients refuse it; replace it");
    let refused = Client::try_connect_tls(server.address(), DOMAIN).and_then(|mut client| client.try_send(b""));
    assert!(refused.is_err_and(|error| error.to_string().contains("xpired")));

    let renewed = issue(now() + 90 * DAY);
    replace(&server.path("server.pem"), renewed.certificate_pem());
    replace(&server.path("server.key"), &renewed.key_pem());
    server.signal("-HUP");
    server.admin().wait_for_at_least(RENEWED, 1.0);
    assert_eq!(get(&mut Client::connect_tls(server.address(), DOMAIN)), 200);
}
