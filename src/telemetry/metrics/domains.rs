//! Answers by domain, method and status: the one metric whose labels nobody knows beforehand.
//!
//! **Invariant:** recording takes no lock, hashes nothing, and allocates only for a domain's first
//! answers of a kind. The number of series is bounded by the labels there can be: domains beyond the limit share one name,
//! methods and statuses that nobody has registered do too, and what a domain counted goes with it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, MetricType};

use super::scraped::label;
use crate::telemetry::process::{family, metric};
use crate::telemetry::traffic::Totals;
use nameplate_core::domain::verbs::VERBS;

/// Kinds of answers that are side by side: most domains have no more.
const CELLS: usize = 6;

/// The domain of requests that no entry answers. No domain is spelled like this, or like [`OTHER`]: they
/// have dots.
const UNMAPPED: &str = "unmapped";

/// The name that domains beyond the limit share.
const OTHER: &str = "other";

/// What is counted of one domain. Clones of its [`Arc`] count together.
pub struct Domain {
    name: Box<str>,
    cells: Cells,
}

impl std::fmt::Debug for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Domain({})", self.name)
    }
}

/// Counts by kind, in the order in which the kinds first came.
#[derive(Default)]
struct Cells {
    cells: [Cell; CELLS],
    more: OnceLock<Box<Cells>>,
}

#[derive(Default)]
struct Cell {
    /// 0 while it is free.
    kind: AtomicU32,
    count: AtomicU64,
}

/// A method and a status as one number that is never 0. A status that is not registered is its class alone: an API may
/// answer with any, and must not make series at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind(u32);

/// Reports whether a status has a series of its own: those of IANA's registry (HTTP Status Code Registry, as of 2026), which
/// are all that API Gateway answers with by itself, and 499, with which requests count whose client went away.
const fn is_registered(status: u16) -> bool {
    matches!(
        status,
        100..=104 | 200..=208 | 226 | 300..=308 | 400..=418 | 421..=426 | 428 | 429 | 431 | 451 | 499 | 500..=508 | 510 | 511
    )
}

impl Kind {
    /// Of a verb by its place in [`VERBS`]; behind the last are all others.
    fn new(verb: usize, status: u16) -> Kind {
        let code = match status {
            100..600 if is_registered(status) => status,
            100..600 => status / 100,
            _ => 0,
        };
        Kind((verb as u32 + 1) << 16 | u32::from(code))
    }

    fn method(self) -> &'static str {
        VERBS.get((self.0 >> 16) as usize - 1).copied().unwrap_or("other")
    }

    fn code(self) -> String {
        match self.0 & 0xffff {
            0 => "other".into(),
            class @ 1..10 => format!("{class}xx"),
            code => code.to_string(),
        }
    }

    /// The first digit of the status, or 0.
    fn class(self) -> usize {
        let code = (self.0 & 0xffff) as usize;
        if code < 10 { code } else { code / 100 }
    }
}

impl Cells {
    fn count(&self, kind: Kind) {
        let mut cells = self;
        loop {
            for cell in &cells.cells {
                if cell.is(kind) {
                    cell.count.fetch_add(1, Relaxed);
                    return;
                }
            }
            cells = cells.more.get_or_init(Box::default);
        }
    }

    fn each(&self, see: &mut dyn FnMut(Kind, u64)) {
        let mut next = Some(self);
        while let Some(cells) = next {
            for cell in &cells.cells {
                let kind = cell.kind.load(Relaxed);
                if kind != 0 {
                    see(Kind(kind), cell.count.load(Relaxed));
                }
            }
            next = cells.more.get().map(Box::as_ref);
        }
    }
}

impl Cell {
    /// Whether it counts this kind; a free one does from now on.
    fn is(&self, kind: Kind) -> bool {
        match self.kind.load(Relaxed) {
            0 => self.kind.compare_exchange(0, kind.0, Relaxed, Relaxed).map_or_else(|now| now == kind.0, |_| true),
            taken => taken == kind.0,
        }
    }
}

impl Domain {
    fn new(name: &str) -> Arc<Domain> {
        Arc::new(Domain { name: name.into(), cells: Cells::default() })
    }

    /// An answer, of a verb by its place in [`VERBS`]; behind the last are all others.
    pub(super) fn count(&self, verb: usize, status: u16) {
        self.cells.count(Kind::new(verb, status));
    }

    fn add_to(&self, totals: &mut Totals) {
        self.cells.each(&mut |kind, count| totals.classes[kind.class()] += count);
    }
}

/// The domains that have series of their own, and what the rest counts together.
#[derive(Clone)]
pub(super) struct Domains {
    pub(super) unmapped: Arc<Domain>,
    other: Arc<Domain>,
    listed: Arc<Mutex<Listed>>,
    desc: Desc,
}

#[derive(Default)]
struct Listed {
    domains: Vec<Arc<Domain>>,
    /// What those counted that are listed no more.
    gone: Totals,
}

impl Domains {
    pub(super) fn new(name: &str, help: &str) -> prometheus::Result<Domains> {
        let labels = ["domain", "method", "code"].map(String::from).to_vec();
        Ok(Domains {
            unmapped: Domain::new(UNMAPPED),
            other: Domain::new(OTHER),
            listed: Arc::default(),
            desc: Desc::new(name.into(), help.into(), labels, HashMap::new())?,
        })
    }

    /// What all domains count that are not listed.
    pub(super) fn other(&self) -> Arc<Domain> {
        Arc::clone(&self.other)
    }

    /// These domains have series of their own from now on, and no others. One that had before goes on
    /// with its counts.
    pub(super) fn list<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<Arc<Domain>> {
        let mut listed = self.listed.lock();
        let mut before: HashMap<Box<str>, Arc<Domain>> =
            listed.domains.drain(..).map(|domain| (domain.name.clone(), domain)).collect();
        listed.domains = names.map(|name| before.remove(name).unwrap_or_else(|| Domain::new(name))).collect();
        for domain in before.into_values() {
            domain.add_to(&mut listed.gone);
        }
        listed.domains.clone()
    }

    fn each(&self, see: impl FnMut(&Domain)) {
        self.all(&self.listed.lock()).for_each(see);
    }

    fn all<'d>(&'d self, listed: &'d Listed) -> impl Iterator<Item = &'d Domain> {
        [&self.unmapped, &self.other].into_iter().chain(&listed.domains).map(Arc::as_ref)
    }

    /// Answers since the start, those of domains that are gone included.
    pub(super) fn totals(&self) -> Totals {
        // One look: a domain that goes in between would count neither here nor there.
        let listed = self.listed.lock();
        let mut totals = listed.gone;
        self.all(&listed).for_each(|domain| domain.add_to(&mut totals));
        totals
    }
}

impl Collector for Domains {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let mut series = Vec::new();
        self.each(|domain| domain.cells.each(&mut |kind, count| series.push(one(&domain.name, kind, count))));
        vec![family(&self.desc.fq_name, &self.desc.help, MetricType::COUNTER, series)]
    }
}

fn one(domain: &str, kind: Kind, count: u64) -> proto::Metric {
    let mut series = metric(MetricType::COUNTER, count as f64);
    let labels = [("code", kind.code()), ("domain", domain.into()), ("method", kind.method().into())];
    series.set_label(labels.map(|(name, value)| label(name, value)).to_vec());
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: usize = 1;

    fn domains() -> Domains {
        Domains::new("t_total", "A test.").expect("a valid name")
    }

    fn counts(domains: &Domains) -> Vec<(String, String, String, u64)> {
        let mut counts = Vec::new();
        domains.each(|domain| {
            domain.cells.each(&mut |kind, count| {
                counts.push((domain.name.to_string(), kind.method().to_owned(), kind.code(), count));
            });
        });
        counts
    }

    fn row(domain: &str, method: &str, code: &str, count: u64) -> (String, String, String, u64) {
        (domain.into(), method.into(), code.into(), count)
    }

    #[test]
    fn each_kind_has_a_count_of_its_own() {
        let all = domains();
        let listed = all.list(["a.example.com", "b.example.com"].into_iter());
        for (domain, verb, status) in [(0, GET, 200), (0, GET, 200), (1, GET, 200), (0, GET, 404), (0, 5, 200)] {
            listed[domain].count(verb, status);
        }
        all.unmapped.count(VERBS.len(), 421);
        all.other().count(GET, 1_000);
        let want = [
            row("unmapped", "other", "421", 1),
            row("other", "GET", "other", 1),
            row("a.example.com", "GET", "200", 2),
            row("a.example.com", "GET", "404", 1),
            row("a.example.com", "POST", "200", 1),
            row("b.example.com", "GET", "200", 1),
        ];
        assert_eq!(counts(&all), want);
        assert_eq!(all.totals().classes, [1, 0, 4, 0, 2, 0]);
    }

    #[test]
    fn all_kinds_there_can_be_are_counted_apart() {
        let all = domains();
        for _ in 0..2 {
            for verb in 0..=VERBS.len() {
                for status in 99..=600 {
                    all.unmapped.count(verb, status);
                }
            }
        }
        let counts = counts(&all);
        let registered = (0..=999).filter(|status| is_registered(*status)).count();
        // Five classes, and what is no status.
        assert_eq!(counts.len(), (VERBS.len() + 1) * (registered + 5 + 1));
        let folded = |class: u64| {
            2 * (100 - (100..200).filter(|at| is_registered(at + 100 * (class as u16 - 1))).count() as u64)
        };
        for (_, _, code, count) in &counts {
            let want = match code.strip_suffix("xx").map(|class| class.parse().expect("a class")) {
                Some(class) => folded(class),
                None => {
                    if code == "other" {
                        4
                    } else {
                        2
                    }
                }
            };
            assert_eq!(*count, want, "{code}");
        }
        let of_each_class = 2 * 100 * (VERBS.len() as u64 + 1);
        assert_eq!(all.totals().classes[1..], [of_each_class; 5], "whatever its label, a status counts in its class");
    }

    #[test]
    fn a_status_that_is_not_registered_is_its_class() {
        let code = |status| Kind::new(GET, status).code();
        assert_eq!([code(299), code(420), code(599), code(199), code(399)], ["2xx", "4xx", "5xx", "1xx", "3xx"]);
        assert_eq!([code(200), code(499), code(504), code(99), code(600)], ["200", "499", "504", "other", "other"]);
    }

    #[test]
    fn a_domain_keeps_its_counts_while_it_is_listed_and_they_go_with_it() {
        let all = domains();
        let first = all.list(["a.example.com", "b.example.com"].into_iter());
        first[0].count(GET, 200);
        first[1].count(GET, 500);
        let second = all.list(["c.example.com", "b.example.com"].into_iter());
        assert!(Arc::ptr_eq(&second[1], &first[1]));
        assert_eq!(counts(&all), [row("b.example.com", "GET", "500", 1)]);
        assert_eq!(all.totals().classes, [0, 0, 1, 0, 0, 1], "the sum of all never falls");
        let third = all.list(["a.example.com"].into_iter());
        third[0].count(GET, 200);
        assert_eq!(counts(&all), [row("a.example.com", "GET", "200", 1)], "it begins anew");
        assert_eq!(all.totals().requests(), 3);
    }

    #[test]
    fn threads_that_meet_at_a_new_kind_lose_nothing() {
        let all = domains();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for status in (200..600).filter(|status| is_registered(*status)).cycle().take(4_000) {
                        all.unmapped.count(GET, status);
                    }
                });
            }
        });
        let counts = counts(&all);
        let registered = (200..600).filter(|status| is_registered(*status)).count();
        assert_eq!(counts.len(), registered);
        assert_eq!(counts.iter().map(|(.., count)| count).sum::<u64>(), 4 * 4_000, "{counts:?}");
    }
}
