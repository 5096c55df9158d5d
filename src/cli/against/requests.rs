//! What a change does to requests: classes of them, most dangerous first, each with a request that shows it.

use std::fmt;

use serde::Serialize;

use super::super::load::Loaded;
use nameplate_core::classes::{Changed, Kind, Outcome, PathClass, changes};
use nameplate_core::domain::route::Route;
use nameplate_plan::change::keys;

/// The most groups of classes that are shown as text without `--all`, and the most classes of each.
pub(super) const MOST_GROUPS: usize = 20;
pub(super) const MOST_OF_A_GROUP: usize = 5;

/// What happens to requests.
#[derive(Serialize)]
pub(super) struct Requests<'c> {
    /// How many classes change.
    classes: usize,
    /// How many of each kind, most dangerous first; kinds without any are left out.
    kinds: Vec<Count>,
    changes: Vec<Class<'c>>,
}

#[derive(Serialize)]
struct Count {
    kind: &'static str,
    classes: usize,
}

/// Requests to which the same happens.
#[derive(Serialize)]
pub(super) struct Class<'c> {
    #[serde(skip)]
    pub(super) kind: Kind,
    #[serde(rename = "kind")]
    name: &'static str,
    /// `*` for every domain that no entry names.
    pub(super) domain: String,
    /// Of both mappings' base paths the one that the paths are below; none where they are below none.
    base_path: Option<String>,
    /// The base path that a server could take them for.
    #[serde(skip_serializing_if = "Option::is_none")]
    spelled_as: Option<String>,
    verbs: Vec<&'static str>,
    /// Whether the methods that API Gateway does not know are among them.
    other_verbs: bool,
    #[serde(skip)]
    pub(super) verbs_as_text: String,
    /// One of them.
    pub(super) request: Request,
    pub(super) old: End<'c>,
    pub(super) new: End<'c>,
    /// Keys of the entries that differ, where the API receives the same otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<Key>,
}

#[derive(Serialize)]
pub(super) struct Request {
    method: &'static str,
    url: String,
}

#[derive(Serialize)]
struct Key {
    key: &'static str,
    old: String,
    new: String,
}

/// What happens to a request.
#[derive(PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(super) enum End<'c> {
    Forwarded {
        api_id: &'c str,
        region: &'c str,
        stage: &'c str,
        /// What the API receives of the request.
        target: String,
        entry: Entry<'c>,
    },
    Refused {
        status: u16,
        reason: &'static str,
    },
}

/// The entry that decides.
#[derive(PartialEq, Serialize)]
pub(super) struct Entry<'c> {
    domain: &'c str,
    base_path: &'c str,
    file: String,
    line: u32,
    /// Who answers for it, where the mapping says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'c str>,
}

impl<'c> Entry<'c> {
    fn of(route: &'c Route, mapping: &'c Loaded) -> Entry<'c> {
        let (file, owner) = (mapping.files.of(route), mapping.owner_of(route).map(|owner| owner.name));
        Entry { domain: route.host(), base_path: route.base(), file, line: route.line, owner }
    }
}

impl<'c> End<'c> {
    fn of(outcome: Outcome<'c>, mapping: &'c Loaded) -> End<'c> {
        match outcome {
            Outcome::Forwarded(to) => End::Forwarded {
                api_id: to.route.api_id(),
                region: to.route.region(),
                stage: to.stage(),
                target: to.target,
                entry: Entry::of(to.route, mapping),
            },
            Outcome::Refused(refusal) => End::Refused { status: refusal.status(), reason: refusal.reason() },
        }
    }

    /// Where requests end, without what differs from class to class of a group.
    pub(super) fn group(&self) -> String {
        match self {
            End::Forwarded { api_id, region, stage, .. } => format!("API {api_id} in {region}, stage {stage}"),
            End::Refused { status, reason } => format!("{status} {reason}"),
        }
    }

    /// Where the witness ends, and by which entry.
    pub(super) fn shown(&self) -> String {
        match self {
            End::Forwarded { target, entry, .. } => {
                let owner = entry.owner.map(|owner| format!(", {owner}")).unwrap_or_default();
                format!("{target} ({}:{}{owner})", entry.file, entry.line)
            }
            End::Refused { status, .. } => status.to_string(),
        }
    }
}

impl<'c> Class<'c> {
    fn of(changed: Changed<'c>, before: &'c Loaded, after: &'c Loaded) -> Class<'c> {
        let Changed { kind, host, path, verbs, witness, old, new } = changed;
        let keys = match (kind, &old, &new) {
            (Kind::Settings, Outcome::Forwarded(old), Outcome::Forwarded(new)) => {
                keys(old.route, new.route).into_iter().filter(|key| key.key != "VERBS").collect()
            }
            _ => Vec::new(),
        };
        Class {
            kind,
            name: kind.name(),
            domain: host.pattern,
            base_path: path.base().map(str::to_owned),
            spelled_as: match path {
                PathClass::Spelled { as_if, .. } => Some(as_if),
                PathClass::Below(_) | PathClass::BelowNone => None,
            },
            verbs: verbs.names().collect(),
            other_verbs: verbs.has_others(),
            verbs_as_text: verbs.to_string(),
            request: Request { method: witness.method, url: witness.url() },
            old: End::of(old, before),
            new: End::of(new, after),
            keys: keys.into_iter().map(|key| Key { key: key.key, old: key.old, new: key.new }).collect(),
        }
    }

    /// Which requests: domain and paths.
    pub(super) fn place(&self) -> String {
        let Class { domain, base_path, spelled_as, .. } = self;
        match (domain.as_str(), base_path, spelled_as) {
            ("*", ..) => "every other domain".to_owned(),
            (_, None, _) => format!("{domain}, every other path"),
            (_, Some(base), None) => format!("{domain}{base}"),
            (_, Some(base), Some(as_if)) => format!("{domain}{base}, spelled otherwise than {as_if}"),
        }
    }

    /// The keys that differ: `ENDPOINT: default -> far`.
    pub(super) fn keys(&self) -> impl Iterator<Item = String> {
        self.keys.iter().map(|Key { key, old, new }| format!("{key}: {old} -> {new}"))
    }
}

/// As `nameplate explain` takes it on a command line.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { method, url } = self;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:%+@,".contains(c);
        match url.chars().all(is_plain) {
            true => write!(f, "{method} {url}"),
            false => write!(f, "{method} '{}'", url.replace('\'', r"'\''")),
        }
    }
}

/// Classes that go from the same to the same.
pub(super) struct Group<'r> {
    pub(super) kind: Kind,
    pub(super) old: String,
    pub(super) new: String,
    pub(super) classes: Vec<&'r Class<'r>>,
}

impl<'c> Requests<'c> {
    pub(super) fn between(old: &'c Loaded, new: &'c Loaded) -> Requests<'c> {
        let changes = changes(&old.table, &new.table).into_iter();
        let changes: Vec<Class<'c>> = changes.map(|changed| Class::of(changed, old, new)).collect();
        let kinds = changes.chunk_by(|a, b| a.kind == b.kind);
        let kinds = kinds.map(|of| Count { kind: of[0].name, classes: of.len() }).collect();
        Requests { classes: changes.len(), kinds, changes }
    }

    pub(super) fn len(&self) -> usize {
        self.classes
    }

    /// Most dangerous first; of one kind, the largest first.
    pub(super) fn groups(&self) -> Vec<Group<'_>> {
        let mut keyed: Vec<_> =
            self.changes.iter().map(|class| ((class.kind, class.old.group(), class.new.group()), class)).collect();
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut groups: Vec<Group<'_>> = Vec::new();
        for ((kind, old, new), class) in keyed {
            match groups.last_mut() {
                Some(last) if last.kind == kind && last.old == old && last.new == new => last.classes.push(class),
                _ => groups.push(Group { kind, old, new, classes: vec![class] }),
            }
        }
        groups.sort_by_key(|group| (group.kind, std::cmp::Reverse(group.classes.len())));
        groups
    }

    /// For people.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, all: bool) -> fmt::Result {
        if self.classes == 0 {
            return writeln!(f, "requests: none changes");
        }
        writeln!(
            f,
            "requests: {} change, most dangerous first; `nameplate explain` takes each",
            counted(self.classes)
        )?;
        let groups = self.groups();
        let (most, of_each) = if all { (usize::MAX, usize::MAX) } else { (MOST_GROUPS, MOST_OF_A_GROUP) };
        for group in groups.iter().take(most) {
            let Group { kind, old, new, classes } = group;
            writeln!(f, "  {}: {old} -> {new}", kind.what())?;
            for class in classes.iter().take(of_each) {
                writeln!(f, "    {}, {}: {}", class.place(), class.verbs_as_text, class.request)?;
                writeln!(f, "      {} -> {}", class.old.shown(), class.new.shown())?;
                class.keys().try_for_each(|key| writeln!(f, "      {key}"))?;
            }
            if let Some(more @ 1..) = classes.len().checked_sub(of_each) {
                writeln!(f, "    and {more} more; `--all` shows them")?;
            }
        }
        let hidden: usize = groups.iter().skip(most).map(|group| group.classes.len()).sum();
        if hidden > 0 {
            writeln!(f, "  and {} more; `--all` shows them", counted(hidden))?;
        }
        Ok(())
    }
}

/// `1 class changes`.
pub(super) fn changing(classes: usize) -> String {
    format!("{} {}", counted(classes), if classes == 1 { "changes" } else { "change" })
}

pub(super) fn counted(classes: usize) -> String {
    format!("{classes} {}", if classes == 1 { "class" } else { "classes" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_can_be_pasted_into_a_shell() {
        let shown = |url: &str| Request { method: "GET", url: url.to_owned() }.to_string();
        assert_eq!(shown("https://a.example.com/v1/x"), "GET https://a.example.com/v1/x");
        assert_eq!(shown("https://a.example.com/$a;b'c"), r"GET 'https://a.example.com/$a;b'\''c'");
    }
}
