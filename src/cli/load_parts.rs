//! A mapping in parts, for commands that do not stay: every error of every part.

use std::collections::HashMap;

use super::loaded::{Loaded, NotLoaded, Owner, all_of, in_runtime};
use crate::source;
use crate::source::parts::{Found, PartRead};
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::domain::pace::Pace;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::files::Files;
use nameplate_core::mapping::warnings::warnings;
use nameplate_core::parts::assembly::{Limits, PartStatus};
use nameplate_core::parts::error::PartError;
use nameplate_core::parts::set::{Parts, Update};
use nameplate_core::settings::{MappingSource, ReloadRules};

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
        Found::Text(bytes) => Some((&*part.name, None, Update::Text(bytes.clone()))),
        Found::Failed(error) => Some((&*part.name, None, Update::Failed(error.to_string()))),
        Found::Same | Found::Unsettled => None,
    });
    parts.update(updates, 1, Pace::default());
    let assembly =
        parts.assemble(&MappingTable::default(), &Limits::NONE, false, std::time::UNIX_EPOCH, Pace::default());
    let (table, decided) = assembly.into_table();
    parts.commit(decided);
    refuse_errors(&parts)?;
    if table.is_empty() {
        let help = "put a mapping there, in a file that ends in .yaml, .yml or .json";
        return Err(NotLoaded::Unreadable(format!("{name} holds no part\n  help: {help}")));
    }
    let (names, status) = (parts.names_by_mark(), parts.status());
    let by_name: HashMap<&str, &PartStatus> = status.iter().map(|part| (&*part.name, part)).collect();
    let owner = |part: &&PartStatus| Some(Owner { name: part.owner.clone()?, contact: part.contact.clone() });
    let owners = names.iter().map(|name| by_name.get(&**name).and_then(owner)).collect();
    let files = Files::new(&name, names.into());
    let warnings = warnings_of(&found, &table, &files);
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

/// The warnings of each part, which are about its own entries alone.
fn warnings_of(found: &[PartRead], table: &MappingTable, files: &Files) -> Vec<Diagnostics> {
    let mut by_part: HashMap<&str, Vec<Route>> = HashMap::new();
    for route in table.routes() {
        by_part.entry(files.part(route)).or_default().push(route.clone());
    }
    let of_part = |part: &PartRead| {
        let Found::Text(bytes) = &part.found else { return None };
        let routes = by_part.remove(&*part.name)?;
        let file = files.of(&routes[0]);
        // It has been compiled, so it is text.
        let text = std::str::from_utf8(bytes).ok()?;
        Some(warnings(text, &MappingTable::new(routes), &file)).filter(|warnings| !warnings.is_empty())
    };
    found.iter().filter_map(of_part).collect()
}
