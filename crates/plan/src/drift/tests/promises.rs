//! What holds for all mappings.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::kind::Kind;
use super::super::observed::{Look, Observed, Reason};
use super::changes::change;
use super::{faithful, found, table};
use crate::tests::any_domains;
use nameplate_core::domain::table::MappingTable;

/// Mappings of a few APIs in two regions, with stages, paths, verbs and endpoints.
fn any_table() -> impl Strategy<Value = MappingTable> {
    let api = prop::sample::select(&["abc111", "def222", "1gh333"][..]);
    let region = prop::sample::select(&["eu-west-1", "eu-west-3"][..]);
    let place = prop::sample::select(&["dev", "dev/a", "dev/a/b", "prod", "prod/$x"][..]);
    let verbs = prop::sample::select(&["ANY", "GET", "[GET, PUT]"][..]);
    let endpoint = prop::sample::select(&["default", "far"][..]);
    let entry = (api, region, place, verbs, endpoint);
    (any_domains(6), prop::collection::vec(entry, 6)).prop_map(|(domains, entries)| {
        let url = |(api, region, place, _, _): &(&str, &str, &str, &str, &str)| {
            format!("{api}.execute-api.{region}.amazonaws.com/{place}")
        };
        let urls: Vec<String> = entries.iter().map(url).collect();
        let all = domains.iter().zip(&entries).zip(&urls);
        table(&all.map(|((domain, of), url)| (&**domain, &**url, of.3, of.4)).collect::<Vec<_>>())
    })
}

/// Makes one thing unknown.
fn hide(observed: &mut Observed, pick: usize) {
    let reason = || Reason { what: "AWS denied it".into(), help: "ask for the right".into() };
    let apis = observed.apis.len();
    let at = pick % (apis + 3);
    if at < apis {
        *observed.apis.values_mut().nth(at).expect("an API") = Look::Unknown(reason());
    } else if at == apis {
        observed.zones = Look::Unknown(reason());
    } else if at == apis + 1 {
        observed.certificates = Look::Unknown(reason());
    } else {
        observed.vpc_endpoints.values_mut().for_each(|of| *of = Look::Unknown(reason()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_the_mapping_needs_is_no_drift(table in any_table(), is_named: bool) {
        let drift = found(&table, &faithful(&table, is_named));
        prop_assert!(drift.findings.is_empty() && drift.unknown.is_empty(), "{drift:#?}");
    }

    #[test]
    fn each_change_is_of_its_kind(table in any_table(), is_named: bool, pick: usize, kind in prop::sample::select(&Kind::ALL[..])) {
        let mut observed = faithful(&table, is_named);
        change(kind, &table, &mut observed, pick);
        let drift = found(&table, &observed);
        let kinds: BTreeSet<Kind> = drift.findings.iter().map(|of| of.kind).collect();
        prop_assert_eq!((kinds, drift.unknown), ([kind].into(), Vec::new()), "{:#?}", drift.findings);
    }

    #[test]
    fn what_cannot_be_looked_at_is_unknown(table in any_table(), pick: usize) {
        let mut observed = faithful(&table, true);
        hide(&mut observed, pick);
        let drift = found(&table, &observed);
        prop_assert!(drift.findings.is_empty() && !drift.unknown.is_empty(), "{drift:#?}");
    }
}
