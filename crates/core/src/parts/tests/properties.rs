//! What holds for every sequence of changes.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::domain::order::by_domain;

const HOSTS: [&str; 6] = ["a.t.example", "b.t.example", "c.t.example", "*.t.example", "a.u.example", "*.u.example"];
const BASES: [&str; 3] = ["", "/x", "/x/y"];

/// Hosts with base paths and APIs; `None` is a text with an error.
type Text = Option<Vec<(usize, usize, u8)>>;

fn text() -> impl Strategy<Value = Text> {
    let entry = (0..HOSTS.len(), 0..BASES.len(), 0..4_u8);
    prop_oneof![8 => proptest::collection::vec(entry, 1..5).prop_map(Some), 1 => Just(None)]
}

fn written(text: &Text) -> String {
    let Some(entries) = text else { return "APIS: {".into() };
    let unique: HashMap<_, _> = entries.iter().map(|(host, base, api)| ((host, base), api)).collect();
    let mut entries: Vec<_> =
        unique.iter().map(|((host, base), api)| format!("{}{}=api{api}", HOSTS[**host], BASES[**base])).collect();
    entries.sort();
    part(&entries.iter().map(String::as_str).collect::<Vec<_>>())
}

fn owners(grants: &[usize]) -> String {
    let of = |owner: usize| {
        let granted = grants.iter().enumerate().filter(|(_, to)| **to == owner);
        let domains: Vec<_> = granted.map(|(at, _)| format!("\"{}{}\"", HOSTS[at / 3], BASES[at % 3])).collect();
        format!("- OWNER: p{owner}\n  DOMAINS: [{}]\n", domains.join(", "))
    };
    format!("OWNERS:\n{}{}{}", of(0), of(1), of(2))
}

/// A change of one file: a part's text, or its removal.
fn change() -> impl Strategy<Value = (usize, Option<Text>)> {
    (0..3_usize, prop_oneof![5 => text().prop_map(Some), 1 => Just(None)])
}

/// Everything that must hold of a table, whatever was read.
fn check(folder: &Folder) {
    let routes = folder.table.routes();
    assert!(routes.windows(2).all(|pair| by_domain(pair[0], pair[1]).is_lt()), "in order, and each once");
    let names = folder.parts.names_by_mark();
    for status in folder.parts.status() {
        let own = routes.iter().filter(|route| names[usize::from(route.part)] == status.name).count();
        assert!(own <= status.entries, "{status:?}");
        let is_whole = status.error.is_some() || folder.parts.owners_error().is_some() || own == status.entries;
        assert!(is_whole, "{own} of {status:?}");
    }
    // Where everything is as its source has it, history makes no difference.
    let is_good = |folder: &Folder| folder.parts.errors().is_empty();
    let fresh = folder.fresh();
    if is_good(folder) && is_good(&fresh) {
        assert_eq!(folder.entries(), fresh.entries());
    }
}

proptest! {
    #[test]
    fn a_change_of_one_part_changes_no_entry_of_another(
        first in proptest::collection::vec(text(), 3),
        changes in proptest::collection::vec(change(), 1..8),
        grants in proptest::option::of(proptest::collection::vec(0..4_usize, 18)),
    ) {
        let mut folder = Folder::new();
        folder.limits.allow_shrink = true;
        if let Some(grants) = &grants {
            folder.write("owners.yaml", &owners(grants));
        }
        for (at, text) in first.iter().enumerate() {
            folder.write(&format!("p{at}.yaml"), &written(text));
        }
        folder.read();
        check(&folder);
        for (at, text) in changes {
            let name = format!("p{at}.yaml");
            match text {
                Some(text) => { folder.write(&name, &written(&text)); }
                None => { folder.files.remove(&name); }
            }
            let names = folder.parts.names_by_mark();
            // A part whose newer version waits for a name may get it now.
            let waits = |part: &str| folder.status(part).error.is_some();
            let others: Vec<String> = folder.table.routes().iter()
                .filter(|route| *names[usize::from(route.part)] != *name && !waits(&names[usize::from(route.part)]))
                .map(|route| format!("{}{} {}", route.host(), route.base(), route.api_id())).collect();
            folder.read();
            check(&folder);
            let now = folder.entries();
            for other in others {
                prop_assert!(now.contains(&other), "{other} is gone by a change of {name}: {now:?}");
            }
        }
    }

    #[test]
    fn any_owners_and_any_parts_make_a_table(
        readings in proptest::collection::vec(
            (proptest::option::of(proptest::collection::vec(0..4_usize, 18)), proptest::collection::vec(change(), 0..4), any::<bool>()),
            1..6,
        ),
    ) {
        let mut folder = Folder::new();
        for (grants, changes, consent) in readings {
            match &grants {
                Some(grants) => { folder.write("owners.yaml", &owners(grants)); }
                None => { folder.files.remove("owners.yaml"); }
            }
            for (at, text) in changes {
                match text {
                    Some(text) => { folder.write(&format!("p{at}.yaml"), &written(&text)); }
                    None => { folder.files.remove(&format!("p{at}.yaml")); }
                }
            }
            folder.read_with(consent);
            check(&folder);
            let version = folder.parts.version();
            folder.read();
            prop_assert_eq!(folder.parts.version(), version, "what is read again is what it was");
            check(&folder);
        }
    }
}
