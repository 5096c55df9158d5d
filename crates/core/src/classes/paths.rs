//! Paths that a mapping tells apart on one host: below each of its base paths, below none, and spelled so that a server
//! could read another base path.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::limits::plain_spelling;
use crate::domain::route::Route;
use crate::domain::table::MappingTable;

/// Paths that share their entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathClass {
    /// The base path and what is below it, without what is below a longer one. Of two mappings, those of both count.
    Below(String),
    /// Those below a base path that are another one's in their plain spelling: `//admin` below the whole domain.
    Spelled {
        /// The base path they are below, as they are.
        below: String,
        /// The one that their plain spelling is below.
        as_if: String,
    },
    /// Those below no base path of the host.
    BelowNone,
}

impl PathClass {
    /// The base path that the paths are below; none where they are below none.
    pub fn base(&self) -> Option<&str> {
        match self {
            PathClass::Below(base) | PathClass::Spelled { below: base, .. } => Some(base),
            PathClass::BelowNone => None,
        }
    }
}

/// The classes of paths on a host, each with targets that stand for it, the best one first.
pub(super) fn classes(tables: &[&MappingTable], host: &str) -> Vec<(PathClass, Vec<String>)> {
    let bases: BTreeSet<&str> =
        tables.iter().flat_map(|table| table.routes_of(host)).map(|route| route.base()).collect();
    let plain: BTreeMap<&str, String> = bases.iter().map(|base| (*base, plain_of(base))).collect();
    let known: BTreeSet<&str> = plain.values().map(String::as_str).collect();
    let below = |base: &str, plain: &str| {
        let free = |label: &String| {
            !bases.contains(format!("{base}/{label}").as_str()) && !known.contains(format!("{plain}/{label}").as_str())
        };
        let numbered = (2_u32..).map(|number| format!("example{number}"));
        let label = std::iter::once("example".to_owned()).chain(numbered).find(free).unwrap_or_default();
        format!("{base}/{label}")
    };
    let itself = |base: &str| if base.is_empty() { "/".to_owned() } else { base.to_owned() };
    // A base path that ends in an empty segment in its plain spelling covers itself there, and nothing below.
    let is_odd = plain.iter().any(|(base, plain)| base != plain);
    let one_or_both = |first: String, second: String| if is_odd { vec![first, second] } else { vec![first] };
    let mut found: Vec<(PathClass, Vec<String>)> = bases
        .iter()
        .map(|base| (PathClass::Below((*base).to_owned()), one_or_both(below(base, &plain[base]), itself(base))))
        .collect();
    if !bases.contains("") {
        found.push((PathClass::BelowNone, vec![below("", "")]));
    }
    if tables.iter().any(|table| table.has_wider_entry(host)) {
        for ((base, meant), target) in spelled(&plain) {
            let deeper = below(&target, &plain[meant]);
            let class = PathClass::Spelled { below: base.to_owned(), as_if: meant.to_owned() };
            found.push((class, one_or_both(target, deeper)));
        }
    }
    found
}

/// As [`classes`] of two tables, without those that the same entries decide in both: a host may have thousands of base paths,
/// and a change one of them.
pub(super) fn differing(old: &MappingTable, new: &MappingTable, host: &str) -> Vec<(PathClass, Vec<String>)> {
    let mut found = classes(&[old, new], host);
    let routes = [old, new].map(|table| {
        table.routes_of(host).iter().map(|route| (route.base(), route)).collect::<BTreeMap<&str, &Route>>()
    });
    // An odd base path can be met by a path that is below another one.
    if routes.iter().flat_map(BTreeMap::keys).any(|base| plain_of(base) != *base) {
        return found;
    }
    let is_same = |base: &str| match routes.each_ref().map(|routes| nearest(routes, base)) {
        [Some(before), Some(after)] => before.says_the_same(after),
        _ => false,
    };
    found.retain(|(class, _)| match class {
        PathClass::Below(base) => !is_same(base),
        PathClass::Spelled { below, as_if } => !(is_same(below) && is_same(as_if)),
        PathClass::BelowNone => true,
    });
    found
}

/// The entry of the longest base path that is this one or above it.
fn nearest<'t>(routes: &BTreeMap<&str, &'t Route>, base: &str) -> Option<&'t Route> {
    let above = base.rmatch_indices('/').map(|(slash, _)| &base[..slash]);
    std::iter::once(base).chain(above).find_map(|base| routes.get(base)).copied()
}

/// For each base path and each one below it in its plain spelling, a target that is below the first as it is, and the second
/// in its plain spelling. No base path has an empty segment, so two slashes end what is compared byte by byte.
fn spelled<'b>(plain: &BTreeMap<&'b str, String>) -> Vec<((&'b str, &'b str), String)> {
    let mut by_plain: BTreeMap<&str, Vec<&'b str>> = BTreeMap::new();
    for (base, plain) in plain {
        by_plain.entry(plain).or_default().push(base);
    }
    let mut found = Vec::new();
    for (meant, bases) in &by_plain {
        for (slash, _) in meant.match_indices('/') {
            for base in by_plain.get(&meant[..slash]).into_iter().flatten() {
                found.push(((*base, bases[0]), format!("{base}/{}", encoded(&meant[slash..]))));
            }
        }
    }
    found
}

/// The plain spelling of a base path. Bytes that are not UTF-8 stand for themselves as characters.
pub(super) fn plain_of(base: &str) -> String {
    let plain = plain_spelling(base.as_bytes());
    let text: String = plain.iter().map(|byte| char::from(*byte)).collect();
    text.strip_suffix('/').unwrap_or(&text).to_owned()
}

/// The same path with everything percent-encoded that is not plain.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '/' | '-' | '.' | '_' | '~' => text.push(c),
            c if c.is_ascii_alphanumeric() => text.push(c),
            c => text.push_str(&format!("%{:02X}", u32::from(c))),
        }
    }
    text
}
