//! "How and why the leap second affected Cloudflare DNS", John Graham-Cumming, Cloudflare, 1 January 2017,
//! <https://blog.cloudflare.com/how-and-why-the-leap-second-affected-cloudflare-dns/>.
//!
//! Cloudflare's DNS server took the difference of two times of day as the duration of a lookup. In the leap second the
//! later time was the smaller one, the duration became negative, and the code that chooses a resolver by it panicked.
//!
//! Here the wall clock of the process jumps back and forth between requests. The guard: durations, limits and deadlines
//! come from the monotonic clock, and the difference of two times of day is never less than nothing.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::harness::PATIENCE;
use crate::harness::client;
use crate::harness::origin::Origin;
use crate::harness::proxy::entry;
use crate::harness::server::server;

const SEED: u64 = 20_170_101;
const DAY: i64 = 24 * 60 * 60;
const STALENESS: &str = "nameplate_mapping_staleness_seconds";
const UNCHANGED: &str = "nameplate_mapping_reloads_total{result=\"unchanged\"}";
const LIMITED: &str = "limited.example.com";

/// The wall clock of another process.
struct Clock {
    file: PathBuf,
    library: PathBuf,
}

impl Clock {
    /// A clock that is right, in this folder.
    fn new(folder: &Path) -> Clock {
        let (file, library) = (folder.join("shift"), folder.join("shifted_clock.so"));
        fs::write(&file, 0_i64.to_ne_bytes()).expect("written");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/postmortems/shifted_clock.c");
        // What a C compiler is needed for anyway: two of our dependencies have parts in C.
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
        assert!(compiled.expect("a C compiler").success());
        Clock { file, library }
    }

    /// Moves it to so many seconds from the right time.
    fn is_off_by(&self, seconds: i64) {
        let file = OpenOptions::new().write(true).open(&self.file).expect("the clock");
        file.write_all_at(&seconds.to_ne_bytes(), 0).expect("written");
    }
}

/// How far the times in a line of the access log are from the right time.
fn is_off(line: &Value, by: i64) -> bool {
    let time = humantime::parse_rfc3339(line["time"].as_str().expect("a time")).expect("RFC 3339");
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs() as i64;
    (seconds(time) - seconds(SystemTime::now()) - by).abs() <= 2 * PATIENCE.as_secs() as i64
}

#[test]
fn a_clock_that_jumps_changes_no_duration_and_no_limit() {
    let api = Origin::ok();
    let builder = server(&api).mapping(&format!(
        "APIS:\n{}{}",
        entry("pay.example.com", "abc123", "/prod", &[]),
        entry(LIMITED, "abc123", "/prod", &[("RATE_LIMIT", "1/m")])
    ));
    let clock = Clock::new(&builder.path("").canonicalize().expect("a folder"));
    let shift = clock.file.to_str().expect("a path");
    let server = builder
        .settings("access_log: { to: stdout }\nreload: { watch: false, poll: 60m }\n")
        .environment("LD_PRELOAD", clock.library.to_str().expect("a path"))
        .environment("SHIFTED_CLOCK", shift)
        .start();
    let (address, admin) = (server.address(), server.admin());
    let get = |host: &str, path: &str| client::get(address, host, path).status;
    assert_eq!([get(LIMITED, "/x"), get(LIMITED, "/x")], [200, 429]);

    let mut random = fastrand::Rng::with_seed(SEED);
    let mut shifts = vec![-1, 0, -60 * 60, DAY, -DAY];
    shifts.extend((0..6).map(|_| random.i64(-400 * DAY..400 * DAY)));
    let longest = PATIENCE.as_secs_f64();
    for (time, shift) in shifts.into_iter().enumerate() {
        let told = format!("off by {shift} s, seed {SEED}");
        clock.is_off_by(shift);
        let path = format!("/jump{time}");
        assert_eq!((get("pay.example.com", &path), get(LIMITED, "/x")), (200, 429), "{told}");
        let line: Value = serde_json::from_str(&server.stdout_line(&path)).expect("a line is JSON");
        assert!(is_off(&line, shift), "the clock does not move: {line}, {told}");
        for duration in [&line["duration_ms"], &line["upstream"]["first_byte_ms"]] {
            let milliseconds = duration.as_f64().expect("milliseconds");
            assert!((0.0..longest * 1_000.0).contains(&milliseconds), "{line}, {told}");
        }
        // As stale as the clock says, until the source is asked again; and never less than fresh.
        let stale = admin.metric(STALENESS);
        assert!((0.0..800.0 * DAY as f64).contains(&stale), "{stale}, {told}");
        server.signal("-HUP");
        admin.wait_for_metric(UNCHANGED, time as f64 + 1.0);
        assert!((0.0..longest).contains(&admin.metric(STALENESS)), "{told}");
        for page in ["/", "/livez", "/readyz", "/mapping", "/endpoints"] {
            assert_eq!(admin.get(page).status, 200, "{page}, {told}");
        }
    }
    let spent = admin.metric("nameplate_request_duration_seconds_sum");
    assert!((0.0..longest).contains(&spent), "{spent} s for all requests, seed {SEED}");

    // A stop takes its own time, too.
    let mut server = server;
    clock.is_off_by(-DAY);
    let began = std::time::Instant::now();
    server.signal("-TERM");
    let (status, said) = server.wait_for_end();
    assert!(status.success() && began.elapsed() < Duration::from_secs(5) && !said.contains("panicked"), "{said}");
}
