//! Entries of one domain that lead to one stage of one API and limit it differently.
//!
//! An entry for `/admin` that allows GET alone, beside one for the whole domain, limits what bytes say: `/%61dmin`,
//! `//admin` and `/admin;a` are other paths to us, and the same to an API that decodes, merges or strips. Such a path is
//! refused where its plain spelling would have met the stricter entry.

use std::borrow::Cow;
use std::collections::HashMap;

use super::overrides::RateLimit;
use super::rewrite::rest_after;
use super::route::Route;
use super::verbs::VerbSet;

/// The places of all routes beside which a stricter one leads to the same stage, in order. `routes` are in the order of
/// their hosts.
pub(super) fn places_of_wider(routes: &[Route]) -> Vec<u32> {
    let mut wider = Vec::new();
    for (start, group) in groups(routes) {
        let mut places: Vec<usize> = (0..group.len()).collect();
        places.sort_by(|a, b| stage(&group[*a]).cmp(&stage(&group[*b])));
        for same in places.chunk_by(|a, b| stage(&group[*a]) == stage(&group[*b])) {
            let least = same.iter().map(|place| Limits::of(&group[*place])).reduce(Limits::and);
            let is_wider =
                |place: &&usize| least.is_some_and(|least| least.are_stricter_than(Limits::of(&group[**place])));
            wider.extend(same.iter().filter(is_wider).map(|place| (start + place) as u32));
        }
    }
    wider.sort_unstable();
    wider
}

/// Reports whether one of these routes is stricter than another one that leads to the same stage. `routes` are in the
/// order of their hosts.
pub fn has_stricter_entry(routes: &[Route]) -> bool {
    !places_of_wider(routes).is_empty()
}

/// For each entry that is stricter than the one whose base path is the next above its own, where both lead to the same
/// stage, the two of them.
pub(super) fn stricter_below_wider(routes: &[Route]) -> Vec<(&Route, &Route)> {
    let mut pairs = Vec::new();
    // Nearly every domain has one entry.
    for (_, group) in groups(routes).filter(|(_, group)| group.len() > 1) {
        let by_base: HashMap<&str, &Route> = group.iter().map(|route| (route.base(), route)).collect();
        for route in group {
            let above = route.base().rmatch_indices('/').map(|(slash, _)| &route.base()[..slash]);
            let is_wider = |other: &&&Route| stage(other) == stage(route) && is_stricter(route, other);
            let wider = above.filter_map(|base| by_base.get(base)).find(is_wider);
            pairs.extend(wider.map(|other| (route, *other)));
        }
    }
    pairs
}

/// The stricter entry of a group that the plain spelling of a path would have met in place of `found`, which is one of
/// them. The longest base path comes first.
pub(super) fn stricter_by_plain_path(group: &[Route], found: &Route, path: &[u8]) -> Option<usize> {
    let plain = plain_spelling(path);
    let met = group.iter().position(|route| rest_after(&plain_spelling(route.base_ref()), &plain).is_some())?;
    let route = &group[met];
    (stage(route) == stage(found) && is_stricter(route, found)).then_some(met)
}

/// A path as a server may read it that decodes, takes a backslash for a slash, cuts each segment off at what ends one, and
/// drops empty segments.
pub fn plain_spelling(path: &[u8]) -> Cow<'_, [u8]> {
    // Nearly every path is plain, and copied for nothing.
    let is_odd = |byte: &u8| matches!(byte, b'%' | b';' | b'\\' | b'?' | b'#' | 0);
    if !path.iter().any(is_odd) && !path.windows(2).any(|two| two == b"//") {
        return Cow::Borrowed(path);
    }
    let mut plain = Vec::with_capacity(path.len());
    let (mut at, mut cut) = (0, false);
    while at < path.len() {
        let (byte, length) = first_byte(&path[at..]);
        at += length;
        match byte {
            b'/' | b'\\' => {
                cut = false;
                if plain.last() != Some(&b'/') {
                    plain.push(b'/');
                }
            }
            b';' | b'?' | b'#' | 0 => cut = true,
            byte if !cut => plain.push(byte),
            _ => {}
        }
    }
    Cow::Owned(plain)
}

/// The first byte of a path, percent-decoded, and how much of the path it takes.
fn first_byte(path: &[u8]) -> (u8, usize) {
    let hex = |at: usize| path.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    match (path[0], hex(1), hex(2)) {
        (b'%', Some(high), Some(low)) => ((high * 16 + low) as u8, 3),
        (byte, ..) => (byte, 1),
    }
}

/// The domains whose entries differ in what they allow, and where the entries of each begin.
fn groups(routes: &[Route]) -> impl Iterator<Item = (usize, &[Route])> {
    let mut start = 0;
    let groups = routes.chunk_by(|a, b| a.host_ref() == b.host_ref()).map(move |group| {
        start += group.len();
        (start - group.len(), group)
    });
    groups.filter(|(_, group)| group.len() > 1 && group.iter().any(|route| Limits::of(route) != Limits::of(&group[0])))
}

/// What an entry leads to, whatever its base path there.
fn stage(route: &Route) -> (&str, &str, &str) {
    let stage = route.prefix()[1..].split('/').next().unwrap_or_default();
    (route.api_id(), route.region(), stage)
}

/// What an entry allows.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Limits {
    verbs: VerbSet,
    /// Requests a minute.
    rate: u64,
}

impl Limits {
    fn of(route: &Route) -> Limits {
        let rate = route.overrides().and_then(|overrides| overrides.rate);
        let a_minute = |rate: RateLimit| u64::from(rate.requests) * 60 / rate.per.as_secs().max(1);
        Limits { verbs: route.choices.verbs, rate: rate.map_or(u64::MAX, a_minute) }
    }

    /// What both allow.
    fn and(self, other: Limits) -> Limits {
        Limits { verbs: self.verbs.and(other.verbs), rate: self.rate.min(other.rate) }
    }

    /// Reports whether these leave out a verb that the others allow, or allow fewer requests.
    fn are_stricter_than(self, others: Limits) -> bool {
        !self.verbs.covers(others.verbs) || self.rate < others.rate
    }
}

fn is_stricter(route: &Route, than: &Route) -> bool {
    Limits::of(route).are_stricter_than(Limits::of(than))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::api::PrivateApi;
    use super::super::base_path::BasePath;
    use super::super::host::Host;
    use super::super::overrides::Overrides;
    use super::super::route::{Choices, Drafts};
    use super::super::table::MappingTable;
    use super::*;

    /// `host/base api/prefix verbs rate`, where the last two may be `-`.
    fn table(entries: &[&str]) -> MappingTable {
        let mut drafts = Drafts::default();
        for (at, entry) in entries.iter().enumerate() {
            let [domain, api, verbs, rate] = entry.split(' ').collect::<Vec<_>>()[..] else { panic!("{entry}") };
            let (host, base) = domain.split_at(domain.find('/').unwrap_or(domain.len()));
            let (id, prefix) = api.split_at(api.find('/').expect("a stage"));
            let api = format!("https://{id}.execute-api.eu-west-1.amazonaws.com{prefix}");
            let verbs = match verbs {
                "-" => VerbSet::ALL,
                verbs => verbs.split(',').try_fold(VerbSet::NONE, VerbSet::with).expect("verbs"),
            };
            let rate = rate.parse().ok().map(|requests| RateLimit { requests, per: Duration::from_secs(1) });
            drafts.push_with(
                &Host::parse(host).expect("a host"),
                &BasePath::parse(base).expect("a base path"),
                &PrivateApi::parse(&api).expect("an api"),
                (Choices { verbs, ..Choices::default() }, Overrides { rate, ..Overrides::default() }),
                at as u32 + 1,
            );
        }
        MappingTable::new(drafts.finish())
    }

    /// The lines of the entries beside which a stricter one stands.
    fn wider(entries: &[&str]) -> Vec<u32> {
        let table = table(entries);
        let is_wider = |(_, route): &(u32, &Route)| {
            let group = table.routes_named(route.host_ref());
            let places = places_of_wider(group);
            places.iter().any(|place| std::ptr::eq(&group[*place as usize], *route))
        };
        let mut lines: Vec<_> = table.in_any_order().filter(is_wider).map(|(_, route)| route.line).collect();
        lines.sort_unstable();
        lines
    }

    /// As lines, what `check` warns of.
    fn warned(entries: &[&str]) -> Vec<(u32, u32)> {
        let table = table(entries);
        table.stricter_below_wider().into_iter().map(|(strict, wide)| (strict.line, wide.line)).collect()
    }

    #[test]
    fn only_a_stricter_entry_for_the_same_stage_counts() {
        for (entries, want, pairs) in [
            (vec!["a.example.com one/p - -", "a.example.com/admin one/p/admin GET -"], vec![1], vec![(2, 1)]),
            (vec!["a.example.com one/p - -", "a.example.com/admin one/p/admin - 5"], vec![1], vec![(2, 1)]),
            (vec!["a.example.com one/p GET 9", "a.example.com/admin one/p GET 5"], vec![1], vec![(2, 1)]),
            (vec!["a.example.com one/p GET,PUT -", "a.example.com/v1 one/p PUT,POST -"], vec![1, 2], vec![(2, 1)]),
            // The longer base path allows more.
            (vec!["a.example.com one/p GET -", "a.example.com/in one/p/in - -"], vec![2], vec![]),
            (vec!["a.example.com one/p - -", "a.example.com/admin one/q/admin GET -"], vec![], vec![]),
            (vec!["a.example.com one/p - -", "a.example.com/admin two/p/admin GET -"], vec![], vec![]),
            (vec!["a.example.com one/p - -", "b.example.com/admin one/p/admin GET -"], vec![], vec![]),
            (vec!["a.example.com one/p GET 5", "a.example.com/admin one/p/admin GET 5"], vec![], vec![]),
            (
                vec!["a.example.com one/p - -", "a.example.com/a two/p - -", "a.example.com/a/b one/p/a/b GET -"],
                vec![1],
                vec![(3, 1)],
            ),
        ] {
            assert_eq!((wider(&entries), warned(&entries)), (want, pairs), "{entries:?}");
        }
    }

    #[test]
    fn other_spellings_have_a_plain_one() {
        for (path, want) in [
            ("/%61dmin/x", "/admin/x"),
            ("//admin///x", "/admin/x"),
            ("/admin;a=b/x", "/admin/x"),
            ("/admin%3Bx", "/admin"),
            ("/;x/admin", "/admin"),
            ("/admin%2fx", "/admin/x"),
            ("/%5cadmin%00/x", "/admin/x"),
            ("/admin%3fx%23/", "/admin/"),
        ] {
            assert_eq!(String::from_utf8_lossy(&plain_spelling(path.as_bytes())), want, "{path}");
        }
        for path in ["/", "/admin/x", "/a%zz", "/a.b~c"] {
            assert_eq!(plain_spelling(path.as_bytes()), path.as_bytes(), "{path}");
        }
    }

    #[track_caller]
    fn met(entries: &[&str], path: &str, want: Option<u32>) {
        let table = table(entries);
        let found = table.lookup("a.example.com", path.as_bytes()).expect("an entry");
        let stricter = table.stricter_entry(&found, "a.example.com", path.as_bytes());
        assert_eq!(stricter.map(|place| table.route(place).line), want, "{path}");
    }

    #[test]
    fn a_stricter_entry_is_met_by_every_spelling() {
        let entries = [
            "a.example.com one/p - -",
            "a.example.com/admin one/p/admin GET -",
            "a.example.com/admin/open one/p/admin/open - -",
            "a.example.com/other two/p GET -",
            "a.example.com/a%2Db one/p/a-b GET -",
        ];
        for path in ["/%61dmin/x", "//admin", "/admin;a/x", "/admin%2Fx", "/;/%61%64%6D%69%6E"] {
            met(&entries, path, Some(2));
        }
        // An entry's own base path may be the one that is not plain.
        for (path, want) in [("/a%2db/x", Some(5)), ("/a-b/x", Some(5)), ("/a%2Db/x", None)] {
            met(&entries, path, want);
        }
        for path in ["/", "/x", "/admin/x", "/admin", "/administrator", "//x", "/%61/b", "//admin/open/x", "/%6Fther/x"]
        {
            met(&entries, path, None);
        }
    }
}
