//! What a mapping in parts costs, in time and in memory: see README.md.

// As an example of the crate it has the lints of the core; it is a program, though.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

mod clock;
mod memory;

use std::error::Error;
use std::hint::black_box;
use std::io;
use std::time::{Duration, SystemTime};

use clock::on_core;
use memory::Memory;
use nameplate_core::domain::kept::Kept;
use nameplate_core::domain::pace::Pace;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::load::compile_bytes;
use nameplate_core::parts::assembly::Limits;
use nameplate_core::parts::set::{Parts, Update};

// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Lookups that are timed together.
const LOOKUPS: u32 = 1_000_000;

/// As large as what the program keeps for an entry.
#[derive(Default)]
struct Entry {
    _counts: [u64; 6],
}

/// What is active.
struct Active {
    parts: Parts,
    table: MappingTable,
    entries: Kept<Entry>,
}

/// What a reading brings of a part: its name, and its text where that has changed.
type PartFound = (String, Option<String>);

impl Active {
    fn none() -> Active {
        Active { parts: Parts::new("mapping", None), table: MappingTable::default(), entries: Kept::default() }
    }

    /// Takes a reading. Returns how long it took to compile, to assemble, and to compare with what was active.
    fn take(&mut self, found: Vec<PartFound>, threads: usize) -> io::Result<[Duration; 3]> {
        let names: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
        let updates = names.iter().zip(found).map(|(name, (_, text))| {
            let update = text.map_or(Update::Same, |text| Update::Text(text.into()));
            (name.as_str(), None, update)
        });
        let began = on_core()?;
        self.parts.update(updates, threads, Pace::default());
        let compiled = on_core()?;
        let (now, pace) = (SystemTime::UNIX_EPOCH, Pace::default());
        let (table, decided) = self.parts.assemble(&self.table, &Limits::NONE, false, now, pace).into_table();
        let assembled = on_core()?;
        let (entries, _) = self.entries.next((&self.table, &table), |_| Entry::default(), pace);
        self.parts.commit(decided);
        (self.table, self.entries) = (table, entries);
        Ok([compiled - began, assembled - compiled, on_core()? - assembled])
    }
}

/// The text of a part, of whose entries some have been changed.
fn text(part: usize, entries: usize, changed: usize) -> String {
    let entry = |at: usize| {
        let (number, stage) = (part * entries + at, if at < changed { "changed" } else { "prod" });
        format!(
            "  - CUSTOM_DOMAIN_URL: orders-{number}.team-{part}.in.example.com/v1\n    \
             PRIVATE_API_URL: https://a{number:09}.execute-api.eu-west-1.amazonaws.com/{stage}\n"
        )
    };
    format!("APIS:\n{}", (0..entries).map(entry).collect::<String>())
}

fn measured(what: &str, work: impl FnOnce() -> io::Result<[Duration; 3]>) -> io::Result<()> {
    let memory = Memory::now()?;
    let steps = work()?;
    let in_all = milliseconds(steps.iter().sum());
    println!("{what:<16} {in_all:>8} ms ({}), {}", steps.map(milliseconds).join(" + "), memory.since()?);
    Ok(())
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1_000.0)
}

fn in_parts(entries: usize, parts: usize) -> io::Result<()> {
    let each = entries / parts;
    let name = |part: usize| format!("team-{part:05}.yaml");
    let unchanged = |part: usize| (name(part), None);
    let mut active = Active::none();
    let found: Vec<PartFound> = (0..parts).map(|part| (name(part), Some(text(part, each, 0)))).collect();
    let threads = std::thread::available_parallelism()?.get();
    measured("start", || active.take(found, threads))?;
    for changed in 1..=3 {
        let mut found: Vec<PartFound> = (0..parts).map(unchanged).collect();
        found[parts / 2].1 = Some(text(parts / 2, each, changed));
        measured("change an entry", || active.take(found, 1))?;
    }
    let found: Vec<PartFound> = (1..parts).map(unchanged).collect();
    measured("remove a part", || active.take(found, 1))
}

fn in_one_file(entries: usize) -> Result<(), Box<dyn Error>> {
    let text = text(0, entries, 0);
    let (memory, began) = (Memory::now()?, on_core()?);
    let table = compile_bytes(text.as_bytes(), "mapping.yaml", None)?;
    println!("{:<16} {:>8} ms, {}", "one file", milliseconds(on_core()? - began), memory.since()?);
    let host = format!("orders-{}.team-0.in.example.com", entries / 2);
    let began = on_core()?;
    for _ in 0..LOOKUPS {
        black_box(table.lookup(black_box(&host), b"/v1/orders/7")).map_err(|refusal| format!("{refusal:?}"))?;
    }
    println!("{:<16} {:8} ns", "a lookup", (on_core()? - began).as_nanos() / u128::from(LOOKUPS));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse());
    let entries = numbers.next().unwrap_or(Ok(100_000))?;
    let parts = numbers.next().unwrap_or(Ok(1_000))?;
    println!("{entries} entries in {parts} parts: in all (compile + assemble + compare), and memory");
    in_parts(entries, parts)?;
    in_one_file(entries)
}
