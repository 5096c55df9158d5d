//! With `owners.yaml`.

use super::isolation::{many, write_many};
use super::*;

const OWNERS: &str = "OWNERS:
  - OWNER: pay
    CONTACT: \"#pay\"
    DOMAINS: [pay.example.com, \"*.pay.example.com\", shop.example.com/pay]
    MAX_ENTRIES: 3
  - OWNER: web
    DOMAINS: [shop.example.com, \"*.example.com\", www.example.org]
";

fn folder() -> Folder {
    let mut folder = Folder::new();
    folder
        .write("owners.yaml", OWNERS)
        .part("pay/api.yaml", &["pay.example.com=pay", "shop.example.com/pay=shoppay"])
        .part("web.yaml", &["shop.example.com=shop", "www.example.org=www"])
        .read()
        .expect_good();
    folder
}

#[test]
fn base_paths_of_one_host_may_have_two_owners() {
    let folder = folder();
    assert_eq!(folder.api("shop.example.com", "/pay/x"), "shoppay");
    assert_eq!(folder.api("shop.example.com", "/x"), "shop");
    let status = folder.status("pay/api.yaml");
    assert_eq!((status.owner.as_deref(), status.contact.as_deref()), (Some("pay"), Some("#pay")));
}

#[test]
fn a_claim_outside_of_the_grant_is_an_error_of_the_claiming_part() {
    let mut folder = folder();
    let check = |folder: &mut Folder, claim: &str, want: &str| {
        folder.part("pay/evil.yaml", &[claim]).read();
        folder.expect_error("pay/evil.yaml", want);
        folder.expect_error("pay/evil.yaml", "mapping.d/pay/evil.yaml:2:1: error: ");
        assert_eq!(folder.table.len(), 4);
    };
    check(&mut folder, "www.example.org=evil", "`www.example.org` is granted to `web`, and this part is of `pay`");
    check(&mut folder, "shop.example.com=evil", "`shop.example.com` is granted to `web`");
    check(&mut folder, "*.example.com=evil", "`*.example.com` is granted to `web`");
    check(&mut folder, "any.example.com=evil", "`any.example.com` is granted to `web`");
    check(&mut folder, "other.test.example=evil", "`other.test.example` is granted to nobody");
    folder
        .part("web.yaml", &["shop.example.com=shop", "shop.example.com/pay/admin=evil", "www.example.org=www"])
        .read();
    folder.expect_error("web.yaml", "`shop.example.com/pay/admin` is granted to `pay`, and this part is of `web`");
    folder.expect_error("web.yaml", "agree with `pay` (#pay)");
    assert_eq!(folder.api("shop.example.com", "/pay/admin"), "shoppay");
}

#[test]
fn a_part_of_nobody_is_not_used_whatever_owner_it_states() {
    let mut folder = folder();
    folder.write("evil.yaml", &format!("OWNER: pay\n{}", part(&["a.pay.example.com=evil"]))).read();
    folder.expect_error("evil.yaml", "evil.yaml:1:1: error: owners.yaml does not give `pay` a part of this name");
    folder.write("evil.yaml", &part(&["a.pay.example.com=evil"])).read();
    folder.expect_error("evil.yaml", "owners.yaml gives nobody a part of this name");
    folder.write("web/evil.yaml", &format!("OWNER: pay\n{}", part(&["a.example.com=evil"]))).read();
    folder.expect_error("web/evil.yaml", "OWNER is `pay`, and owners.yaml gives this part to `web`");
    assert_eq!(folder.table.len(), 4);
}

#[test]
fn an_owner_has_no_more_entries_than_it_may() {
    let mut folder = folder();
    folder.part("pay/b.yaml", &["b.pay.example.com=b"]).read().expect_good();
    folder.part("pay/c.yaml", &["c.pay.example.com=c"]).part("web/a.yaml", &["a.example.com=a"]).read();
    folder.expect_error("pay/c.yaml", "with this part, `pay` has 4 entries; owners.yaml allows 3");
    assert_eq!((folder.table.len(), folder.api("a.example.com", "/")), (6, "a".into()));
    // Existing entries may change, and become fewer.
    folder.part("pay/b.yaml", &["b2.pay.example.com=b"]).remove("pay/c.yaml").read().expect_good();
}

#[test]
fn two_parts_of_one_owner_do_not_take_each_others_entries() {
    let mut folder = folder();
    folder.part("web/more.yaml", &["shop.example.com=evil"]).part("web/path.yaml", &["shop.example.com/x=x"]).read();
    folder.expect_error("web/more.yaml", "`shop.example.com` is already mapped in web.yaml, on line 2");
    assert_eq!(
        (folder.api("shop.example.com", "/"), folder.api("shop.example.com", "/x")),
        ("shop".into(), "x".into())
    );
}

#[test]
fn a_domain_goes_to_another_owner_with_its_grant() {
    let mut folder = folder();
    // The files of one change arrive one after the other.
    let moved =
        OWNERS.replace("DOMAINS: [pay.example.com, ", "DOMAINS: [").replace("www.example.org]", "pay.example.com]");
    folder.write("owners.yaml", &moved).read();
    folder.expect_error("pay/api.yaml", "`pay.example.com` is granted to `web`");
    folder.expect_error("web.yaml", "`www.example.org` is granted to nobody");
    assert_eq!(folder.api("pay.example.com", "/"), "pay", "until its new owner maps it");
    folder.part("web.yaml", &["shop.example.com=shop", "pay.example.com=web"]).read();
    assert_eq!(folder.api("pay.example.com", "/"), "web");
    assert_eq!(folder.api("shop.example.com", "/pay"), "shoppay", "the rest of the old version stays");
    folder.part("pay/api.yaml", &["shop.example.com/pay=shoppay2"]).read().expect_good();
    assert_eq!((folder.api("pay.example.com", "/"), folder.table.len()), ("web".into(), 3));
}

#[test]
fn what_was_taken_stays_taken_when_the_owners_change_again() {
    let mut folder = folder();
    let moved = OWNERS.replace("DOMAINS: [pay.example.com, ", "DOMAINS: [").replace("www.", "pay.example.com, www.");
    folder.write("owners.yaml", &moved);
    folder.part("web.yaml", &["shop.example.com=shop", "www.example.org=www", "pay.example.com=web"]).read();
    assert_eq!(folder.api("pay.example.com", "/"), "web");
    for comment in ["# a\n", "# b\n"] {
        folder.write("owners.yaml", &format!("{comment}{moved}")).read();
        assert_eq!((folder.api("pay.example.com", "/"), folder.table.len()), ("web".into(), 4));
    }
}

#[test]
fn owners_with_an_error_keep_their_last_good_version() {
    let mut folder = folder();
    folder.write("owners.yaml", "OWNERS: [").part("pay/evil.yaml", &["www.example.org=evil"]).read();
    assert!(folder.parts.owners_error().expect("an error").to_string().contains("mapping.d/owners.yaml:1:"));
    folder.expect_error("pay/evil.yaml", "`www.example.org` is granted to `web`");
    folder.write("owners.yaml", OWNERS).remove("pay/evil.yaml").read().expect_good();
}

#[test]
fn owners_that_are_gone_stay_until_somebody_consents() {
    let mut folder = folder();
    folder.remove("owners.yaml").part("pay/evil.yaml", &["new.example.com=evil"]).read();
    assert!(folder.parts.owners_error().expect("an error").to_string().contains("owners.yaml is gone"));
    folder.expect_error("pay/evil.yaml", "`new.example.com` is granted to `web`");
    folder.read_with(true).expect_good();
    assert_eq!((folder.api("new.example.com", "/"), folder.table.len()), ("evil".into(), 5));
}

#[test]
fn a_part_that_waits_for_a_grant_is_used_when_it_comes() {
    let mut folder = folder();
    folder.part("pay/new.yaml", &["new.example.net=new"]).read();
    folder.expect_error("pay/new.yaml", "is granted to nobody");
    folder
        .write("owners.yaml", &OWNERS.replace("DOMAINS: [pay.", "DOMAINS: [new.example.net, pay."))
        .read()
        .expect_good();
    assert_eq!(folder.api("new.example.net", "/"), "new");
}

/// Owners of one host: it is that of the one with this number.
fn of_host(owner: usize) -> String {
    let own = |at: usize| if at == owner { ", h.example.com" } else { "" };
    let owners = (0..3).map(|at| format!("- OWNER: p{at}\n  DOMAINS: [own{at}.example.org{}]\n", own(at)));
    format!("OWNERS:\n{}", owners.collect::<String>())
}

#[test]
fn of_three_that_had_a_name_its_owner_has_it() {
    let mut folder = Folder::new();
    folder.write("owners.yaml", &of_host(1)).part("p1.yaml", &["h.example.com=one"]).read().expect_good();
    folder.write("owners.yaml", &of_host(2)).part("p2.yaml", &["h.example.com=two"]).read();
    assert_eq!(folder.api("h.example.com", "/"), "two");
    folder.write("owners.yaml", &of_host(0)).part("p0.yaml", &["h.example.com=zero"]).read();
    assert_eq!(folder.api("h.example.com", "/"), "zero");
    folder.expect_error("p1.yaml", "is granted to `p0`");
    folder.expect_error("p2.yaml", "is granted to `p0`");
}

#[test]
fn a_grant_that_moves_back_brings_the_name_back() {
    let mut folder = Folder::new();
    folder.write("owners.yaml", &of_host(1)).part("p1.yaml", &["h.example.com=one"]).read();
    folder.write("owners.yaml", &of_host(2)).part("p2.yaml", &["h.example.com=two"]).read();
    folder.write("owners.yaml", &of_host(1)).read();
    assert_eq!(folder.api("h.example.com", "/"), "one");
    folder.expect_error("p2.yaml", "is granted to `p1`");
    assert_eq!(folder.entries(), folder.fresh().entries());
}

#[test]
fn what_nobody_maps_any_more_does_not_come_back_with_a_comment() {
    let mut folder = Folder::new();
    folder.write("owners.yaml", &of_host(1)).part("p1.yaml", &["h.example.com=one"]).read();
    folder.write("owners.yaml", &of_host(2)).part("p2.yaml", &["h.example.com=two", "own2.example.org=x"]).read();
    folder.part("p2.yaml", &["own2.example.org=x"]).read();
    assert_eq!(folder.api("h.example.com", "/"), "-");
    folder.write("owners.yaml", &format!("# again\n{}", of_host(2))).read();
    assert_eq!(folder.api("h.example.com", "/"), "-");
}

#[test]
fn consent_to_something_else_drops_no_grant() {
    let mut folder = folder();
    folder.limits.part_entries = 2;
    folder.part("web/b.yaml", &["a.example.com=a", "b.example.com=b", "c.example.com=c"]).read();
    folder.expect_error("web/b.yaml", "3 entries");
    folder.remove("owners.yaml").part("x.yaml", &["x.example.net=evil"]).read_with(true);
    assert!(folder.parts.owners_error().is_some() && folder.api("x.example.net", "/") == "-");
    folder.read_with(true).expect_good();
}

#[test]
fn parts_are_used_when_the_owners_are_dropped_though_none_was_before() {
    let mut folder = Folder::new();
    folder.write("owners.yaml", OWNERS).read();
    folder.remove("owners.yaml").part("x.yaml", &["x.example.net=x"]).read();
    assert_eq!(folder.api("x.example.net", "/"), "-");
    folder.read_with(true).expect_good();
    assert_eq!(folder.api("x.example.net", "/"), "x");
}

#[test]
fn the_version_tells_which_owners_are_used() {
    let mut folder = folder();
    let version =
        |folder: &Folder| folder.parts.assemble(&folder.table, &LIMITS, false, at(0), Pace::default()).version();
    let with_owners = version(&folder);
    folder.write("owners.yaml", "OWNERS: [").read();
    assert_eq!(version(&folder), with_owners, "they are used as they were");
    assert_ne!(version(&folder.fresh()), with_owners, "none are used");
}

#[test]
fn what_is_held_makes_no_room_for_others() {
    let text = "OWNERS:\n- OWNER: a\n  DOMAINS: ['*.example.com']\n  PARTS: [x.yaml, y.yaml]\n  MAX_ENTRIES: 20\n";
    let mut folder = Folder::new();
    folder.write("owners.yaml", text);
    write_many(&mut folder, "x.yaml", &many(0, 20));
    folder.read().expect_good();
    write_many(&mut folder, "x.yaml", &many(0, 2));
    write_many(&mut folder, "y.yaml", &many(100, 118));
    folder.read().expect_error("x.yaml", "it removes 18 of its 20");
    folder.expect_error("y.yaml", "with this part, `a` has 38 entries; owners.yaml allows 20");
}
