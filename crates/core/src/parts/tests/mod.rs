//! What one part can take from the others: nothing.

mod isolation;
mod owned;
mod properties;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::assembly::{Limits, PartStatus};
use super::set::{Parts, Update};
use crate::domain::pace::Pace;
use crate::domain::route::Route;
use crate::domain::table::MappingTable;

const LIMITS: Limits =
    Limits { max_removed: 50, allow_shrink: false, entries: 100_000, bytes: 64 * 1024 * 1024, part_entries: 5_000 };

/// A folder of parts, and what is in use of it.
struct Folder {
    parts: Parts,
    table: MappingTable,
    files: BTreeMap<String, (String, u64)>,
    /// What the last reading brought.
    known: BTreeMap<String, (String, u64)>,
    limits: Limits,
    /// Readings so far: the clock.
    now: u64,
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The text of a part: an entry for each `domain=api`.
fn part(entries: &[&str]) -> String {
    let mut text = "APIS:\n".to_owned();
    for entry in entries {
        let (domain, id) = entry.split_once('=').expect("domain=api");
        text += &format!(
            "  - CUSTOM_DOMAIN_URL: \"{domain}\"\n    PRIVATE_API_URL: https://{id}.execute-api.eu-west-1.amazonaws.com/prod\n"
        );
    }
    text
}

impl Folder {
    fn new() -> Folder {
        let (parts, table) = (Parts::new("mapping.d", None), MappingTable::default());
        Folder { parts, table, files: BTreeMap::new(), known: BTreeMap::new(), limits: LIMITS, now: 0 }
    }

    /// Writes a file; one that was there keeps no older time.
    fn write(&mut self, name: &str, text: &str) -> &mut Folder {
        self.files.insert(name.to_owned(), (text.to_owned(), self.now + 1));
        self
    }

    fn part(&mut self, name: &str, entries: &[&str]) -> &mut Folder {
        self.write(name, &part(entries))
    }

    fn remove(&mut self, name: &str) -> &mut Folder {
        self.files.remove(name).expect("it is there");
        self
    }

    /// Reads it, and uses what can be used.
    fn read(&mut self) -> &mut Folder {
        self.read_with(false)
    }

    fn read_with(&mut self, consent: bool) -> &mut Folder {
        self.find();
        let assembly = self.parts.assemble(&self.table, &self.limits, consent, at(self.now), Pace::default());
        let (table, decided) = assembly.into_table();
        self.parts.commit(decided);
        self.table = table;
        self
    }

    /// Reads it, and decides nothing.
    fn find(&mut self) {
        self.now += 1;
        // A source brings what has changed, and nothing else.
        let known = std::mem::replace(&mut self.known, self.files.clone());
        let found = self.files.iter().map(|(name, (text, modified))| {
            let is_same = known.get(name).is_some_and(|(before, _)| before == text);
            let update = if is_same { Update::Same } else { Update::Text(Bytes::copy_from_slice(text.as_bytes())) };
            (name.as_str(), Some(at(*modified)), update)
        });
        self.parts.update(found, 2, Pace::default());
    }

    /// What a process that starts now has of it.
    fn fresh(&self) -> Folder {
        let mut fresh = Folder { files: self.files.clone(), limits: self.limits, now: self.now, ..Folder::new() };
        fresh.read();
        fresh
    }

    /// Every entry that is active: domain, base path, API.
    fn entries(&self) -> Vec<String> {
        let entry = |route: &&Route| format!("{}{} {}", route.host(), route.base(), route.api_id());
        self.table.routes().iter().map(entry).collect()
    }

    /// The API that a request for a host and a path goes to; `-` where there is none.
    fn api(&self, host: &str, path: &str) -> String {
        self.table.lookup(host, path.as_bytes()).map_or("-".into(), |found| found.route.api_id().to_owned())
    }

    fn status(&self, name: &str) -> PartStatus {
        self.parts.status().into_iter().find(|status| &*status.name == name).expect("a part")
    }

    /// What is wrong with a part; empty where nothing is.
    fn error(&self, name: &str) -> String {
        self.status(name).error.map(|(error, _)| error.to_string()).unwrap_or_default()
    }

    #[track_caller]
    fn expect_error(&self, name: &str, want: &str) {
        let found = self.error(name);
        assert!(!want.is_empty() && found.contains(want), "{name}: {found}");
    }

    #[track_caller]
    fn expect_good(&self) {
        let bad: Vec<_> = self.parts.status().into_iter().filter(|status| status.error.is_some()).collect();
        assert!(bad.is_empty() && self.parts.owners_error().is_none(), "{bad:?} {:?}", self.parts.owners_error());
    }
}
