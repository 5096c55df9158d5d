//! "Cloudflare outage on November 18, 2025", Matthew Prince for Cloudflare, 18 November 2025,
//! <https://blog.cloudflare.com/18-november-2025-outage/>.
//!
//! After a change of permissions, the query that generates a file for bot management saw every column a second time, and
//! the file grew to twice its size. It had more features than the proxy had room for; the proxy panicked on reading it, in
//! the whole network, because the file is distributed every few minutes.
//!
//! Here a generator writes every entry of the mapping a second time, under the name of the shard behind it. The guards:
//! `reload.hold_entries` and `reload.hold_bytes` hold a mapping that grows beyond them, and of one larger than
//! `reload.max_bytes` no more is read. The mapping before it serves on, and the next good one is taken as ever.

use crate::harness::origin::Origin;
use crate::harness::server::{Server, mapping, server};
use crate::harness::web::{Page, Web};

/// In every version of the mapping.
const OLD: &str = "d9.example.com";
/// Only in the file that is too large.
const SECOND: &str = "r0-d9.example.com";
/// Only in the good file after it.
const NEW: &str = "new.example.com";

const GENERATION: &str = "nameplate_mapping_generation";

fn names(prefix: &str) -> Vec<String> {
    (0..10).map(|n| format!("{prefix}d{n}.example.com")).collect()
}

fn mapping_of(names: &[String]) -> String {
    mapping(&names.iter().map(|name| (name.as_str(), "/prod")).collect::<Vec<_>>())
}

fn good() -> String {
    mapping_of(&names(""))
}

/// Every entry twice.
fn doubled() -> String {
    mapping_of(&[names(""), names("r0-")].concat())
}

/// Between the size of the good file, with a new entry, and that of the doubled one.
fn limit() -> usize {
    good().len() * 3 / 2
}

fn reading(web: &Web, api: &Origin, guard: &str) -> Server {
    server(api).settings(&format!("mapping: {}\nreload: {{ poll: 1s, cache: '', {guard} }}", web.url("/m"))).start()
}

/// Serves ten entries; then the generator goes wrong, and is set right.
#[track_caller]
fn serves_on(guard: &str, result: &str, says: &str) {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&good())));
    let server = reading(&web, &api, guard);
    assert_eq!(server.get(OLD), 200);

    web.answers(Page::text(&doubled()));
    server.admin().wait_for_at_least(&format!("nameplate_mapping_reloads_total{{result=\"{result}\"}}"), 1.0);
    server.wait_for(says);
    assert_eq!((server.get(OLD), server.get(SECOND)), (200, 421), "{guard}");
    let admin = server.admin();
    assert_eq!((admin.metric(GENERATION), admin.get("/readyz").status), (1.0, 200), "{guard}");
    assert_eq!(admin.metric(&format!("nameplate_mapping_trouble{{reason=\"{result}\"}}")), 1.0, "{guard}");

    // The generator is set right, and nobody has to do anything here.
    web.answers(Page::text(&mapping_of(&[names(""), vec![NEW.to_owned()]].concat())));
    admin.wait_for_metric(GENERATION, 2.0);
    assert_eq!((server.get(OLD), server.get(NEW), admin.metric("nameplate_mapping_trouble")), (200, 200, 0.0));
}

#[test]
fn twice_the_entries_are_held() {
    serves_on("hold_entries: 15", "held", "has 20 entries, 10 are active, and 15 are the most a change may grow to");
}

#[test]
fn twice_the_bytes_are_held() {
    let limit = limit();
    let says = format!("and {limit} are the most a change may grow to");
    serves_on(&format!("hold_bytes: {limit}"), "held", &says);
}

#[test]
fn more_than_the_most_bytes_are_not_read() {
    let limit = limit();
    serves_on(&format!("max_bytes: {limit}"), "failed", &format!("more than the {limit} bytes"));
}
