//! Classes against every request over a small alphabet.

use std::time::Duration;

use super::near::NO_LIMITS;
use super::*;
use crate::domain::api::PrivateApi;
use crate::domain::base_path::BasePath;
use crate::domain::decide::{RequestView, decide};
use crate::domain::host::{Host, HostBuffer};
use crate::domain::overrides::{Overrides, RateLimit};
use crate::domain::refusal::Refusal;
use crate::domain::rewrite::rest_after;
use crate::domain::route::{Choices, Drafts};
use crate::domain::verbs::VerbSet;

/// How many pairs of tables are drawn.
const PAIRS: u64 = 10_000;

const DOMAINS: [&str; 13] =
    ["a", "b", "a.a", "b.a", "*.a", "*.b", "a.b", "a.a.b", "b.a.b", "*.a.b", "*.b.b", "b.b.b", "a.b.a"];
const BASES: [&str; 8] = ["", "/x", "/y", "/x/x", "/x/y", "/y/x", "/%78", "/x;y"];
const VERBS: [&str; 4] = ["GET", "POST", "PUT", OTHER_VERB];
const PATHS: [&str; 9] = ["/", "/x", "/z", "/x/y", "/x/z", "/y/x", "//x", "/x//y", "/%78"];

/// Numbers that are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        // Marsaglia's xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

#[derive(Clone)]
struct Entry {
    domain: &'static str,
    base: &'static str,
    api: &'static str,
    verbs: VerbSet,
    rate: Option<u32>,
}

fn entry(draw: &mut Draw) -> Entry {
    let verbs = match draw.below(3) {
        0 => VerbSet::ALL,
        _ => ["GET", "POST", "PUT"].into_iter().fold(VerbSet::NONE.with("GET").expect("a verb"), |set, verb| {
            if draw.below(2) == 0 { set } else { set.with(verb).expect("a verb") }
        }),
    };
    let api = ["one/p", "one/p/x", "one/q", "two/p"][draw.below(4)];
    let rate = (draw.below(8) == 0).then_some(5);
    Entry { domain: draw.of(&DOMAINS), base: draw.of(&BASES), api, verbs, rate }
}

fn table(entries: &[Entry]) -> MappingTable {
    let mut drafts = Drafts::default();
    for (at, entry) in entries.iter().enumerate() {
        if entries[..at].iter().any(|other| (other.domain, other.base) == (entry.domain, entry.base)) {
            continue;
        }
        let (id, prefix) = entry.api.split_once('/').expect("a stage");
        let api = PrivateApi::parse(&format!("https://{id}.execute-api.eu-west-1.amazonaws.com/{prefix}"));
        let rate = entry.rate.map(|requests| RateLimit { requests, per: Duration::from_secs(1) });
        drafts.push_with(
            &Host::parse(entry.domain).expect("a host"),
            &BasePath::parse(entry.base).expect("a base path"),
            &api.expect("an api"),
            (Choices { verbs: entry.verbs, ..Choices::default() }, Overrides { rate, ..Overrides::default() }),
            at as u32 + 1,
        );
    }
    MappingTable::new(drafts.finish())
}

/// An old table, and a new one that keeps some of its entries, changes some and leaves some out.
fn pair(draw: &mut Draw) -> (MappingTable, MappingTable) {
    let old: Vec<Entry> = (0..draw.below(5)).map(|_| entry(draw)).collect();
    let mut new = Vec::new();
    for kept in &old {
        match draw.below(5) {
            0 => {}
            1 => new.push(Entry { domain: kept.domain, base: kept.base, ..entry(draw) }),
            _ => new.push(kept.clone()),
        }
    }
    new.extend((0..draw.below(2)).map(|_| entry(draw)));
    (table(&old), table(&new))
}

/// What a whole table does with a request.
fn outcome<'t>(table: &'t MappingTable, method: &str, host: &str, target: &str) -> Outcome<'t> {
    let request = RequestView {
        method,
        target: target.as_bytes(),
        host: Some(host.as_bytes()),
        host_optional: false,
        header_bytes: 0,
        content_length: None,
    };
    match decide(table, &NO_LIMITS, request, [], &mut HostBuffer::default()) {
        Ok(found) => {
            let target = String::from_utf8(found.target).expect("UTF-8");
            Outcome::Forwarded(Forwarded { route: found.route, target })
        }
        Err(refused) => Outcome::Refused(refused.refusal),
    }
}

/// Every name of at most three labels that are `a` or `b`, and those whose first label no domain has.
fn hosts() -> Vec<String> {
    let mut parents: Vec<String> = vec![String::new()];
    for level in 0..2 {
        let last: Vec<String> = parents.iter().filter(|parent| parent.matches('.').count() == level).cloned().collect();
        parents.extend(last.iter().flat_map(|parent| ["a", "b"].map(|label| format!(".{label}{parent}"))));
    }
    parents.iter().flat_map(|parent| ["a", "b", "c"].map(|label| format!("{label}{parent}"))).collect()
}

/// The base path that the request is below, of both tables.
fn longest<'t>(tables: [&'t MappingTable; 2], host: &str, path: &str) -> Option<&'t str> {
    let routes = tables.into_iter().flat_map(|table| table.routes_of(host));
    let below = routes.filter(|route| rest_after(route.base_ref(), path.as_bytes()).is_some());
    below.map(|route| route.base()).max_by_key(|base| base.len())
}

/// Reports whether a class says this of a request, by what the class is called.
fn says(class: &Changed<'_>, tables: [&MappingTable; 2], request: (&str, &str, &str), kind: Kind) -> bool {
    let (method, host, path) = request;
    let is_named = |table: &MappingTable| table.routes_of(host).first().is_some_and(|route| !route.is_wildcard());
    let is_host = match class.host.pattern.strip_prefix("*.") {
        None if class.host.pattern == "*" => tables.iter().all(|table| table.routes_of(host).is_empty()),
        None => class.host.pattern == host,
        Some(parent) => {
            host.split_once('.').is_some_and(|(_, above)| above == parent)
                && !tables.iter().any(|table| is_named(table))
        }
    };
    let base = longest(tables, host, path);
    is_host && class.verbs.contains(method) && class.kind == kind && class.path.base() == base
}

fn short<'o>(outcome: &'o Outcome<'_>) -> Result<(&'o str, &'o str), Refusal> {
    match outcome {
        Outcome::Forwarded(to) => Ok((to.route.api_id(), to.stage())),
        Outcome::Refused(refusal) => Err(*refusal),
    }
}

#[track_caller]
fn check_pair(old: &MappingTable, new: &MappingTable, hosts: &[String]) -> usize {
    let found = changes(old, new);
    for class in &found {
        let Witness { method, host, target } = &class.witness;
        let (before, after) = (outcome(old, method, host, target), outcome(new, method, host, target));
        assert!(before != after, "{class:?}");
        assert_eq!((&before, &after, Kind::of(&before, &after)), (&class.old, &class.new, class.kind), "{class:?}");
        assert!(says(class, [old, new], (method, host, target), class.kind), "{class:?} is not a request of its own");
    }
    for host in hosts {
        let is_mapped = [old, new].iter().any(|table| !table.routes_of(host).is_empty());
        // Paths and verbs make no difference on a host that neither table knows.
        let (paths, verbs) = if is_mapped { (&PATHS[..], &VERBS[..]) } else { (&PATHS[..1], &VERBS[..1]) };
        for (path, method) in paths.iter().flat_map(|path| verbs.iter().map(move |verb| (*path, *verb))) {
            let (before, after) = (outcome(old, method, host, path), outcome(new, method, host, path));
            if before == after {
                continue;
            }
            let request = (method, host.as_str(), path);
            let kind = Kind::of(&before, &after);
            let is_told = |class: &&Changed<'_>| {
                says(class, [old, new], request, kind)
                    && (short(&class.old), short(&class.new)) == (short(&before), short(&after))
            };
            assert!(found.iter().any(|class| is_told(&class)), "{request:?} {kind:?} is in none of {found:#?}");
        }
    }
    found.len()
}

#[test]
fn every_request_that_changes_is_in_a_class_and_every_class_has_one() {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let hosts = hosts();
    let mut found = 0;
    for _ in 0..PAIRS {
        let (old, new) = pair(&mut draw);
        found += check_pair(&old, &new, &hosts);
    }
    assert!(found > 2 * PAIRS as usize, "{found} classes are too few to prove anything");
}

#[test]
fn a_table_against_itself_has_no_change_and_each_of_its_classes_is_as_it_says() {
    let mut draw = Draw(7);
    for _ in 0..300 {
        let (one, _) = pair(&mut draw);
        assert!(changes(&one, &one).is_empty());
        for class in classes(&one) {
            let Witness { method, host, target } = &class.witness;
            assert_eq!(outcome(&one, method, host, target), class.outcome, "{class:?}");
        }
    }
}

#[test]
fn the_entries_that_are_picked_for_a_path_decide_as_the_whole_table_does() {
    let mut draw = Draw(11);
    let spelled = ["//x/z", "/x;y/z", "/x%2Fy", "/%78/%79", "/x;y", "/%78;a//y", "/x%2f", "//", "/x/%"];
    for _ in 0..500 {
        let (one, _) = pair(&mut draw);
        for host in hosts() {
            let picking = OnHost::picking(&one, &host, 0);
            for (path, method) in PATHS.iter().chain(&spelled).flat_map(|path| VERBS.map(|verb| (*path, verb))) {
                let picked = picking.on_path(path).outcome(method, path);
                assert_eq!(picked, outcome(&one, method, &host, path), "{method} {host} {path} {one:?}");
            }
        }
    }
}

/// What a pair of mappings changes, as text: kind, host, path, verbs, witness.
fn told(
    old: &[(&'static str, &'static str, &'static str, &[&str])],
    new: &[(&'static str, &'static str, &'static str, &[&str])],
) -> Vec<String> {
    let of = |entries: &[(&'static str, &'static str, &'static str, &[&str])]| {
        let entries: Vec<Entry> = entries
            .iter()
            .map(|(domain, base, api, verbs)| {
                let set = verbs.iter().try_fold(VerbSet::NONE, |set, verb| set.with(verb)).expect("verbs");
                Entry { domain, base, api, verbs: if verbs.is_empty() { VerbSet::ALL } else { set }, rate: None }
            })
            .collect();
        table(&entries)
    };
    let (old, new) = (of(old), of(new));
    let line = |class: Changed<'_>| {
        let Changed { kind, host, verbs, witness, .. } = class;
        format!("{} {} {verbs}: {} {}", kind.name(), host.pattern, witness.method, witness.url())
    };
    changes(&old, &new).into_iter().map(line).collect()
}

#[test]
fn an_exact_name_over_a_wildcard_takes_its_requests() {
    let old = [("*.example.com", "", "one/p", &[][..])];
    let new = [("*.example.com", "", "one/p", &[][..]), ("example.example.com", "/v1", "two/p", &["GET"][..])];
    let want = [
        "api example.example.com GET: GET https://example.example.com/v1/example",
        "path_gone example.example.com every verb: GET https://example.example.com/example",
        "verb_gone example.example.com DELETE, HEAD, OPTIONS, PATCH, POST, PUT, other verbs: POST \
         https://example.example.com/v1/example",
    ];
    assert_eq!(told(&old, &new), want);
}

#[test]
fn the_example_of_a_wildcard_is_no_name_of_its_own() {
    let old = [("*.example.com", "", "one/p", &[][..]), ("example.example.com", "", "one/p", &[][..])];
    let new = [("*.example.com", "", "one/q", &[][..]), ("example.example.com", "", "one/p", &[][..])];
    assert_eq!(told(&old, &new), ["stage *.example.com every verb: GET https://example2.example.com/example"]);
}

#[test]
fn a_stricter_entry_takes_spellings_from_the_one_above() {
    let old = [("a.example.com", "", "one/p", &[][..])];
    let new = [("a.example.com", "", "one/p", &[][..]), ("a.example.com", "/admin", "one/p/admin", &["GET"][..])];
    let want = [
        "verb_gone a.example.com DELETE, HEAD, OPTIONS, PATCH, POST, PUT, other verbs: POST \
         https://a.example.com/admin/example",
        "spelling_gone a.example.com every verb: GET https://a.example.com//admin",
        "entry a.example.com GET: GET https://a.example.com/admin/example",
    ];
    assert_eq!(told(&old, &new), want);
}

#[test]
fn the_first_mapping_makes_an_unknown_host_of_one_without_any() {
    let new = [("a.example.com", "", "one/p", &["GET"][..])];
    let want = [
        "domain_added a.example.com GET: GET https://a.example.com/example",
        "refusal * every verb: GET https://example.example.invalid/example",
        "refusal a.example.com DELETE, HEAD, OPTIONS, PATCH, POST, PUT, other verbs: POST https://a.example.com/example",
    ];
    assert_eq!(told(&[], &new), want);
}

/// Each request goes through the base paths of its host: asking about every one of them took minutes.
#[test]
fn one_change_among_many_base_paths_costs_no_more_than_itself() {
    let api = |stage: &str| {
        PrivateApi::parse(&format!("https://abc.execute-api.eu-west-1.amazonaws.com/{stage}")).expect("an api")
    };
    let host = Host::parse("a.example.com").expect("a host");
    let table = |stage: &str| {
        let mut drafts = Drafts::default();
        for at in 0..5_000 {
            let base = BasePath::parse(&format!("/p{at}")).expect("a base path");
            drafts.push(&host, &base, &api(if at == 7 { stage } else { "p" }), Choices::default(), at);
        }
        MappingTable::new(drafts.finish())
    };
    let (old, new) = (table("p"), table("q"));
    assert_eq!(paths::differing(&old, &new, "a.example.com").len(), 2, "the path, and those below none");
    let found = changes(&old, &new);
    assert_eq!(found.iter().map(|class| class.witness.url()).collect::<Vec<_>>(), ["https://a.example.com/p7/example"]);
}

/// All base paths of a host change: each of them was held against all others.
#[test]
fn a_change_of_all_base_paths_of_a_host_looks_at_few_entries_for_each() {
    let api = |stage: &str| {
        PrivateApi::parse(&format!("https://abc.execute-api.eu-west-1.amazonaws.com/{stage}")).expect("an api")
    };
    let host = Host::parse("a.example.com").expect("a host");
    let table = |stage: &str| {
        let mut drafts = Drafts::default();
        for at in 0..2_000 {
            let base = BasePath::parse(&format!("/p/{at}")).expect("a base path");
            drafts.push(&host, &base, &api(stage), Choices::default(), at);
        }
        MappingTable::new(drafts.finish())
    };
    let (old, new) = (table("p"), table("q"));
    assert_eq!(changes(&old, &new).len(), 2_000);
    let on_host = OnHost::new(&old, "a.example.com");
    let picked = |path: &str| on_host.on_path(path).few.map(|few| few.len());
    assert_eq!(picked("/p/7/example"), Some(1));
    assert_eq!(picked("/q"), Some(1), "the host stays known");
}

/// The entries that were picked fill more than one shard of a table: their places there are not counted one by one.
#[test]
fn a_path_below_a_hundred_base_paths_leads_where_the_whole_table_leads_it() {
    let host = Host::parse("a.example.com").expect("a host");
    let mut drafts = Drafts::default();
    for depth in 1..=100 {
        let base = BasePath::parse(&"/p".repeat(depth)).expect("a base path");
        let api = format!("https://abc.execute-api.eu-west-1.amazonaws.com/s{depth}");
        drafts.push(&host, &base, &PrivateApi::parse(&api).expect("an api"), Choices::default(), depth as u32);
    }
    let table = MappingTable::new(drafts.finish());
    let on_host = OnHost::new(&table, "a.example.com");
    for depth in [1, 64, 65, 99, 100] {
        let target = format!("{}/x", "/p".repeat(depth));
        let picked = on_host.on_path(&target).outcome("GET", &target);
        assert_eq!(picked, outcome(&table, "GET", "a.example.com", &target), "{depth}");
        assert!(matches!(picked, Outcome::Forwarded(to) if to.target == format!("/s{depth}/x")), "{depth}");
    }
}

#[test]
fn where_every_name_below_a_wildcard_is_mapped_the_wildcard_has_no_requests() {
    let parent = format!("{0}.{0}.{0}.{1}.com", "p".repeat(61), "q".repeat(61));
    assert_eq!(parent.len(), 251);
    let api = PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/p").expect("an api");
    let names = "abcdefghijklmnopqrstuvwxyz0123456789*".chars().map(|c| format!("{c}.{parent}"));
    let mut drafts = Drafts::default();
    for (at, name) in names.enumerate() {
        drafts.push(&Host::parse(&name).expect("a host"), &BasePath::default(), &api, Choices::default(), at as u32);
    }
    let table = MappingTable::new(drafts.finish());
    let nothing = MappingTable::default();
    let found = changes(&nothing, &table);
    let wild: Vec<_> = found.iter().filter(|class| class.host.pattern.starts_with("*.")).collect();
    // Requests may have labels that a mapping may not.
    assert!(wild.iter().all(|class| class.witness.host.starts_with("-.")), "{wild:?}");
}
