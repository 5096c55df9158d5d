//! Who answers for a part of a mapping: the keys beside `APIS`.

use super::document::Text;
use crate::diagnostic::{Code, Fault};

/// The most characters of an owner's name.
const MOST_OWNER: usize = 64;

/// The most characters of a contact.
const MOST_CONTACT: usize = 200;

/// A key that may stand beside `APIS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadKey {
    Owner,
    Contact,
}

impl HeadKey {
    pub(super) fn named(name: &str) -> Option<HeadKey> {
        [HeadKey::Owner, HeadKey::Contact].into_iter().find(|key| key.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            HeadKey::Owner => "OWNER",
            HeadKey::Contact => "CONTACT",
        }
    }

    /// What to write when its value is missing or is no text.
    pub(super) fn help(self) -> &'static str {
        match self {
            HeadKey::Owner => "write the team that answers for these APIs, for example `payments`",
            HeadKey::Contact => "write how to reach the owner, for example `payments@example.com`",
        }
    }
}

/// What a part says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// OWNER: the team that answers for the part.
    pub owner: Option<String>,
    /// CONTACT: how to reach it.
    pub contact: Option<String>,
    /// The line of OWNER; 0 without one.
    pub owner_line: u32,
    contact_line: u32,
}

impl Head {
    /// The line of a key that has been read.
    pub(super) fn line_of(&self, key: HeadKey) -> Option<u32> {
        let line = match key {
            HeadKey::Owner => self.owner_line,
            HeadKey::Contact => self.contact_line,
        };
        (line > 0).then_some(line)
    }

    /// Reads the value of a key.
    pub(super) fn read(&mut self, key: HeadKey, text: &Text<'_>) -> Result<(), Fault> {
        let checked = match key {
            HeadKey::Owner => check_owner(&text.value),
            HeadKey::Contact => check_contact(&text.value),
        };
        match key {
            HeadKey::Owner => (self.owner, self.owner_line) = (Some(text.value.to_string()), text.at.line),
            HeadKey::Contact => (self.contact, self.contact_line) = (Some(text.value.to_string()), text.at.line),
        }
        checked.map_err(|what| {
            let what = format!("{} {what}", key.name());
            Fault::in_value(text.at, &text.value, 0, what, key.help()).code(Code::BadValue)
        })
    }
}

/// Checks the name of an owner, which is also a metric's label. Returns what is wrong with it.
pub fn check_owner(name: &str) -> Result<(), String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    match name.chars().find(|c| !is_part(*c)) {
        _ if name.is_empty() => Err("is empty".into()),
        Some(odd) => Err(format!("has {odd:?}: letters, digits, `-`, `_`, `.` and `/` make an owner's name")),
        None if name.len() > MOST_OWNER => Err(format!("has {} characters; {MOST_OWNER} is the most", name.len())),
        None => Ok(()),
    }
}

/// Checks a contact. Returns what is wrong with it.
pub fn check_contact(contact: &str) -> Result<(), String> {
    let length = contact.chars().count();
    match contact.chars().find(|c| c.is_control()) {
        _ if contact.trim().is_empty() => Err("is empty".into()),
        Some(odd) => Err(format!("has {odd:?}, which cannot be printed")),
        None if length > MOST_CONTACT => Err(format!("has {length} characters; {MOST_CONTACT} is the most")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pace::Pace;
    use crate::mapping::load::compile_part_paced;

    const APIS: &str = "APIS:\n  - CUSTOM_DOMAIN_URL: a.example.com\n    PRIVATE_API_URL: https://abc123.execute-api.eu-west-1.amazonaws.com/prod\n";

    fn head(text: &str) -> Result<Head, String> {
        let part = compile_part_paced(text.as_bytes(), "m", None, Pace::default());
        part.map(|part| part.head).map_err(|errors| errors.to_string())
    }

    #[test]
    fn a_part_may_name_its_owner_before_its_entries_or_behind_them() {
        for text in [
            format!("OWNER: payments\nCONTACT: \"pay@example.com, #pay\"\n{APIS}"),
            format!("# ours\n{APIS}CONTACT: 'pay@example.com, #pay'\n\nOWNER: payments # the team\n"),
        ] {
            let head = head(&text).expect("a part");
            assert_eq!(head.owner.as_deref(), Some("payments"), "{text}");
            assert_eq!(head.contact.as_deref(), Some("pay@example.com, #pay"), "{text}");
        }
        assert_eq!(head(APIS), Ok(Head::default()));
    }

    #[test]
    fn what_a_head_gets_wrong_is_an_error_at_its_place() {
        for (line, want) in [
            ("OWNER: the payments team", "m:1:8: error: OWNER has ' '"),
            ("OWNER:", "m:1:1: error: OWNER has no value"),
            ("OWNER: [a]", "m:1:8: error: OWNER must be text, and this is a list"),
            ("OWNER: a\nOWNER: b", "m:2:1: error: `OWNER` is already on line 1"),
            ("CONTACT: \"\"", "m:1:11: error: CONTACT is empty"),
            ("CONTACT: \"a\\tb\"", "m:1:10: error: CONTACT has '\\t'"),
            ("OWNR: a", "m:1:1: error: unknown key `OWNR`\n    OWNR: a\n  help: did you mean `OWNER`?"),
        ] {
            let found = head(&format!("{line}\n{APIS}")).expect_err(line);
            assert!(found.contains(want), "{line}\n{found}");
        }
        let long = head(&format!("OWNER: {}\n{APIS}", "x".repeat(65))).expect_err("long");
        assert!(long.contains("OWNER has 65 characters; 64 is the most"), "{long}");
    }
}
