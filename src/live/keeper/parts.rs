//! A mapping in parts: what its source brings, and what is active of it.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;
use std::time::SystemTime;

use super::super::reload::{Cause, PartErrors};
use super::super::snapshot::PACE;
use crate::source::parts::{Found, PartRead};
use crate::source::parts_cache::CachedParts;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_core::parts::assembly::{Assembly, Decided, Limits};
use nameplate_core::parts::error::{NotInUse, PartError};
use nameplate_core::parts::set::{Parts, Update};
use nameplate_core::settings::{MappingSource, ReloadRules as Rules};

/// The most parts whose errors one reading logs; all of them are on the status page.
const MOST_LOGGED: usize = 20;

/// The parts of the mapping, and what has been said of them.
pub(super) struct KeptParts {
    parts: Parts,
    limits: Limits,
    /// What was logged of each part that has an error.
    logged: HashMap<Arc<str>, (&'static str, Option<Version>)>,
    /// The parts that are not active as the source has them, as of the last look. A poll that finds the same makes no copy.
    not_in_use: Arc<[NotInUse]>,
    /// The error of `owners.yaml` as of the last look.
    owners_error: Option<PartError>,
    /// What is decided has changed since the last look.
    is_stale: bool,
    /// What a look found has not been shown yet.
    has_news: bool,
}

impl KeptParts {
    pub(super) fn new(place: &MappingSource, rules: &Rules, endpoints: &[String]) -> KeptParts {
        let limits = Limits {
            max_removed: rules.max_removed,
            allow_shrink: rules.allow_shrink,
            entries: rules.hold_entries,
            bytes: rules.hold_bytes,
            part_entries: rules.hold_part_entries,
        };
        KeptParts {
            parts: Parts::new(&place.to_string(), Some(endpoints.to_vec())),
            limits,
            logged: HashMap::new(),
            not_in_use: Arc::default(),
            owners_error: None,
            is_stale: true,
            has_news: false,
        }
    }

    /// Takes a reading, and compiles what is new in it. Returns which mapping the source has.
    pub(super) fn update(&mut self, found: &[PartRead]) -> Version {
        self.parts.update(found.iter().map(updated), 1, PACE);
        self.parts.version()
    }

    /// The same at a start, on every core: no request waits for one of them.
    pub(super) fn update_first(&mut self, found: &[PartRead]) {
        self.parts.update(found.iter().map(updated), cores(), PACE);
    }

    /// As [`KeptParts::update_first`], where nobody needs the texts any more: each is let go of as soon as it is compiled.
    pub(super) fn update_first_with(&mut self, found: Vec<PartRead>) {
        let names: Vec<_> = found.iter().map(|part| Arc::clone(&part.name)).collect();
        let updates: Vec<_> = found.iter().map(updated).map(|(_, modified, update)| (modified, update)).collect();
        drop(found);
        let updates = names.iter().zip(updates).map(|(name, (modified, update))| (&**name, modified, update));
        self.parts.update(updates, cores(), PACE);
    }

    /// Puts what the cache has in use, and returns its table. Nothing of it is active yet.
    pub(super) fn restore(&mut self, cached: &CachedParts) -> MappingTable {
        for error in &cached.errors {
            log::error!("a cached part cannot be used: {error}");
        }
        let updates = cached.parts.iter().map(|part| (&*part.name, Some(part.at), Update::Text(part.bytes.clone())));
        self.parts.update(updates, cores(), PACE);
        let (table, decided) = self.assemble_first(&MappingTable::default()).into_table();
        self.commit(decided);
        table
    }

    /// Decides which version of each part is used. `active` is the table that is active now.
    pub(super) fn assemble(&self, active: &MappingTable, consent: bool) -> Assembly {
        self.parts.assemble(active, &self.limits, consent, SystemTime::now(), PACE)
    }

    /// The same at a start, when nothing is active that could be lost.
    pub(super) fn assemble_first(&self, active: &MappingTable) -> Assembly {
        self.parts.assemble(active, &Limits::NONE, false, SystemTime::now(), PACE)
    }

    /// Takes note of errors where no part can be used, and returns them.
    pub(super) fn no_part(&mut self, assembly: Assembly) -> Option<Cause> {
        self.commit(assembly.into_table().1);
        self.trouble()
    }

    pub(super) fn commit(&mut self, decided: Decided) {
        self.parts.commit(decided);
        self.is_stale = true;
    }

    /// The parts themselves.
    pub(super) fn get(&self) -> &Parts {
        &self.parts
    }

    /// Looks which parts are not active as the source has them, if that may have changed: what is decided, or the error of
    /// `owners.yaml`, which a reading finds by itself.
    fn look(&mut self) {
        if self.is_stale || self.owners_error.as_ref() != self.parts.owners_error() {
            self.not_in_use = self.parts.errors().into();
            self.owners_error = self.parts.owners_error().cloned();
            (self.is_stale, self.has_news) = (false, true);
        }
    }

    /// Returns which parts are not active as the source has them, if there are any.
    pub(super) fn trouble(&mut self) -> Option<Cause> {
        self.look();
        let errors = PartErrors { list: Arc::clone(&self.not_in_use), parts: self.parts.len(), held: None };
        (!errors.list.is_empty()).then_some(Cause::Parts(errors))
    }

    /// Returns whether there is something to show that was not there when this was asked last.
    pub(super) fn take_news(&mut self) -> bool {
        self.look();
        std::mem::take(&mut self.has_news)
    }

    /// Logs what has changed: each error once, and when it is over.
    pub(super) fn log(&mut self) {
        self.look();
        let errors = Arc::clone(&self.not_in_use);
        let mut logged = HashMap::new();
        let (mut said, mut unsaid) = (0, 0);
        for NotInUse { name, owner, error } in errors.iter() {
            let key = (error.label(), error.version());
            if self.logged.get(name) != Some(&key) {
                if said < MOST_LOGGED {
                    said += 1;
                    log::error!("{}", sentence(name, owner.as_deref(), error));
                } else {
                    unsaid += 1;
                }
            }
            logged.insert(Arc::clone(name), key);
        }
        if unsaid > 0 {
            log::error!("and {unsaid} more parts are not active as the source has them");
        }
        for name in self.logged.keys().filter(|name| !logged.contains_key(*name)).take(MOST_LOGGED) {
            log::info!("mapping part {name} has no error any more");
        }
        self.logged = logged;
    }
}

/// What a reading found of a part, for [`Parts::update`].
fn updated(part: &PartRead) -> (&str, Option<SystemTime>, Update) {
    let update = match &part.found {
        Found::Same | Found::Unsettled => Update::Same,
        Found::Text(bytes) => Update::Text(bytes.clone()),
        Found::Failed(error) => Update::Failed(error.to_string()),
    };
    (&part.name, part.modified, update)
}

/// How many threads can run at once.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

fn sentence(name: &str, owner: Option<&str>, error: &PartError) -> String {
    let owner = owner.map(|owner| format!(" of {owner}")).unwrap_or_default();
    let word = match error.label() {
        "failed" => "not read",
        label => label,
    };
    format!(
        "mapping part {name}{owner} {word}:\n{error}\nwhat was active of it stays so, and all other parts are active"
    )
}
