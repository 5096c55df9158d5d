//! What a mapping needs of the resources around the proxy, by name: the part of a plan that a change
//! must leave alone to be taken by running tasks without a deployment.

use std::collections::{BTreeMap, BTreeSet};

use super::owners::{has_owner, is_registrable};
use super::zones::{Zones, Zoning, domains};
use nameplate_core::domain::overrides::DEFAULT_ENDPOINT;
use nameplate_core::domain::table::MappingTable;

/// What a table needs, each in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Private hosted zones, each with its records.
    pub zones: BTreeMap<String, BTreeSet<String>>,
    /// Names that certificates must have.
    pub certificates: BTreeSet<String>,
    /// Regions with an execute-api VPC endpoint.
    pub regions: BTreeSet<String>,
    /// Endpoints that the settings must have.
    pub endpoints: BTreeSet<String>,
}

impl Names {
    /// What a table needs.
    pub fn of(table: &MappingTable, zoning: &Zoning) -> Names {
        Names::with(table, &Zones::of(table, zoning))
    }

    /// What a table with these zones needs.
    pub(super) fn with(table: &MappingTable, zones: &Zones) -> Names {
        // Every deployment has the default endpoint, so every mapping is taken to use it.
        let mut names = Names { endpoints: [DEFAULT_ENDPOINT.to_owned()].into(), ..Names::default() };
        names.zones = zones.zones.iter().map(|(name, zone)| (name.clone(), zone.records.clone())).collect();
        names.certificates = domains(table).map(certificate_name).collect();
        for route in table.routes() {
            if !names.regions.contains(route.region()) {
                names.regions.insert(route.region().to_owned());
            }
            names.endpoints.extend(route.overrides().and_then(|overrides| overrides.endpoint.clone()));
        }
        names
    }

    /// What these have that others do not.
    pub fn beyond(&self, others: &Names) -> Needs {
        let beyond = |own: &BTreeSet<String>, others: &BTreeSet<String>| own.difference(others).cloned().collect();
        let mut needs = Needs {
            certificates: beyond(&self.certificates, &others.certificates),
            regions: beyond(&self.regions, &others.regions),
            endpoints: beyond(&self.endpoints, &others.endpoints),
            ..Needs::default()
        };
        for (zone, records) in &self.zones {
            match others.zones.get(zone) {
                None => drop(needs.zones.insert(zone.clone())),
                Some(theirs) => {
                    needs.records.extend(records.difference(theirs).map(|record| (zone.clone(), record.clone())));
                }
            }
        }
        needs
    }
}

/// What one table needs and another does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Private hosted zones, with all their records.
    pub zones: BTreeSet<String>,
    /// Records in zones that both need: zone, then record.
    pub records: BTreeSet<(String, String)>,
    /// Names that certificates must have.
    pub certificates: BTreeSet<String>,
    /// Regions with an execute-api VPC endpoint.
    pub regions: BTreeSet<String>,
    /// Endpoints that the settings must have.
    pub endpoints: BTreeSet<String>,
}

impl Needs {
    /// Whether nothing is needed.
    pub fn is_empty(&self) -> bool {
        *self == Needs::default()
    }
}

/// The name that a domain's certificate has: a wildcard of its parent, which serves all domains with
/// that parent; or, where the parent is nobody's or a suffix that many share, as those of `example.com`
/// and `acme.uk.com`, the domain itself.
pub fn certificate_name(host: &str) -> String {
    match host.split_once('.') {
        // Whoever has `acme.uk.com` has no say in `uk.com`, and could never validate its wildcard.
        Some((_, parent)) if has_owner(parent) && !is_registrable(host) => format!("*.{parent}"),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, want: &str) {
        assert_eq!(certificate_name(host), want, "{host}");
    }

    #[test]
    fn domains_with_one_parent_share_a_name() {
        check("pay.example.com", "*.example.com");
        check("a.team.example.com", "*.team.example.com");
        check("*.team.example.com", "*.team.example.com");
        check("*.example.com", "*.example.com");
        check("team.example.com", "*.example.com");
    }

    #[test]
    fn a_domain_whose_parent_is_nobodys_stands_for_itself() {
        for host in ["example.com", "example.co.uk", "orders.internal"] {
            check(host, host);
        }
        check("*.orders.internal", "*.orders.internal");
    }

    #[test]
    fn so_does_one_under_a_suffix_that_many_share() {
        for host in ["acme.uk.com", "a.github.io", "acme.eu.org"] {
            check(host, host);
        }
        check("pay.acme.uk.com", "*.acme.uk.com");
        check("*.a.github.io", "*.a.github.io");
        // Whoever maps the suffix itself, or all names under it, is its owner.
        check("github.io", "github.io");
        check("*.github.io", "*.github.io");
    }
}
