//! Which owner of a mapping in parts needs what of a plan, so that a bill or a certificate has a name.
//!
//! What several owners need stands under each of them.

use std::collections::{BTreeMap, BTreeSet};

use super::names::certificate_name;
use super::resources::{Plan, PlannedOwner};
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;

/// Who owns an entry of the mapping.
#[derive(Clone, Copy, Debug)]
pub struct EntryOwner<'o> {
    /// The owner's name.
    pub name: &'o str,
    /// How to reach it.
    pub contact: Option<&'o str>,
}

impl Plan {
    /// Adds the owners of the mapping that it is of. Entries without an owner are left out.
    pub fn with_owners<'o>(self, table: &MappingTable, owner_of: impl Fn(&Route) -> Option<EntryOwner<'o>>) -> Plan {
        let index = Index::of(&self);
        let mut owners: BTreeMap<&str, PlannedOwner> = BTreeMap::new();
        // The entries of a host stand together.
        for entries in table.routes().chunk_by(|a, b| a.host() == b.host()) {
            let mut of_host = BTreeSet::new();
            for route in entries {
                let Some(EntryOwner { name, contact }) = owner_of(route) else { continue };
                let planned = owners.entry(name).or_default();
                planned.owner = name.to_owned();
                planned.contacts.extend(contact.map(str::to_owned));
                planned.entries += 1;
                let ids = planned.api_ids.entry(route.region().to_owned()).or_default();
                ids.insert(route.api_id().to_owned());
                if of_host.insert(name) {
                    planned.domains += 1;
                    index.add(planned, route.host());
                }
            }
        }
        let owners = owners.into_values().collect();
        Plan { owners, ..self }
    }
}

/// What a plan has, by name.
struct Index {
    zones: BTreeSet<String>,
    /// The ids of certificates, by the names that they have.
    certificates: BTreeMap<String, String>,
    imported: BTreeSet<String>,
}

impl Index {
    fn of(plan: &Plan) -> Index {
        let named = |certificate: &super::certificate::Certificate| {
            let id = certificate.id.clone();
            certificate.names.clone().into_iter().map(move |name| (name, id.clone()))
        };
        Index {
            zones: plan.hosted_zones.iter().map(|zone| zone.name.clone()).collect(),
            certificates: plan.certificates.iter().flat_map(named).collect(),
            imported: plan.import_names.clone(),
        }
    }

    /// Adds what a domain needs. Of nested zones, the most specific one answers for it.
    fn add(&self, planned: &mut PlannedOwner, host: &str) {
        let above = std::iter::successors(Some(host), |name| name.split_once('.').map(|(_, parent)| parent));
        planned.hosted_zones.extend(above.into_iter().find_map(|name| self.zones.get(name)).cloned());
        let name = certificate_name(host);
        planned.certificates.extend(self.certificates.get(&name).cloned());
        planned.import_names.extend(self.imported.get(&name).cloned());
    }
}
