//! A mapping in parts, for commands that do not stay: every error of every part.

use std::collections::HashMap;

use super::loaded::{Loaded, NotLoaded, all_of, in_runtime};
use crate::source;
use crate::source::parts::{Found, PartRead};
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::domain::pace::Pace;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::load::Compiled;
use nameplate_core::parts::OWNERS_FILE;
use nameplate_core::parts::assembly::{Limits, PartStatus};
use nameplate_core::parts::error::PartError;
use nameplate_core::parts::files::Files;
use nameplate_core::parts::set::{Parts, Update};
use nameplate_core::settings::{MappingSource, ReloadRules};

/// Whatever the parts hold, there is nothing that they are compared with.
const ANY: Limits =
    Limits { max_removed: 100, allow_shrink: true, entries: u64::MAX, bytes: u64::MAX, part_entries: u64::MAX };

/// Loads a folder or a prefix. Unlike a running Nameplate, it takes all parts or none.
pub(super) fn load(
    place: &MappingSource,
    rules: &ReloadRules,
    endpoints: Option<&[String]>,
    name: String,
) -> Result<Loaded, NotLoaded> {
    let found = in_runtime(place, source::read_parts(place, rules)).map_err(NotLoaded::Unreadable)?;
    let mut parts = Parts::new(&name, endpoints.map(<[String]>::to_vec));
    let updates = found.iter().filter_map(|part| match &part.found {
        // A checkout's times say nothing: of two parts that want a name, the first by name has it.
        Found::Text(bytes) => Some((&*part.name, None, Update::Text(bytes))),
        Found::Failed(error) => Some((&*part.name, None, Update::Failed(error.to_string()))),
        Found::Same | Found::Unsettled => None,
    });
    parts.update(updates, Pace::default());
    let assembly = parts.assemble(&MappingTable::default(), &ANY, false, std::time::UNIX_EPOCH, Pace::default());
    let (table, decided) = assembly.into_table();
    parts.commit(decided);
    refuse_errors(&parts)?;
    if table.is_empty() {
        let help = "put a mapping there, in a file that ends in .yaml, .yml or .json";
        return Err(NotLoaded::Unreadable(format!("{name} holds no part\n  help: {help}")));
    }
    let (names, status) = (parts.names_by_mark(), parts.status());
    let by_name: HashMap<&str, &PartStatus> = status.iter().map(|part| (&*part.name, part)).collect();
    let owners = names.iter().map(|name| by_name.get(&**name)?.owner.clone()).collect();
    let files = Files::new(&name, names.into());
    let warnings = found.iter().filter_map(|part| warnings(&name, part, endpoints)).collect();
    Ok(Loaded { table, version: parts.version(), warnings, files, parts: status, owners, name })
}

/// Fails with all errors of all parts.
fn refuse_errors(parts: &Parts) -> Result<(), NotLoaded> {
    let (mut invalid, mut unreadable) = (Vec::new(), Vec::new());
    for part in parts.errors() {
        match part.error {
            PartError::Rejected(_, errors) => invalid.push(errors),
            other => unreadable.push(other.to_string()),
        }
    }
    match (unreadable.is_empty(), invalid.is_empty()) {
        (false, true) => Err(NotLoaded::Unreadable(unreadable.join("\nerror: "))),
        (false, false) => Err(NotLoaded::Unreadable(format!("{}\n{}", unreadable.join("\nerror: "), all_of(&invalid)))),
        (true, false) => Err(NotLoaded::Invalid(invalid)),
        (true, true) => Ok(()),
    }
}

fn warnings(folder: &str, part: &PartRead, endpoints: Option<&[String]>) -> Option<Diagnostics> {
    let Found::Text(bytes) = &part.found else { return None };
    if &*part.name == OWNERS_FILE {
        return None;
    }
    let file = format!("{}/{}", folder.trim_end_matches('/'), part.name);
    let compiled = Compiled::of(bytes, &file, endpoints).ok()?;
    Some(compiled.warnings).filter(|warnings| !warnings.is_empty())
}
