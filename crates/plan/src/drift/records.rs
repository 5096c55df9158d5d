//! The custom domains in private hosted zones, as the resolver of a VPC sees them.

use std::collections::{BTreeMap, BTreeSet};

use super::kind::{Kind, Severity};
use super::observed::{HostedZone, Look, Observed, Reason};
use super::report::{Lines, Report};
use crate::zones::domains;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;

pub(super) fn check(observed: &Observed, report: &mut Report<'_>) {
    if !report.wants(&[Kind::RecordMissing]) {
        return;
    }
    let zones = match &observed.zones {
        Look::Found(zones) => by_name(zones),
        Look::Gone => BTreeMap::new(),
        Look::Unknown(reason) => {
            let all = report.of_routes("private hosted zones".to_owned(), report.mapping.table.routes().into_iter());
            return report.add_unknown(&[Kind::RecordMissing], all, reason);
        }
    };
    let mut unread: BTreeMap<&str, (&Reason, Vec<&Route>)> = BTreeMap::new();
    for domain in domains(report.mapping.table) {
        let routes = report.mapping.table.routes_named(domain.as_bytes());
        let has = match zone_of(&zones, domain) {
            None => "no private hosted zone answers for it".to_owned(),
            Some((_, Records::Read(names))) if names.has_answer(domain) => continue,
            Some((zone, Records::Read(_))) => format!("the private hosted zone {zone} has no record for it"),
            Some((zone, Records::Unread(reason))) => {
                unread.entry(zone).or_insert_with(|| (reason, Vec::new())).1.extend(routes);
                continue;
            }
        };
        let lines = Lines {
            has,
            wants: "an address record that leads to the load balancer".to_owned(),
            fix: "deploy the plan of this mapping (nameplate plan), or add the record; if another DNS server has it, \
                  --ignore record_missing"
                .to_owned(),
        };
        report.add(Kind::RecordMissing, Severity::Outage, report.of_routes(domain.to_owned(), routes.iter()), lines);
    }
    for (zone, (reason, routes)) in unread {
        let subject = report.of_routes(format!("private hosted zone {zone}"), routes.into_iter());
        report.add_unknown(&[Kind::RecordMissing], subject, reason);
    }
}

/// The zones, of these, that answer for a domain of the mapping: those whose records have to be read.
pub fn zones_to_read<'z>(table: &MappingTable, zones: &BTreeSet<&'z str>) -> BTreeSet<&'z str> {
    let zone_of = |domain: &str| above(domain).find_map(|name| zones.get(name).copied());
    domains(table).filter_map(zone_of).collect()
}

/// A name, and the names that it stands under.
fn above(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |name| name.split_once('.').map(|(_, parent)| parent))
}

/// The records of all zones of one name.
enum Records<'o> {
    Read(Names<'o>),
    /// Those of one zone could not be read.
    Unread(&'o Reason),
}

/// The names of records, and those that exist because a name below them does.
#[derive(Default)]
struct Names<'o> {
    records: BTreeSet<&'o str>,
    existing: BTreeSet<&'o str>,
}

impl<'o> Names<'o> {
    fn add(&mut self, record: &'o str) {
        self.records.insert(record);
        self.add_existing(record);
    }

    /// Adds a name that exists, without an address.
    fn add_existing(&mut self, record: &'o str) {
        // Where a name exists already, those above it do as well.
        for name in above(record) {
            if !self.existing.insert(name) {
                break;
            }
        }
    }

    /// Reports whether a name is answered: by a record of the name, or else by the wildcard at the closest name that exists
    /// (RFC 4592, section 3.3.1).
    fn has_answer(&self, domain: &str) -> bool {
        let closest = above(domain).find(|name| self.existing.contains(name));
        match closest {
            Some(name) if name == domain => self.records.contains(domain),
            Some(name) => self.records.contains(&*format!("*.{name}")),
            None => false,
        }
    }
}

fn by_name(zones: &[HostedZone]) -> BTreeMap<&str, Records<'_>> {
    let mut all: BTreeMap<&str, Records<'_>> = BTreeMap::new();
    for HostedZone { name, records, others } in zones {
        let known = all.entry(name).or_insert_with(|| Records::Read(Names::default()));
        match (records, known) {
            (Look::Found(records), Records::Read(known)) => {
                records.iter().for_each(|record| known.add(record));
                others.iter().for_each(|name| known.add_existing(name));
            }
            (Look::Unknown(reason), known) => *known = Records::Unread(reason),
            _ => {}
        }
    }
    all
}

/// The most specific zone: the only one that is asked.
fn zone_of<'z, 'o>(zones: &'z BTreeMap<&'o str, Records<'o>>, domain: &str) -> Option<(&'o str, &'z Records<'o>)> {
    above(domain).find_map(|name| zones.get_key_value(name)).map(|(zone, records)| (*zone, records))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(records: &[&str], domain: &str, want: bool) {
        let mut names = Names::default();
        records.iter().for_each(|record| names.add(record));
        assert_eq!(names.has_answer(domain), want, "{records:?} {domain}");
    }

    #[test]
    fn a_name_is_answered_as_the_resolver_does() {
        check(&["*.in.example.com"], "pay.in.example.com", true);
        check(&["*.in.example.com"], "a.pay.in.example.com", true);
        check(&["*.in.example.com", "x.pay.in.example.com"], "pay.in.example.com", false);
        check(&["*.in.example.com"], "*.in.example.com", true);
        check(&["pay.in.example.com"], "*.in.example.com", false);
        check(&["pay.in.example.com"], "pay.in.example.com", true);
        check(&[], "pay.in.example.com", false);
    }

    #[test]
    fn a_wildcard_does_not_answer_for_a_name_with_other_records_only() {
        let zone = |others: &[&str]| HostedZone {
            name: "in.example.com".to_owned(),
            records: Look::Found(["*.in.example.com".to_owned()].into()),
            others: others.iter().map(|name| (*name).to_owned()).collect(),
        };
        let answers =
            |zone: &HostedZone, domain: &str| match by_name(std::slice::from_ref(zone)).remove("in.example.com") {
                Some(Records::Read(names)) => names.has_answer(domain),
                _ => panic!("the zone was read"),
            };
        assert!(answers(&zone(&["in.example.com"]), "pay.in.example.com"));
        assert!(!answers(&zone(&["pay.in.example.com"]), "pay.in.example.com"));
        assert!(!answers(&zone(&["_acme-challenge.pay.in.example.com"]), "pay.in.example.com"));
        assert!(answers(&zone(&["pay.in.example.com"]), "shop.in.example.com"));
    }
}
