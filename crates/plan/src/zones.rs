//! Private hosted zones, and the records in them.
//!
//! A private hosted zone answers for every name under its own from within the VPC, also for those it
//! does not have: for them it says that they do not exist. So which zones there are decides what else
//! can be looked up; and of nested zones Route 53 asks only the most specific one.
//!
//! **Invariant:** what one domain needs does not depend on the others, but for records that a zone
//! gets because the zone above it is planned too. So one more domain never takes a zone or a record away.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::owners::{has_owner, is_registrable, is_within, registrable_of};
use super::warning::{About, Warning, and_more};
use nameplate_core::domain::api::SUFFIXES;
use nameplate_core::domain::table::MappingTable;

/// Domains of AWS's beside those of APIs: of EC2 instances (Amazon VPC user guide, "DNS attributes for your
/// VPC"), of services' dual-stack endpoints (AWS General Reference, "AWS service endpoints"), and of Lambda
/// function URLs (AWS Lambda developer guide).
const OF_AWS: [&str; 4] = ["ec2.internal", "compute.internal", "api.aws", "on.aws"];

/// Names that a warning lists; the rest is counted.
const LISTED: usize = 3;

/// What gets a hosted zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZoneMode {
    /// Each parent of domains, where hiding its other names is safe. One more domain under a known
    /// parent needs nothing. The default.
    #[default]
    PerParent,
    /// Each domain by itself. Hides the least, and one more domain needs a zone.
    PerName,
}

impl ZoneMode {
    /// As the command line says it.
    pub fn name(self) -> &'static str {
        match self {
            ZoneMode::PerParent => "per-parent",
            ZoneMode::PerName => "per-name",
        }
    }
}

/// How zones are chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zoning {
    /// What gets a zone. Default: each parent.
    pub mode: ZoneMode,
    /// Domains of which the mapping has all names that anybody in the VPC looks up. Default: none.
    pub own: BTreeSet<String>,
}

impl Zoning {
    fn owner_of(&self, zone: &str) -> Option<&String> {
        self.own.iter().find(|own| is_within(zone, own))
    }

    /// Whether a zone of this name would hide names that somebody may need.
    fn may_hide(&self, zone: &str) -> bool {
        is_registrable(zone) && self.owner_of(zone).is_none()
    }

    /// The zone that a domain needs by itself: its parent, or its own name.
    fn zone_of<'h>(&self, host: &'h str) -> &'h str {
        match (host.split_once('.'), self.mode) {
            (Some(("*", parent)), _) => parent,
            (Some((_, parent)), ZoneMode::PerParent) if has_owner(parent) && !self.may_hide(parent) => parent,
            _ => host,
        }
    }
}

/// One zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Its records, by their full names.
    pub records: BTreeSet<String>,
    /// How many domains of the mapping it answers for.
    pub domains: usize,
}

/// The zones of a mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zones {
    /// By name.
    pub zones: BTreeMap<String, Zone>,
    /// Parents that got no zone because it would hide other names, with the domains that got their own.
    apart: BTreeMap<String, Listed>,
    /// Zones that may hide other names, and the domain that needs them all the same.
    hiding: BTreeMap<String, String>,
    /// Of [`Zoning::own`], those that changed nothing.
    idle: BTreeSet<String>,
}

/// The first few names, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Listed {
    first: Vec<String>,
    count: usize,
}

impl Zones {
    /// The zones that a table needs.
    pub fn of(table: &MappingTable, zoning: &Zoning) -> Zones {
        let mut found = Zones { idle: zoning.own.clone(), ..Zones::default() };
        for host in domains(table) {
            found.add(host, zoning);
        }
        found.answer_for_the_zone_above();
        for host in domains(table) {
            // A domain that is a zone's name is answered there, wherever its parent's other names are.
            let zone = if found.zones.contains_key(host) { host } else { zoning.zone_of(host) };
            found.zones.get_mut(zone).expect("every domain's zone was added").domains += 1;
        }
        found
    }

    fn add(&mut self, host: &str, zoning: &Zoning) {
        let zone = zoning.zone_of(host);
        let record = if zone == host { host.to_owned() } else { wildcard(zone) };
        match self.zones.get_mut(zone) {
            Some(zone) if zone.records.contains(&record) => {}
            Some(zone) => drop(zone.records.insert(record)),
            None => drop(self.zones.insert(zone.into(), Zone { records: [record].into(), domains: 0 })),
        }
        if zoning.may_hide(zone) && !self.hiding.contains_key(zone) {
            self.hiding.insert(zone.into(), host.into());
        }
        let parent = host.split_once('.').map_or(host, |(_, parent)| parent);
        if zoning.mode == ZoneMode::PerParent && zone == host && has_owner(parent) {
            let listed = self.apart.entry(parent.into()).or_default();
            listed.count += 1;
            if listed.first.len() < LISTED {
                listed.first.push(host.into());
            }
        }
        if let Some(own) = zoning.owner_of(zone).filter(|_| is_registrable(zone)) {
            self.idle.remove(own);
        }
    }

    /// Where zones nest, the wildcard of the upper one does not reach the name of the lower one: that
    /// is looked up in the lower zone alone, as its apex. So each zone directly under another that has
    /// a wildcard answers for its own name, too.
    fn answer_for_the_zone_above(&mut self) {
        let below = |zone: &&String| {
            let above = zone.split_once('.').and_then(|(_, above)| self.zones.get_key_value(above));
            above.is_some_and(|(name, above)| above.records.contains(&wildcard(name)))
        };
        for zone in self.zones.keys().filter(below).cloned().collect::<Vec<_>>() {
            self.zones.entry(zone.clone()).or_default().records.insert(zone);
        }
    }

    /// How many domains got zones of their own because one of this parent would hide other names.
    pub fn apart_under(&self, parent: &str) -> usize {
        self.apart.get(parent).map_or(0, |listed| listed.count)
    }

    /// What somebody should know before these zones are made.
    pub fn warnings(&self) -> Vec<Warning> {
        // Where the parent's zone is planned all the same, that it hides names is said of it.
        let unplanned = self.apart.iter().filter(|(parent, _)| !self.zones.contains_key(*parent));
        let apart = unplanned.map(|(parent, listed)| apart(parent, listed));
        let hiding = self.hiding.iter().map(|(zone, host)| hiding(zone, host));
        let of_aws = |zone: &&String| SUFFIXES.iter().chain(&OF_AWS).any(|suffix| is_within(zone, suffix));
        let of_aws = self.zones.keys().filter(of_aws);
        let idle = self.idle.iter().map(|own| idle(own));
        apart.chain(hiding).chain(of_aws.map(|zone| aws(zone))).chain(idle).collect()
    }
}

/// Every domain of a table once.
pub(super) fn domains(table: &MappingTable) -> impl Iterator<Item = &str> {
    table.groups().map(|places| table.route(places.start).host())
}

fn wildcard(zone: &str) -> String {
    format!("*.{zone}")
}

fn apart(parent: &str, listed: &Listed) -> Warning {
    let more = and_more(listed.count - listed.first.len());
    let (verb, own) =
        if listed.count == 1 { ("gets", "a hosted zone of its own") } else { ("get", "hosted zones of their own") };
    Warning {
        about: About::HostedZone,
        name: parent.into(),
        what: format!(
            "{}{more} {verb} {own}: a private hosted zone {parent} would hide every other name of {parent}, \
             such as www.{parent}, from the VPC; one more domain under it needs a deployment",
            listed.first.join(", ")
        ),
        help: format!(
            "use names one level down, such as `orders.internal.{parent}`; or, if the mapping has every name under \
             {parent} that the VPC looks up, say `--own {parent}`"
        ),
    }
}

fn hiding(zone: &str, host: &str) -> Warning {
    Warning {
        about: About::HostedZone,
        name: zone.into(),
        what: format!(
            "`{host}` needs the private hosted zone {zone}, which hides every other name of {zone} from the VPC"
        ),
        help: format!(
            "use names one level down, such as `*.internal.{zone}`; or, if the mapping has every name under {zone} \
             that the VPC looks up, say `--own {zone}`"
        ),
    }
}

fn idle(own: &str) -> Warning {
    let (why, help) = if is_registrable(own) {
        (
            "no domain of the mapping would have such a zone",
            "check its spelling; it is for registrable domains".to_owned(),
        )
    } else {
        let help = format!("leave it out; it is for registrable domains, such as `{}`", registrable_of(own));
        ("it is no registrable domain, and a zone of that name needs no --own", help)
    };
    Warning {
        about: About::Option,
        name: format!("--own {own}"),
        what: format!("`--own {own}` changes nothing: {why}"),
        help,
    }
}

fn aws(zone: &str) -> Warning {
    Warning {
        about: About::HostedZone,
        name: zone.into(),
        what: format!(
            "the private hosted zone {zone} is under a domain of AWS's, and hides AWS's own names from the VPC"
        ),
        help: "give the API a name of your own: a custom domain under a domain you have".into(),
    }
}
