//! With `owners.yaml`.

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
    // What there is may change, and shrink.
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
