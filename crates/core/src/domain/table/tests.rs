//! Lookups, places, and what tables share.

use super::*;
use crate::domain::api::PrivateApi;
use crate::domain::base_path::BasePath;
use crate::domain::host::Host;
use crate::domain::route::Choices;

fn table(entries: &[(&str, &str, &str)]) -> MappingTable {
    MappingTable::new(
        entries
            .iter()
            .map(|(host, base, id)| {
                let api =
                    PrivateApi::parse(&format!("https://{id}.execute-api.eu-west-1.amazonaws.com/p")).expect("an api");
                let base = BasePath::parse(base).expect("a base path");
                Route::new(&Host::parse(host).expect("a host"), &base, &api, Choices::default(), 1)
            })
            .collect(),
    )
}

#[track_caller]
fn check(host: &str, path: &str, want: Result<(&str, &str), Refusal>) {
    let table = table(&[
        ("pay.example.com", "", "pay"),
        ("pay.example.com", "/v1", "payv1"),
        ("pay.example.com", "/v1/cards", "cards"),
        ("only.example.com", "/v1", "only"),
        ("*.example.com", "", "any"),
        ("*.deep.example.com", "/x", "deep"),
    ]);
    let found = table.lookup(host, path.as_bytes());
    let got = found.map(|m| (m.route.api_id().to_owned(), String::from_utf8_lossy(m.rest).into_owned()));
    assert_eq!((table.len(), table.domains()), (6, 4));
    assert_eq!(got, want.map(|(id, rest)| (id.to_owned(), rest.to_owned())), "{host} {path}");
}

#[test]
fn the_longest_base_path_wins() {
    check("pay.example.com", "/", Ok(("pay", "/")));
    check("pay.example.com", "/v1", Ok(("payv1", "")));
    check("pay.example.com", "/v1/card", Ok(("payv1", "/card")));
    check("pay.example.com", "/v1/cards/7", Ok(("cards", "/7")));
    check("pay.example.com", "/v10", Ok(("pay", "/v10")));
}

#[test]
fn an_exact_name_comes_before_a_wildcard_and_does_not_fall_back() {
    check("shop.example.com", "/x", Ok(("any", "/x")));
    check("only.example.com", "/v1/x", Ok(("only", "/x")));
    check("only.example.com", "/v2", Err(Refusal::UnknownPath));
}

#[test]
fn a_wildcard_stands_for_one_label() {
    check("a.b.example.com", "/", Err(Refusal::UnknownHost));
    check("a.deep.example.com", "/x", Ok(("deep", "")));
    check("example.com", "/", Err(Refusal::UnknownHost));
}

#[test]
fn a_longer_or_shorter_name_is_another_host() {
    for host in ["pay.example.com.evil.test", "xpay.example.org", "com", "pay"] {
        check(host, "/", Err(Refusal::UnknownHost));
    }
}

/// `count` hosts with one entry each, and one more with the rest.
fn large(count: usize, bases: usize) -> MappingTable {
    let hosts = (0..count).map(|at| (format!("h{at}.example.com"), String::new()));
    let bases = (0..bases).map(|at| ("wide.example.com".to_owned(), format!("/b{at}")));
    let entries: Vec<_> = hosts.chain(bases).collect();
    table(&entries.iter().map(|(host, base)| (&**host, &**base, "one")).collect::<Vec<_>>())
}

fn shared(one: &MappingTable, other: &MappingTable) -> usize {
    (0..one.shards().min(other.shards())).filter(|shard| one.shares(*shard, other)).count()
}

/// Every place leads to its route, and every route to its place.
#[track_caller]
fn check_places(table: &MappingTable) {
    for (place, route) in table.in_any_order() {
        assert!(std::ptr::eq(table.route(place), route));
        assert_eq!(table.place_like(route), Some(place));
        assert_eq!(table.place_named(route.host_ref(), route.base_ref()), Some(place));
        let found = table.lookup(route.host(), route.base().as_bytes()).expect("it is mapped");
        assert_eq!((found.index, found.route.base()), (place, route.base()));
    }
    assert_eq!(table.routes().len(), table.len());
    assert_eq!(table.groups().count(), table.domains());
    let in_groups: usize = table.groups().map(|places| places.len()).sum();
    assert_eq!(in_groups, table.len());
}

#[test]
fn a_change_of_one_entry_shares_all_other_shards() {
    let before = large(10_000, 0);
    let after = with_one_changed(&before, "h77.example.com");
    assert_eq!((after.shards(), shared(&before, &after)), (256, 255));
    assert_eq!((after.len(), after.domains()), (10_000, 10_000));
    check_places(&after);
}

fn with_one_changed(table: &MappingTable, host: &str) -> MappingTable {
    let api = PrivateApi::parse("https://new.execute-api.eu-west-1.amazonaws.com/p").expect("an api");
    let host = Host::parse(host).expect("a host");
    let added = Route::new(&host, &BasePath::default(), &api, Choices::default(), 1);
    let is_gone = |route: &Route| route.host() == host.as_str();
    table.with_replaced([host.as_str().as_bytes()], is_gone, vec![added.clone()], Pace::default())
}

#[test]
fn a_table_is_cut_anew_where_it_grows_and_shrinks() {
    let grown = large(64, 0);
    assert_eq!(grown.shards(), 1);
    let grown = with_one_changed(&grown, "new.example.com");
    assert_eq!((grown.len(), grown.shards()), (65, 2));
    check_places(&grown);
    let hosts: Vec<_> = (0..40).map(|at| format!("h{at}.example.com")).collect();
    let is_gone = |route: &Route| hosts.iter().any(|host| host == route.host());
    let shrunk = grown.with_replaced(hosts.iter().map(String::as_bytes), is_gone, Vec::new(), Pace::default());
    assert_eq!((shrunk.len(), shrunk.domains(), shrunk.shards()), (25, 25, 1));
    check_places(&shrunk);
}

#[test]
fn many_base_paths_of_one_host_have_places_beside_all_other_routes() {
    let table = large(2_000, 1_000);
    assert_eq!(table.shards(), 64);
    let wide = table.places_of("wide.example.com");
    assert_eq!((wide.len(), table.route(wide.start).base().len()), (1_000, "/b100".len()));
    check_places(&with_one_changed(&table, "h1.example.com"));
    // With 2^16 shards, 2^16 routes fit in each.
    for (bits, most, want) in [(16, 1 << 16, 16), (16, (1 << 16) + 1, 15), (16, 1_000_000, 12), (0, 1_000_000, 0)] {
        assert_eq!(bits_that_fit(bits, most), want, "{bits} {most}");
    }
}

#[test]
fn an_empty_table_is_no_mapping_yet() {
    assert!(matches!(MappingTable::default().lookup("a.example", b"/"), Err(Refusal::NoMapping)));
}
