//! The soak: a real `nameplate serve` under load for an hour, while everything around it changes. Told in
//! bench/soak/README.md.

// It talks to whoever runs it, and nobody else uses its parts.
#![allow(clippy::print_stdout, unreachable_pub)]

mod client;
mod report;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use client::Load;
use report::{Report, Sample};
use world::World;

/// Clients, each with one request at a time.
const CLIENTS: usize = 16;
/// How often the process is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How often what happens. Primes, so that everything meets everything in time.
const CHANGE: u64 = 3;
const KILL: u64 = 17;
const DOWN: u64 = 7;
const HANGUP: u64 = 31;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(minutes), Some(binary), Some(folder)) = (arguments.next(), arguments.next(), arguments.next()) else {
        println!("usage: soak MINUTES BINARY FOLDER");
        return ExitCode::from(2);
    };
    let Ok(minutes) = minutes.parse::<u64>() else {
        println!("soak: `{minutes}` is not a number of minutes");
        return ExitCode::from(2);
    };
    match soak(Duration::from_secs(60 * minutes), &PathBuf::from(binary), &PathBuf::from(folder)) {
        Ok(report) => {
            println!("{report}");
            if report.faults().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(fault) => {
            println!("soak: {fault}");
            ExitCode::from(2)
        }
    }
}

fn soak(time: Duration, binary: &std::path::Path, folder: &std::path::Path) -> Result<Report, String> {
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut world = World::start(binary, folder)?;
    let load = Arc::new(Load::new(world.proxy()));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|seed| {
            let load = Arc::clone(&load);
            thread::spawn(move || load.run(seed as u64))
        })
        .collect();
    let began = Instant::now();
    let mut report = Report::new(folder);
    let mut second = 0;
    while began.elapsed() < time {
        second += 1;
        thread::sleep((began + Duration::from_secs(second)).saturating_duration_since(Instant::now()));
        if second.is_multiple_of(CHANGE) {
            world.change_mapping()?;
        }
        if second.is_multiple_of(HANGUP) {
            world.hang_up()?;
        }
        match second % KILL {
            // Whatever is in flight there may fail: those are explained.
            0 => {
                load.explaining.store(true, Ordering::Relaxed);
                world.kill_one();
            }
            DOWN => world.revive()?,
            // Connections that were cut off have been noticed by now.
            at if at == DOWN + 2 => load.explaining.store(false, Ordering::Relaxed),
            _ => {}
        }
        if second.is_multiple_of(LOOK.as_secs()) {
            report.sample(Sample::of(world.pid(), began.elapsed(), load.answered())?);
        }
    }
    load.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().map_err(|_| "a client panicked")?;
    }
    world.revive()?;
    report.metrics(&world.metrics()?);
    report.outcome(&load, began.elapsed(), world.changes(), world.kills());
    report.ended(world.stop()?);
    Ok(report)
}
