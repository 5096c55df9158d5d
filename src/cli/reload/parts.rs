//! A reload of a mapping in parts: which of their errors whoever reloads has asked about.

use std::fmt::Write as _;

use serde_json::Value;

use crate::live::reload::PARTS_NOT_ACTIVE;
use nameplate_core::parts::OWNERS_FILE;

/// The most errors of parts nobody asked about that are shown.
const MOST_SHOWN: usize = 10;

/// A part that is not active as the source has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotActive {
    name: String,
    owner: Option<String>,
    reason: Reason,
    message: String,
}

/// Why a part is not active, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    Rejected,
    Failed,
    Held,
}

impl Reason {
    fn named(name: &str) -> Option<Reason> {
        match name {
            "rejected" => Some(Reason::Rejected),
            "failed" => Some(Reason::Failed),
            "held" => Some(Reason::Held),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Reason::Rejected => "rejected",
            Reason::Failed => "failed",
            Reason::Held => "held",
        }
    }
}

/// The parts of a mapping after a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    names: Vec<String>,
    not_active: Vec<NotActive>,
}

/// What is said of the parts, and the worst reason among those that somebody asked about.
pub(super) struct Told {
    pub(super) text: String,
    pub(super) worst: Option<Reason>,
}

impl Parts {
    /// Reads them from the page `/mapping`.
    pub(super) fn of(mapping: &Value) -> Parts {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let list = mapping["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let not_active = list.iter().filter_map(|part| {
            let error = &part["error"];
            let (reason, message) = (Reason::named(error["reason"].as_str()?)?, text(&error["message"])?);
            Some(NotActive { name: text(&part["name"])?, owner: text(&part["owner"]), reason, message })
        });
        let mut parts =
            Parts { names: list.iter().filter_map(|part| text(&part["name"])).collect(), not_active: Vec::new() };
        parts.not_active.extend(owners(mapping));
        parts.not_active.extend(not_active);
        parts
    }

    /// Reports whether the mapping has parts.
    pub(super) fn has_any(&self) -> bool {
        !self.names.is_empty()
    }

    /// Reports whether every part is active as the source has it.
    pub(super) fn are_active(&self) -> bool {
        self.not_active.is_empty()
    }

    /// Reports whether a part waits for consent.
    pub(super) fn has_held(&self) -> bool {
        self.not_active.iter().any(|part| part.reason == Reason::Held)
    }

    /// Returns the first of the names that is no part's. `a/` names every part below a folder, which may have none.
    pub(super) fn unknown<'n>(&self, names: &'n [String]) -> Option<&'n String> {
        let is_known = |name: &String| name.ends_with('/') || name == OWNERS_FILE || self.names.contains(name);
        names.iter().find(|name| !is_known(name))
    }

    /// Tells of every part that is not active: as an error of those that `is_asked`, and as a warning of the others.
    pub(super) fn told(&self, names: &[String], consents: bool) -> Told {
        let is_asked = |part: &&NotActive| is_named(&part.name, names) || consents && part.reason == Reason::Held;
        let (asked, others): (Vec<&NotActive>, Vec<_>) = self.not_active.iter().partition(is_asked);
        let mut text = String::new();
        let mut line = |part: &NotActive, level: &str| {
            let owner = part.owner.as_ref().map(|owner| format!(" of {owner}")).unwrap_or_default();
            let _ = writeln!(text, "{level}: part {}{owner} {}:\n{}", part.name, part.reason.name(), part.message);
        };
        asked.iter().for_each(|part| line(part, "error"));
        others.iter().take(MOST_SHOWN).for_each(|part| line(part, "warning"));
        if let Some(more @ 1..) = others.len().checked_sub(MOST_SHOWN) {
            let _ = writeln!(text, "warning: {more} more {PARTS_NOT_ACTIVE}");
        }
        Told { text, worst: asked.iter().map(|part| part.reason).min() }
    }
}

/// Reports whether `--part` names a part: by its name, or by a folder that it is below.
pub(super) fn is_named(part: &str, names: &[String]) -> bool {
    names.iter().any(|name| name == part || name.ends_with('/') && part.starts_with(name.as_str()))
}

/// The file of owners, which is no part on the page.
fn owners(mapping: &Value) -> Option<NotActive> {
    let error = &mapping["owners_error"];
    let (reason, message) = (Reason::named(error["reason"].as_str()?)?, error["message"].as_str()?.to_owned());
    Some(NotActive { name: OWNERS_FILE.into(), owner: None, reason, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts {
        let error = |reason: &str| serde_json::json!({ "reason": reason, "message": format!("it is {reason}") });
        // An author controls some of a message: nothing that looks like a line of ours ends it.
        let message = "o.yaml:1:1: error: empty\npart of it\n  help: fill it";
        Parts::of(&serde_json::json!({
            "owners_error": { "reason": "rejected", "message": message },
            "parts": [
                { "name": "a/1.yaml", "owner": "pay", "error": error("rejected") },
                { "name": "b/1.yaml", "owner": null, "error": error("held") },
                { "name": "c.yaml", "owner": null, "error": null },
            ],
        }))
    }

    #[track_caller]
    fn check(names: &[&str], consents: bool, worst: Option<Reason>, says: &str) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let told = parts().told(&names, consents);
        assert_eq!(told.worst, worst, "{}", told.text);
        assert!(told.text.contains(says), "{}", told.text);
    }

    #[test]
    fn only_what_was_asked_about_is_an_error() {
        check(&[], false, None, "warning: part a/1.yaml of pay rejected:\nit is rejected\n");
        check(
            &["c.yaml", "x/"],
            false,
            None,
            "warning: part owners.yaml rejected:\no.yaml:1:1: error: empty\npart of it\n  help: fill it\n",
        );
        check(&["a/"], false, Some(Reason::Rejected), "error: part a/1.yaml of pay rejected:\n");
        check(&["b/1.yaml"], false, Some(Reason::Held), "error: part b/1.yaml held:\n");
        check(&["owners.yaml"], false, Some(Reason::Rejected), "error: part owners.yaml rejected:\n");
        check(&["b/", "a/"], false, Some(Reason::Rejected), "warning: part owners.yaml");
        check(&[], true, Some(Reason::Held), "error: part b/1.yaml held:\n");
    }

    #[test]
    fn a_part_that_there_is_not_is_not_asked_about_in_vain() {
        let names = ["c.yaml", "x/", "owners.yaml", "C.yaml"].map(str::to_owned);
        assert_eq!(parts().unknown(&names), Some(&names[3]));
        assert_eq!(parts().unknown(&names[..3]), None);
        assert!(parts().has_held());
    }
}
