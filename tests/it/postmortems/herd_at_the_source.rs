//! "Summary of the AWS Service Event in the Northern Virginia (US-EAST-1) Region", Amazon Web Services, 10 December 2021,
//! <https://aws.amazon.com/message/12721/>.
//!
//! On 7 December 2021 a scaling activity set off a surge of connections from many clients at once, which overwhelmed the
//! devices between two of AWS's networks. A latent error kept the clients from backing off, so that the delays bred more
//! attempts, and the congestion lasted for hours.
//!
//! Here a fleet is restarted at one moment, while the source of its mapping fails. The guards: each task starts from its
//! cache (`reload.cache`), and asks the source ever less often (`reload.poll` doubles, up to eight times), a tenth sooner or
//! later than the others.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::harness::PATIENCE;
use crate::harness::origin::Origin;
use crate::harness::server::{Server, mapping, server};
use crate::harness::web::{Page, Web};

const DOMAIN: &str = "pay.example.com";
const TASKS: usize = 8;
const POLL: Duration = Duration::from_secs(1);

/// What a task asks for, so that the source can tell the tasks apart.
fn path(task: usize) -> String {
    format!("/mappings/{task}")
}

fn fleet(api: &Origin, web: &Web, cache: &Path) -> Vec<Server> {
    let start = |task: usize| {
        let reload = format!("reload: {{ poll: 1s, cache: '{}' }}", cache.join(task.to_string()).display());
        server(api).settings(&format!("mapping: {}\n{reload}", web.url(&path(task)))).start()
    };
    (0..TASKS).map(start).collect()
}

/// When each task asked after the first so many requests.
fn asked_after(web: &Web, skipped: usize) -> Vec<Vec<Instant>> {
    let seen = web.seen().split_off(skipped);
    let asked = |task: usize| {
        let line = format!("GET {} HTTP/1.1", path(task));
        seen.iter().filter(|seen| seen.line.trim_end() == line).map(|seen| seen.at).collect()
    };
    (0..TASKS).map(asked).collect()
}

#[track_caller]
fn wait_until(what: &str, done: impl Fn() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < give_up, "{what}");
        thread::yield_now();
    }
}

#[test]
fn a_restarted_fleet_serves_and_asks_a_failing_source_ever_less_often() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&mapping(&[(DOMAIN, "/prod")]))));
    let folder = tempfile::tempdir().expect("a folder");
    let before = fleet(&api, &web, folder.path());
    let is_cached = |task: usize| {
        let mut files = fs::read_dir(folder.path().join(task.to_string())).into_iter().flatten().flatten();
        files.any(|file| file.path().extension().is_some_and(|end| end == "cache"))
    };
    wait_until("a task caches nothing", || (0..TASKS).all(is_cached));
    drop(before);

    web.answers(Page::status(503, "overloaded"));
    let skipped = web.seen().len();
    let tasks = fleet(&api, &web, folder.path());
    for server in &tasks {
        assert_eq!((server.get(DOMAIN), server.admin().get("/readyz").status), (200, 200));
        assert_eq!(server.admin().metric("nameplate_mapping_from_cache"), 1.0);
    }

    wait_until("a task asks no more", || asked_after(&web, skipped).iter().all(|asked| asked.len() >= 3));
    let asked = asked_after(&web, skipped);
    let pauses = |nth: usize| asked.iter().map(move |asked| asked[nth + 1] - asked[nth]).collect::<Vec<_>>();
    let (first, second) = (pauses(0), pauses(1));
    assert!(first.iter().all(|pause| *pause >= POLL * 8 / 10), "{first:?}");
    assert!(second.iter().all(|pause| *pause >= POLL * 17 / 10), "they do not back off: {second:?}");
    // From 1.8 s to 2.2 s: that eight of them are this close by chance happens once in 80,000 times.
    let spread = second.iter().max().zip(second.iter().min()).map(|(most, least)| *most - *least);
    assert!(spread >= Some(Duration::from_millis(60)), "they ask together: {second:?}");
    assert_eq!(tasks.iter().map(|server| server.get(DOMAIN)).collect::<Vec<_>>(), [200; TASKS]);
}
