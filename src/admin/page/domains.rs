//! The domains that most requests go to.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use maud::{Markup, html};

use super::figures::{count, name, percent};
use super::search::link_to;
use super::view::View;
use crate::live::snapshot::Snapshot;

/// How many are shown.
const MOST: usize = 20;

/// Domains by their requests, the most first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Top<'s> {
    pub(super) domains: Vec<(&'s str, u64)>,
    /// Requests of all domains.
    pub(super) all: u64,
}

impl Top<'_> {
    /// In one pass, and with room for no more than are shown: a mapping may have 100,000 domains.
    pub(super) fn of(snapshot: &Snapshot) -> Top<'_> {
        let mut all = 0;
        let mut most: BinaryHeap<Reverse<(u64, Reverse<&str>)>> = BinaryHeap::with_capacity(MOST + 1);
        let table = &snapshot.table;
        for places in (0..table.shards()).flat_map(|shard| table.groups_in(shard)) {
            let domain = table.route(places.start).host();
            let requests: u64 = places.map(|at| snapshot.entry(at).requests()).sum();
            all += requests;
            let least = most.peek().filter(|_| most.len() == MOST);
            if requests > 0 && least.is_none_or(|Reverse(least)| (requests, Reverse(domain)) > *least) {
                most.push(Reverse((requests, Reverse(domain))));
                if most.len() > MOST {
                    most.pop();
                }
            }
        }
        let sorted = most.into_sorted_vec().into_iter();
        Top { domains: sorted.map(|Reverse((requests, Reverse(domain)))| (domain, requests)).collect(), all }
    }
}

pub(super) fn section(view: &View<'_>) -> Markup {
    let Top { domains, all } = Top::of(&view.snapshot);
    html! {
        section #domains .wide aria-labelledby="domains-title" data-live {
            h2 #domains-title { "Top domains" }
            @if domains.is_empty() {
                p.empty { "No request has reached an API yet." }
            } @else {
                div.scroll #domains-scroll role="group" tabindex="0" aria-label="Domains by requests" {
                    table {
                        caption { span { "Of " (count(all)) " requests since each entry in force is what it is." } }
                        thead { tr {
                            th scope="col" { "Domain" }
                            th.number scope="col" { "Requests" }
                            th.number scope="col" { "Share" }
                        } }
                        tbody {
                            @for (at, (domain, requests)) in domains.iter().enumerate() {
                                @let share = *requests as f64 / all as f64;
                                tr {
                                    th.name scope="row" { a id=(format!("top-{at}")) href=(link_to(domain)) { (name(domain)) } }
                                    td.number { (count(*requests)) }
                                    td.number { (percent(share)) (bar(share)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The number before it says the same.
fn bar(share: f64) -> Markup {
    html! {
        svg.bar aria-hidden="true" focusable="false" viewBox="0 0 100 6" preserveAspectRatio="none" {
            rect.rail width="100" height="6" {}
            rect.fill width=(format!("{:.1}", share * 100.0)) height="6" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::mapping::load::{compile_bytes, version_of};

    fn snapshot(domains: usize) -> Snapshot {
        let entry = |domain: usize, base: &str| {
            format!(
                "- CUSTOM_DOMAIN_URL: d{domain}.example.com{base}\n  PRIVATE_API_URL: \
                 https://abc.execute-api.eu-west-1.amazonaws.com/p\n"
            )
        };
        let entries: String = (0..domains).map(|domain| entry(domain, "") + &entry(domain, "/v1")).collect();
        let text = format!("APIS:\n{entries}");
        let table = compile_bytes(text.as_bytes(), "m", None).expect("a mapping");
        Snapshot::default().next(table, version_of(text.as_bytes()), &|_| Some(0)).0
    }

    fn ask(snapshot: &Snapshot, domain: &str, path: &str, times: usize) {
        let index = snapshot.table.lookup(domain, path.as_bytes()).expect("mapped").index;
        (0..times).for_each(|_| snapshot.count_request(index));
    }

    #[test]
    fn the_entries_of_a_domain_count_together() {
        let snapshot = snapshot(4);
        assert_eq!(Top::of(&snapshot), Top { domains: vec![], all: 0 });
        ask(&snapshot, "d1.example.com", "/", 2);
        ask(&snapshot, "d1.example.com", "/v1", 3);
        ask(&snapshot, "d3.example.com", "/v1", 4);
        let domains = vec![("d1.example.com", 5), ("d3.example.com", 4)];
        assert_eq!(Top::of(&snapshot), Top { domains, all: 9 });
    }

    #[test]
    fn only_the_most_are_kept() {
        let snapshot = snapshot(50);
        for domain in 0..50 {
            ask(&snapshot, &format!("d{domain}.example.com"), "/", domain);
        }
        let top = Top::of(&snapshot);
        let requests: Vec<_> = top.domains.iter().map(|(_, requests)| *requests).collect();
        assert_eq!(requests, (30..50).rev().collect::<Vec<_>>());
        assert_eq!((top.domains[0], top.all), (("d49.example.com", 49), (0..50).sum()));
    }
}
