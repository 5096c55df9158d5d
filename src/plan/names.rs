//! The hosted zones, certificates and regions that a mapping needs.
//!
//! One hosted zone and one certificate name serve all domains with the same parent: the zone
//! `team.example.com` with a record for `*.team.example.com`, and a certificate for the same. That is
//! what makes one more domain under a known parent a matter of the mapping alone.

use std::collections::BTreeSet;

use crate::domain::host::is_public_suffix;
use crate::domain::table::MappingTable;

/// What a table needs, each in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Private hosted zones.
    pub zones: BTreeSet<String>,
    /// Names that certificates must have.
    pub certificates: BTreeSet<String>,
    /// Regions with an execute-api VPC endpoint.
    pub regions: BTreeSet<String>,
}

impl Names {
    /// What a table needs.
    pub fn of(table: &MappingTable) -> Names {
        let mut names = Names::default();
        for route in table.routes() {
            let (zone, certificate) = zone_of(route.host());
            if !names.zones.contains(zone) {
                names.zones.insert(zone.to_owned());
            }
            if !names.certificates.contains(&*certificate) {
                names.certificates.insert(certificate);
            }
            if !names.regions.contains(route.region()) {
                names.regions.insert(route.region().to_owned());
            }
        }
        names
    }

    /// What these have that others do not.
    pub fn beyond(&self, others: &Names) -> Names {
        let beyond = |own: &BTreeSet<String>, others: &BTreeSet<String>| own.difference(others).cloned().collect();
        Names {
            zones: beyond(&self.zones, &others.zones),
            certificates: beyond(&self.certificates, &others.certificates),
            regions: beyond(&self.regions, &others.regions),
        }
    }

    /// Whether nothing is needed.
    pub fn is_empty(&self) -> bool {
        self.zones.is_empty() && self.certificates.is_empty() && self.regions.is_empty()
    }
}

/// The hosted zone of a custom domain, and the name that its certificate has. A domain whose parent
/// is nobody's, `example.com`, is a zone of its own.
pub fn zone_of(host: &str) -> (&str, String) {
    match host.split_once('.') {
        Some((_, parent)) if parent.contains('.') && !is_public_suffix(parent) => (parent, format!("*.{parent}")),
        // A wildcard of a name that stands for itself: `*.example.com`, under `example.com`.
        Some(("*", parent)) => (parent, host.to_owned()),
        _ => (host, host.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, zone: &str, certificate: &str) {
        assert_eq!(zone_of(host), (zone, certificate.to_owned()), "{host}");
    }

    #[test]
    fn domains_with_one_parent_share_its_zone_and_certificate() {
        check("pay.example.com", "example.com", "*.example.com");
        check("a.team.example.com", "team.example.com", "*.team.example.com");
        check("*.team.example.com", "team.example.com", "*.team.example.com");
        check("*.example.com", "example.com", "*.example.com");
    }

    #[test]
    fn a_domain_whose_parent_is_nobodys_stands_for_itself() {
        check("example.com", "example.com", "example.com");
        check("example.co.uk", "example.co.uk", "example.co.uk");
        check("orders.internal", "orders.internal", "orders.internal");
        check("*.orders.internal", "orders.internal", "*.orders.internal");
    }
}
