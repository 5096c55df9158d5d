//! A plan for people: what would be made, how much of the quotas it takes, and how many warnings there are.

use std::collections::BTreeSet;
use std::fmt::Write;

use nameplate_plan::options::Elb;
use nameplate_plan::resources::Plan;

/// Summarizes the plan of the mapping `name`. Warnings are counted; their text is on standard error.
pub(super) fn summary(name: &str, plan: &Plan) -> String {
    let mut out = String::new();
    let apis = plan.api_ids.values().map(|ids| ids.len()).sum();
    let regions: Vec<_> = plan.regions.iter().map(String::as_str).collect();
    let counts = [
        (plan.mapping.entries, "entry", "entries"),
        (plan.mapping.domains, "domain", "domains"),
        (apis, "API", "APIs"),
    ];
    let counts = counts.map(|(count, one, many)| counted(count, one, many)).join(", ");
    let _ = writeln!(out, "{name}, version {}: {counts} in {}", plan.mapping.version, regions.join(", "));
    zones(plan, &mut out);
    certificates(plan, &mut out);
    owners(plan, &mut out);
    let endpoints: Vec<_> = plan.endpoints.iter().map(String::as_str).collect();
    let warnings = match plan.warnings.len() {
        0 => "none".to_owned(),
        count => format!("{count}, on standard error"),
    };
    let _ = writeln!(out, "\nResource policies: {}", plan.resource_policies.len());
    let _ = writeln!(out, "Endpoints that the settings must have: {}", endpoints.join(", "));
    let _ = writeln!(out, "Warnings: {warnings}");
    out
}

fn zones(plan: &Plan, out: &mut String) {
    let (used, quotas) = (&plan.used, &plan.quotas);
    let _ = writeln!(out, "\nPrivate hosted zones: {} of {}", used.hosted_zones, quotas.hosted_zones);
    let width = widest(plan.hosted_zones.iter().map(|zone| zone.name.as_str()));
    for zone in &plan.hosted_zones {
        let domains = counted(zone.domains, "domain", "domains");
        let records: Vec<_> = zone.records.iter().map(String::as_str).collect();
        let _ = writeln!(out, "  {:<width$}  {domains:<11}  {}", zone.name, records.join(", "));
    }
    let (records, most) = (counted(used.records, "record", "records"), used.most_records_in_a_zone);
    let _ = writeln!(out, "  {records} in all, up to {most} of {} in a zone", quotas.records_per_zone);
}

fn certificates(plan: &Plan, out: &mut String) {
    let balancer = if plan.options.elb == Elb::Application { "ALB" } else { "NLB" };
    let (used, slots) = (plan.used.certificates, plan.used.certificate_slots);
    let _ = writeln!(out, "\nCertificates: {used} of {slots} that the listener of the {balancer} can have");
    for certificate in &plan.certificates {
        let is_default = plan.default_certificate.as_ref() == Some(&certificate.id);
        let _ = writeln!(
            out,
            "  {}  {}  validated in {}{}",
            certificate.id,
            certificate.names.join(", "),
            certificate.validation_zone,
            if is_default { "; the default" } else { "" }
        );
    }
    for name in &plan.import_names {
        let _ = writeln!(out, "  imported      {name}  cannot be validated by ACM");
    }
}

/// Names that are listed of each kind for an owner; the plan has all of them.
const LISTED: usize = 5;

fn owners(plan: &Plan, out: &mut String) {
    if plan.owners.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nOwners: {}", plan.owners.len());
    let width = widest(plan.owners.iter().map(|owner| owner.owner.as_str()));
    for owner in &plan.owners {
        let apis = counted(owner.api_ids.values().map(|ids| ids.len()).sum(), "API", "APIs");
        let counts = format!("{}, {apis}", counted(owner.domains, "domain", "domains"));
        let contacts = few(&owner.contacts).unwrap_or_default();
        let line = format!("  {:<width$}  {counts:<20}  {contacts}", owner.owner);
        let _ = writeln!(out, "{}", line.trim_end());
        let kinds =
            [("zones", &owner.hosted_zones), ("certificates", &owner.certificates), ("imported", &owner.import_names)];
        for (kind, names) in kinds.iter().filter_map(|(kind, names)| Some((kind, few(names)?))) {
            let _ = writeln!(out, "    {kind:<12}  {names}");
        }
    }
}

/// The first names, and how many more there are; `None` for no names.
fn few(names: &BTreeSet<String>) -> Option<String> {
    let listed: Vec<_> = names.iter().take(LISTED).map(String::as_str).collect();
    let more = names.len() - listed.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!listed.is_empty()).then(|| listed.join(", ") + &more)
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn widest<'n>(names: impl Iterator<Item = &'n str>) -> usize {
    names.map(str::len).max().unwrap_or_default()
}
