//! How much memory a real process takes for a large mapping.

use crate::harness::origin::Origin;
use crate::harness::procfs;
use crate::harness::proxy::entry;
use crate::harness::server::{mapping, server};
use crate::harness::web::{Page, Web};

/// Enough for a text of over 2 MB, and few enough for a build without optimisation on a busy machine.
const DOMAINS: usize = 20_000;
/// Some 250 bytes for each domain, and what there is without any.
const MOST: u64 = 14;
/// What a change may add to that while the old one and the new one are in memory, and the text.
const MOST_MORE: u64 = 14;

/// `max_bytes` of a source that has no end, and what reading as much may take beside it.
const MOST_READ: u64 = 32;
const BESIDE: u64 = 6;

/// Megabytes of a field of /proc/PID/status. The pages of the binary say nothing here: a test's build has more.
fn megabytes(pid: u32, field: &str) -> u64 {
    procfs::status_kib(pid, field).expect("a field that is a size") / 1024
}

#[test]
fn a_large_mapping_takes_little_memory_from_the_first_moment() {
    let api = Origin::ok();
    let domains = |count| (0..count).map(|n| entry(&format!("d{n}.example.com"), &format!("api{n:07}"), "/prod", &[]));
    let mapping = |count| format!("APIS:\n{}", domains(count).collect::<String>());
    let server = server(&api).mapping(&mapping(DOMAINS)).start();
    let admin = server.admin();

    let own = megabytes(server.pid(), "RssAnon:");
    assert!(own <= MOST, "{own} MB");

    let before = megabytes(server.pid(), "VmRSS:");
    server.replace_mapping(&mapping(DOMAINS + 1));
    admin.wait_for_metric("nameplate_mapping_domains", DOMAINS as f64 + 1.0);
    let more = megabytes(server.pid(), "VmHWM:") - before;
    assert!(more <= MOST_MORE, "{more} MB more than {before}");
}

#[test]
fn a_url_without_an_end_takes_no_more_than_max_bytes_and_gives_it_back() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&mapping(&[("pay.example.com", "/prod")]))));
    let settings =
        format!("mapping: {}\nreload: {{ cache: '', poll: 1s, max_bytes: {} }}", web.url("/m"), MOST_READ << 20);
    let server = server(&api).settings(&settings).start();
    let admin = server.admin();
    let before = megabytes(server.pid(), "VmRSS:");
    web.answers(Page::endless());
    server.wait_for("it has more than the 33554432 bytes of `max_bytes`");
    let most = megabytes(server.pid(), "VmHWM:");
    assert!(most <= before + MOST_READ + BESIDE, "{most} MB, and {before} MB before");
    // The next reading is over too, and what it took has been given back.
    admin.wait_for_at_least("nameplate_mapping_reloads_total{result=\"failed\"}", 2.0);
    web.answers(Page::text(&mapping(&[("pay.example.com", "/prod"), ("new.example.com", "/v2")])));
    admin.wait_for_metric("nameplate_mapping_domains", 2.0);
    let after = megabytes(server.pid(), "VmRSS:");
    assert!(after <= before + BESIDE, "{after} MB, and {before} MB before");
}
