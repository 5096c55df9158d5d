//! `owners.yaml`: which owner may map which names, and which parts are whose.

use std::collections::HashMap;

use super::pattern::Pattern;
use crate::diagnostic::{Code, Diagnostics, Fault, Faults, Place};
use crate::domain::rewrite::rest_after;
use crate::mapping::custom_domain::CustomDomain;
use crate::mapping::encoding::document_of;
use crate::mapping::head::{check_contact, check_owner};
use crate::settings::tree::{self, Name, Node, Shape};

/// Who owns what.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    owners: Vec<Owner>,
    /// The grants of each host, the longest base path first; each with the place of its owner.
    domains: HashMap<Box<str>, Vec<(Box<str>, usize)>>,
    parts: Vec<(Pattern, usize)>,
    /// The places in `parts` whose first segment is this one.
    by_folder: HashMap<Box<str>, Vec<usize>>,
    /// The places in `parts` whose first segment has a `*`.
    loose: Vec<usize>,
}

/// An owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// How to reach it.
    pub contact: Option<String>,
    /// The most entries that all of its parts may have.
    pub max_entries: Option<u64>,
}

const KEYS: [&str; 5] = ["OWNER", "CONTACT", "DOMAINS", "PARTS", "MAX_ENTRIES"];
const LIST_HELP: &str = "write `OWNERS:`, and under it an entry for each owner, starting with `- OWNER: `";
const DOMAINS_HELP: &str = "write a list: `[pay.example.com, \"*.pay.example.com\", shop.example.com/checkout]`";
const PARTS_HELP: &str = "write a list of paths and folders: `[payments.yaml, payments/]`";
const ENTRIES_HELP: &str = "write a whole number from 1: `MAX_ENTRIES: 100`";

impl Owners {
    /// Reads the text of `owners.yaml`; `file` is how errors name it.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Owners, Diagnostics> {
        let text = document_of(bytes, file)?;
        let (root, faults) = tree::read_owners(text);
        let mut reader = OwnersReader { owners: Owners::default(), faults, lines: HashMap::new() };
        reader.root(root.as_ref());
        if !reader.faults.is_empty() {
            return Err(reader.faults.locate(text, file));
        }
        let mut owners = reader.owners;
        owners.index();
        Ok(owners)
    }

    /// Every owner.
    pub fn all(&self) -> &[Owner] {
        &self.owners
    }

    /// The owner that has a part of this name.
    pub fn of_part(&self, name: &str) -> Option<&Owner> {
        let first = name.split('/').next().unwrap_or_default();
        let own = self.by_folder.get(first).into_iter().flatten();
        let matching = own.chain(&self.loose).map(|at| &self.parts[*at]).filter(|(pattern, _)| pattern.matches(name));
        matching.max_by_key(|(pattern, _)| pattern.weight()).map(|(_, owner)| &self.owners[*owner])
    }

    /// The owner that may map a domain with a base path: of the grants that cover it, the host's own come before a
    /// wildcard's, and the longest base path first.
    pub fn of_domain(&self, host: &str, base: &str) -> Option<&Owner> {
        let own = self.covering(host, base);
        own.or_else(|| {
            let (label, parent) = host.split_once('.')?;
            (label != "*").then(|| self.covering(&format!("*.{parent}"), base)).flatten()
        })
    }

    fn covering(&self, host: &str, base: &str) -> Option<&Owner> {
        let grants = self.domains.get(host)?;
        let covers = |(granted, _): &&(Box<str>, usize)| rest_after(granted.as_bytes(), base.as_bytes()).is_some();
        grants.iter().find(covers).map(|(_, owner)| &self.owners[*owner])
    }

    fn index(&mut self) {
        for grants in self.domains.values_mut() {
            grants.sort_by_key(|(base, _)| std::cmp::Reverse(base.len()));
        }
        for (at, (pattern, _)) in self.parts.iter().enumerate() {
            match pattern.as_str().split('/').next() {
                Some(first) if !first.contains('*') => self.by_folder.entry(first.into()).or_default().push(at),
                _ => self.loose.push(at),
            }
        }
    }
}

/// Reads a tree into owners.
struct OwnersReader {
    owners: Owners,
    faults: Faults,
    /// The lines of names, grants and patterns that have been read.
    lines: HashMap<String, u32>,
}

impl OwnersReader {
    fn fault(&mut self, code: Code, at: Place, what: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Fault::at(at, what, help).code(code));
    }

    fn root(&mut self, root: Option<&Node>) {
        let start = Place { line: 1, column: 1 };
        let Some(Node { at, shape }) = root else {
            return if self.faults.is_empty() {
                self.fault(Code::EmptyFile, start, "it is empty", LIST_HELP)
            };
        };
        let Shape::Map(keys) = shape else {
            let what = format!("a file of owners must start with the key `OWNERS`, and this is {}", shape.called());
            return self.fault(Code::WrongType, *at, what, LIST_HELP);
        };
        let mut found = false;
        for (_, value) in tree::unique(keys, &["OWNERS"], &mut self.faults) {
            found = true;
            match &value.shape {
                Shape::List(owners) => owners.iter().for_each(|owner| self.owner(owner)),
                Shape::Reported => {}
                shape => {
                    let what = format!("OWNERS must be a list, and this is {}", shape.called());
                    self.fault(Code::WrongType, value.at, what, LIST_HELP);
                }
            }
        }
        if !found && self.faults.is_empty() {
            self.fault(Code::MissingKey, *at, "the key `OWNERS` is missing", LIST_HELP);
        }
    }

    fn owner(&mut self, node: &Node) {
        let Shape::Map(keys) = &node.shape else {
            let what = format!("an owner must be keys with values, and this is {}", node.shape.called());
            return self.fault(Code::WrongType, node.at, what, LIST_HELP);
        };
        let at = self.owners.owners.len();
        let mut owner = Owner { name: String::new(), contact: None, max_entries: None };
        let (mut has_domains, mut patterns) = (false, None);
        let keys = tree::unique(keys, &KEYS, &mut self.faults);
        for (name, value) in &keys {
            match name.text.as_str() {
                "OWNER" => owner.name = self.checked(name, value, check_owner).unwrap_or_default(),
                "CONTACT" => owner.contact = self.checked(name, value, check_contact),
                "DOMAINS" => {
                    has_domains = true;
                    for (place, domain) in self.texts(name, value, DOMAINS_HELP) {
                        self.domain(place, &domain, at);
                    }
                }
                "PARTS" => patterns = Some(self.texts(name, value, PARTS_HELP)),
                "MAX_ENTRIES" => owner.max_entries = self.entries(value),
                // Reported already.
                _ => {}
            }
        }
        let has_name = keys.iter().any(|(name, _)| name.text == "OWNER");
        if !has_name {
            self.fault(Code::MissingKey, node.at, "an owner has no OWNER", "add `OWNER: ` and its name");
        } else if !has_domains {
            self.fault(Code::MissingKey, node.at, "an owner has no DOMAINS", DOMAINS_HELP);
        }
        self.claim_once(node.at, format!("OWNER: {}", owner.name), &format!("the owner `{}`", owner.name));
        match patterns {
            Some(patterns) => patterns.into_iter().for_each(|(place, pattern)| self.pattern(place, &pattern, at)),
            None => self.owners.parts.extend(Pattern::of_owner(&owner.name).into_iter().map(|pattern| (pattern, at))),
        }
        self.owners.owners.push(owner);
    }

    fn domain(&mut self, at: Place, value: &str, owner: usize) {
        let CustomDomain { host, base } = match CustomDomain::parse(value) {
            Ok(domain) => domain,
            Err(fault) => {
                let what = fault.what.replace("CUSTOM_DOMAIN_URL", "a domain of DOMAINS");
                return self.faults.push(Fault::in_value(at, value, fault.offset, what, fault.help).code(fault.code));
            }
        };
        if self.claim_once(at, format!("DOMAIN: {host}{base}"), &format!("`{host}{base}`")) {
            self.owners.domains.entry(host.as_str().into()).or_default().push((base.as_str().into(), owner));
        }
    }

    fn pattern(&mut self, at: Place, value: &str, owner: usize) {
        match Pattern::parse(value) {
            Ok(pattern) => {
                if self.claim_once(at, format!("PART: {value}"), &format!("`{value}`")) {
                    self.owners.parts.push((pattern, owner));
                }
            }
            Err(what) => self.fault(Code::BadValue, at, format!("a part of PARTS {what}"), PARTS_HELP),
        }
    }

    /// Reports what is there a second time. Returns whether it was the first.
    fn claim_once(&mut self, at: Place, key: String, called: &str) -> bool {
        if let Some(line) = self.lines.get(&key).copied() {
            let what = format!("{called} is already on line {line}");
            self.fault(Code::DuplicateKey, at, what, "delete one of the two: each has one owner");
            return false;
        }
        self.lines.insert(key, at.line);
        true
    }

    fn entries(&mut self, node: &Node) -> Option<u64> {
        let number = match &node.shape {
            Shape::Text(scalar) => scalar.text.parse::<u64>().ok().filter(|number| *number > 0),
            _ => None,
        };
        if number.is_none() {
            self.fault(Code::BadValue, node.at, "MAX_ENTRIES is not a number of entries", ENTRIES_HELP);
        }
        number
    }

    fn checked(&mut self, name: &Name, node: &Node, check: fn(&str) -> Result<(), String>) -> Option<String> {
        let scalar = if let Shape::Text(scalar) = &node.shape { Some(scalar) } else { None };
        let Some(scalar) = scalar.filter(|scalar| !scalar.is_null) else {
            let what = format!("{} must be text, and this is {}", name.text, node.shape.called());
            self.fault(Code::WrongType, node.at, what, format!("write `{}: ` and a text", name.text));
            return None;
        };
        if let Err(what) = check(&scalar.text) {
            self.fault(Code::BadValue, node.at, format!("{} {what}", name.text), "write another one");
            return None;
        }
        Some(scalar.text.clone())
    }

    fn texts(&mut self, name: &Name, node: &Node, help: &str) -> Vec<(Place, String)> {
        let Shape::List(items) = &node.shape else {
            let what = format!("{} must be a list, and this is {}", name.text, node.shape.called());
            self.fault(Code::WrongType, node.at, what, help);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.shape {
                Shape::Text(scalar) if !scalar.is_null => texts.push((item.at, scalar.text.clone())),
                Shape::Reported => {}
                shape => {
                    let what = format!("{} lists text, and this is {}", name.text, shape.called());
                    self.fault(Code::WrongType, item.at, what, help);
                }
            }
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNERS: &str = "OWNERS:
  - OWNER: payments
    CONTACT: pay@example.com
    DOMAINS: [pay.example.com, \"*.pay.example.com\", shop.example.com/checkout]
    MAX_ENTRIES: 3
  - OWNER: web
    DOMAINS: [\"*.example.com\", shop.example.com]
    PARTS: [\"web-*.yaml\", pages/]
";

    fn owners() -> Owners {
        Owners::parse(OWNERS.as_bytes(), "owners.yaml").expect("owners")
    }

    #[test]
    fn the_nearest_grant_has_a_name() {
        let owners = owners();
        let check = |host: &str, base: &str, want: Option<&str>| {
            let found = owners.of_domain(host, base).map(|owner| owner.name.as_str());
            assert_eq!(found, want, "{host}{base}");
        };
        check("pay.example.com", "", Some("payments"));
        check("pay.example.com", "/v1", Some("payments"));
        check("a.pay.example.com", "", Some("payments"));
        check("*.pay.example.com", "", Some("payments"));
        check("a.b.pay.example.com", "", None);
        check("shop.example.com", "", Some("web"));
        check("shop.example.com", "/checkout", Some("payments"));
        check("shop.example.com", "/checkout/v2", Some("payments"));
        check("shop.example.com", "/checkouts", Some("web"));
        check("any.example.com", "/x", Some("web"));
        check("*.example.com", "", Some("web"));
        check("example.com", "", None);
        check("pay.example.org", "", None);
    }

    #[test]
    fn a_part_is_its_owners_by_its_name() {
        let owners = owners();
        let check = |part: &str, want: Option<&str>| {
            assert_eq!(owners.of_part(part).map(|owner| owner.name.as_str()), want, "{part}");
        };
        check("payments.yaml", Some("payments"));
        check("payments/eu/cards.json", Some("payments"));
        check("web-a.yaml", Some("web"));
        check("pages/a.yaml", Some("web"));
        check("web.yaml", None);
        check("other/payments.yaml", None);
        let owner = owners.of_part("payments.yaml").expect("an owner");
        assert_eq!((owner.contact.as_deref(), owner.max_entries), (Some("pay@example.com"), Some(3)));
    }

    #[test]
    fn the_pattern_that_says_more_has_a_part() {
        let text = "OWNERS:\n- OWNER: a\n  DOMAINS: [a.example.com]\n  PARTS: [x/]\n- OWNER: b\n  DOMAINS: []\n  PARTS: [x/b.yaml, 'x/c*']\n";
        let owners = Owners::parse(text.as_bytes(), "o").expect("owners");
        let of = |part: &str| owners.of_part(part).map(|owner| owner.name.as_str());
        assert_eq!((of("x/a.yaml"), of("x/b.yaml"), of("x/c1.yaml")), (Some("a"), Some("b"), Some("b")));
    }

    #[track_caller]
    fn error(text: &str, want: &str) {
        let found = Owners::parse(text.as_bytes(), "owners.yaml").expect_err(text).to_string();
        assert!(found.contains(want), "{text}\n{found}");
    }

    #[test]
    fn every_error_has_its_place() {
        error("", "owners.yaml:1:1: error: it is empty");
        error("- a", "owners.yaml:1:1: error: a file of owners must start with the key `OWNERS`");
        error("OWNER: a", "owners.yaml:1:1: error: unknown key `OWNER`\n    OWNER: a\n  help: did you mean `OWNERS`?");
        error("OWNERS: a", "owners.yaml:1:9: error: OWNERS must be a list, and this is text");
        error("OWNERS:\n- a", "owners.yaml:2:3: error: an owner must be keys with values");
        error("OWNERS:\n- DOMAINS: []", "owners.yaml:2:3: error: an owner has no OWNER");
        error("OWNERS:\n- OWNER: a", "owners.yaml:2:3: error: an owner has no DOMAINS");
        error("OWNERS:\n- OWNER: a b\n  DOMAINS: []", "owners.yaml:2:10: error: OWNER has ' '");
        error("OWNERS:\n- OWNER: a\n  DOMAINS: [a..com]", "owners.yaml:3:15: error: a host label");
        error("OWNERS:\n- OWNER: a\n  DOMAINS: ['http://a.com']", "error: a domain of DOMAINS starts with http://");
        error("OWNERS:\n- OWNER: a\n  DOMAINS: a.com", "owners.yaml:3:12: error: DOMAINS must be a list");
        error(
            "OWNERS:\n- OWNER: a\n  DOMAINS: [a.example.com, A.example.com.]",
            "`a.example.com` is already on line 3",
        );
        error(
            "OWNERS:\n- OWNER: a\n  DOMAINS: []\n  PARTS: [/x]",
            "owners.yaml:4:11: error: a part of PARTS starts with `/`",
        );
        error("OWNERS:\n- OWNER: a\n  DOMAINS: []\n  MAX_ENTRIES: 0", "owners.yaml:4:16: error: MAX_ENTRIES is not");
        error(
            "OWNERS:\n- OWNER: a\n  DOMAINS: []\n- OWNER: a\n  DOMAINS: []",
            "owners.yaml:4:3: error: the owner `a` is already",
        );
        error("OWNERS:\n- OWNER: a\n  DOMAIN: []", "unknown key `DOMAIN`");
        error("OWNERS: [\n", "error: broken YAML");
        error("OWNERS: \0", "error: the file holds a NUL byte");
    }

    #[test]
    fn every_error_is_found_in_one_run() {
        let text = "OWNERS:\n- OWNER: a b\n  DOMAINS: [x..y, '?']\n  PARTS: ['']\n  MAX: 1\n";
        assert_eq!(Owners::parse(text.as_bytes(), "o").expect_err("errors").len(), 5);
    }
}
