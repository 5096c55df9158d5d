//! What each owner needs of a plan.

use super::*;
use crate::ownership::EntryOwner;
use crate::resources::PlannedOwner;

/// Whoever has the first label owns a domain; `free` has no owner.
fn owned(domains: &[&str]) -> Plan {
    let table = table(domains);
    let plan = planned(domains, &Options::default(), None);
    let hosts: Vec<_> = table.routes().iter().map(|route| route.host().to_owned()).collect();
    plan.with_owners(&table, |route| {
        let host = hosts.iter().find(|host| *host == route.host())?;
        let name =
            host.split('.').next().filter(|name| *name != "free")?.trim_end_matches(|c: char| c.is_ascii_digit());
        Some(EntryOwner { name, contact: (name == "pay").then_some("#pay") })
    })
}

#[test]
fn an_owner_has_the_zones_and_certificates_of_its_domains() {
    let plan = owned(&[
        "pay1.in.example.com",
        "pay2.in.example.com",
        "web.in.example.com",
        "free.in.example.com",
        "pay.team.in.example.com",
    ]);
    let [pay, web] = &plan.owners[..] else { panic!("{:?}", plan.owners) };
    assert_eq!((&*pay.owner, pay.entries, pay.domains, &*web.owner, web.domains), ("pay", 3, 3, "web", 1));
    assert_eq!(pay.contacts, ["#pay".to_owned()].into());
    assert!(web.contacts.is_empty());
    assert_eq!(pay.hosted_zones, ["in.example.com".to_owned(), "team.in.example.com".to_owned()].into());
    assert_eq!(web.hosted_zones, ["in.example.com".to_owned()].into());
    let shared = plan.certificates.iter().find(|one| one.names.contains(&"*.in.example.com".to_owned())).expect("one");
    assert!(pay.certificates.contains(&shared.id) && web.certificates == [shared.id.clone()].into());
    assert_eq!(web.api_ids, [("eu-west-1".to_owned(), ["abc".to_owned()].into())].into());
}

#[test]
fn names_that_acm_cannot_validate_have_an_owner_too() {
    let plan = owned(&["pay.eu.orders.corp"]);
    assert_eq!(plan.owners[0].import_names, plan.import_names);
    assert!(!plan.import_names.is_empty() && plan.owners[0].certificates.is_empty());
}

#[test]
fn a_mapping_without_owners_has_none() {
    assert!(owned(&["free.in.example.com"]).owners.is_empty());
}

proptest! {
    /// Every zone, certificate and API belongs to somebody where every entry does, and to nobody else.
    #[test]
    fn owners_have_all_of_a_plan_and_nothing_more(domains in prop::collection::btree_set(any_domain(), 1..12)) {
        let domains: Vec<_> = domains.iter().map(String::as_str).collect();
        let table = table(&domains);
        let Ok(plan) = plan(&table, VERSION, &Options::default(), None) else { return Ok(()) };
        let plan = plan.with_owners(&table, |route| {
            let name = if route.host().len() % 2 == 0 { "even" } else { "odd" };
            Some(EntryOwner { name, contact: None })
        });
        let all = |of: fn(&PlannedOwner) -> &std::collections::BTreeSet<String>| {
            plan.owners.iter().flat_map(of).cloned().collect::<std::collections::BTreeSet<_>>()
        };
        let certificates = plan.certificates.iter().map(|one| one.id.clone()).collect();
        prop_assert_eq!(all(|owner| &owner.certificates), certificates);
        prop_assert_eq!(&all(|owner| &owner.import_names), &plan.import_names);
        let answering = plan.hosted_zones.iter().filter(|zone| zone.domains > 0).map(|zone| zone.name.clone()).collect();
        prop_assert_eq!(all(|owner| &owner.hosted_zones), answering);
        prop_assert_eq!(plan.owners.iter().map(|owner| owner.entries).sum::<usize>(), table.len());
    }
}
