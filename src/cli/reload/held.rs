//! The held entries of a mapping after a reload: whose they are, and what is told of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::parts::is_named;

/// The most entries that are listed.
const MOST_LISTED: usize = 10;

/// The entries that keep the target that they had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HeldInParts {
    /// Those that the page lists.
    listed: Vec<ListedEntry>,
    count: u64,
    /// How many each part has, where the mapping has parts and any are held.
    of_parts: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ListedEntry {
    part: Option<String>,
    line: String,
}

impl HeldInParts {
    /// Reads them from the page `/mapping`.
    pub(super) fn of(mapping: &Value) -> HeldInParts {
        let list = mapping["held"].as_array().map(Vec::as_slice).unwrap_or_default();
        let listed: Vec<ListedEntry> = list.iter().map(ListedEntry::of).collect();
        let more = mapping["more_held"].as_u64().unwrap_or_default();
        let parts = mapping["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of_part = |part: &Value| {
            let count = part["held_entries"].as_u64().filter(|count| *count > 0)?;
            Some((part["name"].as_str()?.to_owned(), count))
        };
        HeldInParts { count: listed.len() as u64 + more, of_parts: parts.iter().filter_map(of_part).collect(), listed }
    }

    /// Reports whether any entry is held.
    pub(super) fn has_any(&self) -> bool {
        self.count > 0
    }

    /// Reports whether an entry is held of the parts that `--part` names, or any at all where it names none.
    pub(super) fn has_asked(&self, names: &[String]) -> bool {
        if names.is_empty() { self.has_any() } else { self.of_parts.keys().any(|part| is_named(part, names)) }
    }

    /// Tells of all held entries, those of the named parts first: as an error where they are asked about, else as a
    /// warning.
    pub(super) fn told(&self, names: &[String]) -> String {
        let mut text = String::new();
        if names.is_empty() {
            self.list(&mut text, "error", self.count, |_| true);
            return text;
        }
        let is_asked = |entry: &ListedEntry| entry.part.as_ref().is_some_and(|part| is_named(part, names));
        let counts = self.of_parts.iter().filter(|(part, _)| is_named(part, names));
        let asked: u64 = counts.map(|(_, count)| count).sum();
        self.list(&mut text, "error", asked, is_asked);
        self.list(&mut text, "warning", self.count.saturating_sub(asked), |entry| !is_asked(entry));
        text
    }

    fn list(&self, text: &mut String, level: &str, count: u64, is_listed: impl Fn(&ListedEntry) -> bool) {
        if count == 0 {
            return;
        }
        let what = if count == 1 { "1 entry is held".to_owned() } else { format!("{count} entries are held") };
        let _ = writeln!(text, "{level}: {what}: the new target answers worse than the old one");
        let listed = self.listed.iter().filter(|entry| is_listed(entry)).take(MOST_LISTED);
        let shown = listed.map(|entry| writeln!(text, "{}", entry.line)).count() as u64;
        if count > shown {
            let _ = writeln!(text, "and {} more entries; /mapping counts them by part", count - shown);
        }
        text.push_str(
            "  help: each becomes active by itself once its API answers; if it is meant as it is, `nameplate reload \
             --allow-unverified` takes it\n",
        );
    }
}

impl ListedEntry {
    fn of(held: &Value) -> ListedEntry {
        let text = |name: &str| held[name].as_str().unwrap_or_default();
        let part = held["part"].as_str().map(str::to_owned);
        let of_part = part.as_ref().map(|part| format!(" of part {part}")).unwrap_or_default();
        let line = format!(
            "entry {}{}{of_part}: {}: {}; it keeps {}",
            text("domain"),
            text("base_path"),
            text("target"),
            text("message"),
            text("keeps")
        );
        ListedEntry { part, line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> HeldInParts {
        let entry = |domain: &str, part: &str| serde_json::json!({ "domain": domain, "base_path": "", "part": part });
        HeldInParts::of(&serde_json::json!({
            "held": [entry("a.example.com", "a.yaml"), entry("b.example.com", "b/1.yaml")],
            "more_held": 200,
            "parts": [
                { "name": "a.yaml", "held_entries": 101 },
                { "name": "b/1.yaml", "held_entries": 1 },
                { "name": "c.yaml", "held_entries": 100 },
                { "name": "d.yaml", "held_entries": 0 },
            ],
        }))
    }

    fn asked(names: &[&str]) -> (bool, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        (held().has_asked(&names), held().told(&names))
    }

    #[test]
    fn a_part_is_asked_about_by_its_count_and_not_by_what_the_page_lists() {
        let (is_held, told) = asked(&["c.yaml"]);
        assert!(is_held && told.starts_with("error: 100 entries are held: "), "{told}");
        assert!(told.contains("\nwarning: 102 entries are held: "), "{told}");
    }

    #[test]
    fn held_entries_of_other_parts_are_warnings() {
        let (is_held, told) = asked(&["d.yaml"]);
        assert!(!is_held && told.starts_with("warning: 202 entries are held: "), "{told}");
        let (is_held, told) = asked(&["b/"]);
        let want = "error: 1 entry is held: the new target answers worse than the old one\nentry \
                    b.example.com of part b/1.yaml: ";
        assert!(is_held && told.starts_with(want), "{told}");
    }

    #[test]
    fn without_a_name_every_held_entry_is_an_error() {
        let (is_held, told) = asked(&[]);
        assert!(is_held && told.starts_with("error: 202 entries are held: "), "{told}");
        assert!(told.contains("\nand 200 more entries; ") && !told.contains("warning"), "{told}");
        assert!(!HeldInParts::default().has_asked(&[]) && HeldInParts::default().told(&[]).is_empty());
    }
}
