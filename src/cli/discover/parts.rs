//! `nameplate discover --parts`: one part of a mapping for each owner, in a folder.
//!
//! No part changes before every text is made, and written beside its part.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::iter;
use std::path::{Path, PathBuf};

use super::super::accounts::Refused;
use super::super::draft::{Existing, Replacement};
use super::super::exit::{FAULTY, UNUSABLE};
use super::super::load::{NotLoaded, load};
use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::head::check_owner;
use nameplate_core::mapping::insert::{NewEntry, new_mapping, with_entries};
use nameplate_core::mapping::load::Compiled;
use nameplate_core::settings::{MappingSource, ReloadRules};
use nameplate_plan::proposals::label;

/// The part of APIs without an owner.
const UNOWNED: &str = "unowned";

/// The new entries of one part.
#[derive(Debug)]
struct Part {
    owner: Option<String>,
    entries: Vec<NewEntry>,
}

/// Reads the parts of a folder. A folder that is not there, or is empty, maps nothing.
pub(super) fn existing(folder: &Path) -> Result<Existing, Refused> {
    let unreadable = |e| (UNUSABLE, format!("error: cannot read {}: {e}\n  help: name a folder", folder.display()));
    let is_empty = match fs::read_dir(folder) {
        Ok(mut inside) => inside.next().is_none(),
        Err(e) if e.kind() == ErrorKind::NotFound => true,
        Err(e) => return Err(unreadable(e)),
    };
    let table = if is_empty {
        MappingTable::default()
    } else {
        let place = MappingSource::File(folder.to_owned());
        load(&place, &ReloadRules::default(), None, &mut std::io::empty()).map_err(NotLoaded::refusal)?.table
    };
    Ok(Existing::of_parts(table))
}

/// Writes the new entries of each owner into its part. Returns the files that were written.
pub(super) fn write(
    folder: &Path,
    head: &[String],
    entries: &[(Option<String>, NewEntry)],
) -> Result<Vec<PathBuf>, Refused> {
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    let mut chosen: BTreeMap<(String, Option<String>), String> = BTreeMap::new();
    for (owner, entry) in entries {
        let (name, owner) = part_of(owner.as_deref());
        let name = chosen.entry((name, owner.clone())).or_insert_with_key(|(name, _)| {
            let names = iter::once(name.clone()).chain((2..).map(|number| format!("{name}-{number}")));
            let may_take = |name: &String| match parts.get(name) {
                Some(part) => part.owner == owner,
                None => is_free(&folder.join(format!("{name}.yaml")), owner.as_deref()),
            };
            names.into_iter().find(may_take).expect("the numbers have no end")
        });
        let part = parts.entry(name.clone()).or_insert_with(|| Part { owner, entries: Vec::new() });
        part.entries.push(entry.clone());
    }
    let mut texts = Vec::new();
    for (name, Part { owner, entries }) in parts {
        let path = folder.join(format!("{name}.yaml"));
        let text = match fs::read_to_string(&path) {
            Ok(text) => with_entries(&text, &entries).map_err(|why| {
                let help = "write its entries as a list, each on lines of its own";
                (FAULTY, format!("{}: error: {why}; no part was written\n  help: {help}", path.display()))
            })?,
            Err(e) if e.kind() == ErrorKind::NotFound => new_mapping(head, owner.as_deref(), &entries),
            Err(e) => return Err((UNUSABLE, format!("error: cannot read {}: {e}", path.display()))),
        };
        texts.push((path, text));
    }
    let unwritten = |path: &Path, e| {
        (UNUSABLE, format!("error: cannot write {}: {e}\n  help: name a folder that can be written", path.display()))
    };
    fs::create_dir_all(folder).map_err(|e| unwritten(folder, e))?;
    let mut prepared = Vec::new();
    for (path, text) in &texts {
        prepared.push((path, Replacement::prepare(path, text).map_err(|e| unwritten(path, e))?));
    }
    for (path, replacement) in prepared {
        replacement.take_place().map_err(|e| unwritten(path, e))?;
    }
    Ok(texts.into_iter().map(|(path, _)| path).collect())
}

/// Reports whether entries of an owner may go into a part: it names no other owner. One with an error is reported when it
/// is written.
fn is_free(path: &Path, owner: Option<&str>) -> bool {
    let named = fs::read(path).ok().and_then(|bytes| Compiled::of(&bytes, "", None).ok()?.head.owner);
    named.is_none_or(|named| Some(&*named) == owner)
}

/// The name of an owner's part, and OWNER in it. A tag may have any text.
fn part_of(owner: Option<&str>) -> (String, Option<String>) {
    let Some(owner) = owner else { return (UNOWNED.to_owned(), None) };
    let name = label(owner);
    match &*name {
        "" => (UNOWNED.to_owned(), None),
        // The folder's owners.yaml is not a part.
        "owners" => ("owners-apis".to_owned(), Some(owner.to_owned())),
        _ if check_owner(owner).is_ok() => (name, Some(owner.to_owned())),
        _ => (name.clone(), Some(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owners_part_has_a_name_that_a_file_can_have() {
        let check = |owner: Option<&str>, name: &str, key: Option<&str>| {
            assert_eq!(part_of(owner), (name.to_owned(), key.map(str::to_owned)), "{owner:?}");
        };
        check(Some("Payments"), "payments", Some("Payments"));
        check(Some("eu/cards"), "eu-cards", Some("eu/cards"));
        check(Some("the cards team"), "the-cards-team", Some("the-cards-team"));
        check(Some("../../etc"), "etc", Some("../../etc"));
        check(Some("owners"), "owners-apis", Some("owners"));
        check(Some("注文"), "unowned", None);
        check(None, "unowned", None);
    }

    #[test]
    fn owners_whose_names_make_one_label_have_a_part_each() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = |owner: Option<&str>, name: &str| {
            let domain = format!("{name}.example.com");
            let api = format!("https://{name}.execute-api.eu-west-1.amazonaws.com/prod");
            (owner.map(str::to_owned), NewEntry { comments: Vec::new(), domain, api })
        };
        let write = |entries: &[(Option<String>, NewEntry)]| {
            let written = write(folder.path(), &[], entries).expect("written");
            let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
            let mut names: Vec<_> = written.iter().map(name).collect();
            names.sort();
            names
        };
        let of = |name: &str| fs::read_to_string(folder.path().join(name)).expect("a part");
        let first = [entry(Some("Payments"), "a1"), entry(Some("payments"), "b2"), entry(Some("Payments"), "c3")];
        assert_eq!(write(&first), ["payments-2.yaml", "payments.yaml"]);
        assert!(of("payments.yaml").contains("OWNER: \"Payments\"") && of("payments.yaml").contains("c3.example.com"));
        assert!(
            of("payments-2.yaml").contains("OWNER: \"payments\"") && of("payments-2.yaml").contains("b2.example.com")
        );
        // The next run finds the part of each again.
        assert_eq!(write(&[entry(Some("payments"), "d4")]), ["payments-2.yaml"]);
        assert_eq!(write(&[entry(Some("unowned"), "e5"), entry(None, "f6")]), ["unowned-2.yaml", "unowned.yaml"]);
    }
}
