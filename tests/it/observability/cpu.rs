//! The CPU metrics of a real process under load, held against what the kernel says of it.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::client::Client;
use crate::harness::origin::Origin;
use crate::harness::procfs;
use crate::harness::proxy::entry;
use crate::harness::server::Server;

/// As `docs/metrics.md` has it: the window, and how old the metric may be. The samples that bound a window
/// are a second apart.
const WINDOW: Duration = Duration::from_secs(15);
const APART: Duration = Duration::from_secs(1);
/// What a busy machine may add to that.
const SLACK: Duration = Duration::from_millis(300);

/// How close the two must be.
const CLOSE: f64 = 0.02;

/// CPU time of a process, user and system.
fn cpu_seconds(pid: u32) -> f64 {
    procfs::stat(pid).expect("it runs").cpu
}

/// The mean number of cores in use over each time that the metric may stand for, which was read at `read`.
fn candidates(samples: &[(Instant, f64)], read: Instant) -> Vec<f64> {
    let ends = samples.iter().filter(|(at, _)| *at <= read && read - *at <= APART + SLACK);
    let begins = |end: Instant| {
        let long = move |at: Instant| (WINDOW - SLACK..=WINDOW + APART + SLACK).contains(&(end - at));
        samples.iter().filter(move |(at, _)| *at < end && long(*at))
    };
    ends.flat_map(|(end, used)| begins(*end).map(move |(at, before)| (used - before) / (*end - *at).as_secs_f64()))
        .collect()
}

#[test]
fn utilization_is_what_the_kernel_says_it_is() {
    let api = Origin::ok();
    let mapping = format!("APIS:\n{}", entry("pay.example.com", "abc123", "/prod", &[]));
    let server = Server::start(&mapping, &api, "");
    let address = server.address();
    let (stop, stopped) = channel::<()>();
    let load = thread::spawn(move || {
        let mut client = Client::connect(address);
        // Some load, and not all the machine has: other tests run beside this one.
        while stopped.recv_timeout(Duration::from_millis(2)) == Err(RecvTimeoutError::Timeout) {
            for _ in 0..4 {
                let answer = client.send("GET /x HTTP/1.1\r\nHost: pay.example.com\r\n\r\n").read_response();
                if answer.header("connection") == Some("close") {
                    client = Client::connect(address);
                }
            }
        }
    });
    let (begun, mut samples) = (Instant::now(), Vec::new());
    let (_held, pause) = channel::<()>();
    while begun.elapsed() < WINDOW + 3 * APART {
        samples.push((Instant::now(), cpu_seconds(server.pid())));
        let _ = pause.recv_timeout(Duration::from_millis(50));
    }
    let admin = server.admin();
    let cores = admin.metric("nameplate_cpu_utilization_ratio") * admin.metric("nameplate_cpu_limit_cores");
    let read = Instant::now();
    samples.push((read, cpu_seconds(server.pid())));
    let (per_request, requests) =
        (admin.metric("nameplate_cpu_seconds_per_request"), admin.metric("nameplate_requests_total"));
    drop(stop);
    load.join().expect("all were answered");

    let is_close = |want: &f64| (cores - want).abs() <= CLOSE * want;
    let all = candidates(&samples, read);
    let (least, most) = all.iter().fold((f64::MAX, 0.0_f64), |(least, most), c| (least.min(*c), most.max(*c)));
    assert!(all.iter().any(is_close), "{cores} cores, not {least} to {most} of {} windows", all.len());
    // The load is even, so that no window is far from any other, and being close to one says something.
    assert!(cores > 0.02 && most < 1.5 * least, "{cores} of {least} to {most}");
    let whole = cpu_seconds(server.pid()) / requests;
    assert!((0.5..2.0).contains(&(per_request / whole)), "{per_request} s a request, {whole} since the start");
}
