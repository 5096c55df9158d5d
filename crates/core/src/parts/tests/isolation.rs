//! Without owners: errors, conflicts and guards of one part.

use super::*;

#[test]
fn one_broken_part_of_200_holds_up_nobody() {
    let mut folder = Folder::new();
    for team in 0..200 {
        folder.part(&format!("team{team}.yaml"), &[&format!("api{team}.example.com=old{team}")]);
    }
    folder.read().expect_good();
    for team in 0..200 {
        folder.part(&format!("team{team}.yaml"), &[&format!("api{team}.example.com=new{team}")]);
    }
    folder.write("team7.yaml", "APIS:\n  - CUSTOM_DOMAIN_URL: api7..example.com\n");
    folder.read();
    for team in 0..200 {
        let want = if team == 7 { "old7".to_owned() } else { format!("new{team}") };
        assert_eq!(folder.api(&format!("api{team}.example.com"), "/"), want);
    }
    folder.expect_error("team7.yaml", "mapping.d/team7.yaml:2:");
    assert_eq!(folder.parts.status().iter().filter(|status| status.error.is_some()).count(), 1);

    folder.part("team7.yaml", &["api7.example.com=fixed"]).read().expect_good();
    assert_eq!(folder.api("api7.example.com", "/"), "fixed");
}

#[test]
fn a_part_that_was_never_good_takes_no_other_one_with_it() {
    let mut folder = Folder::new();
    folder.part("a.yaml", &["a.example.com=a"]).write("b.yaml", "APIS: {").read();
    assert_eq!((folder.api("a.example.com", "/"), folder.table.len()), ("a".into(), 1));
    let status = folder.status("b.yaml");
    assert_eq!((status.version, status.entries), (None, 0));
    folder.expect_error("b.yaml", "mapping.d/b.yaml:1:");
}

#[test]
fn whoever_has_a_host_keeps_it_and_the_newcomer_is_at_fault() {
    let mut folder = Folder::new();
    folder.part("pay.yaml", &["pay.example.com=pay"]).read();
    for claim in ["pay.example.com=evil", "pay.example.com/admin=evil"] {
        folder.part("aaa.yaml", &[claim, "own.example.com=own"]).read();
        assert_eq!(folder.api("pay.example.com", "/admin"), "pay", "{claim}");
        folder
            .expect_error("aaa.yaml", "mapping.d/aaa.yaml:2:1: error: `pay.example.com` is already mapped in pay.yaml");
        assert_eq!(folder.api("own.example.com", "/"), "-", "a part is used whole or not at all");
    }
    // It is given up in one part, and taken by the other, in one change.
    folder.part("pay.yaml", &["pay2.example.com=pay"]).read().expect_good();
    assert_eq!(folder.api("pay.example.com", "/admin"), "evil");
}

#[test]
fn a_wildcard_takes_only_names_that_nobody_has() {
    let mut folder = Folder::new();
    folder.part("pay.yaml", &["pay.example.com=pay"]).read();
    folder.part("all.yaml", &["*.example.com=all"]).read().expect_good();
    assert_eq!((folder.api("pay.example.com", "/"), folder.api("x.example.com", "/")), ("pay".into(), "all".into()));
    folder.part("more.yaml", &["*.example.com=evil"]).read();
    folder.expect_error("more.yaml", "`*.example.com` is already mapped in all.yaml");
    assert_eq!(folder.api("x.example.com", "/"), "all");
}

#[test]
fn of_two_newcomers_the_older_file_gets_a_host() {
    let mut folder = Folder::new();
    folder.part("z.yaml", &["new.example.com=older"]);
    folder.now += 10;
    folder.part("a.yaml", &["new.example.com=newer"]).read();
    assert_eq!(folder.api("new.example.com", "/"), "older");
    folder.expect_error("a.yaml", "is already mapped in z.yaml, on line 2");
}

#[test]
fn a_part_that_keeps_its_old_version_keeps_its_names() {
    let mut folder = Folder::new();
    folder.part("a.yaml", &["a.example.com=a", "x.example.com=x"]).part("c.yaml", &["c.example.com=c"]).read();
    // a.yaml gives x up and wants c, which it cannot have; b.yaml wants x, which a.yaml then still has.
    folder.part("a.yaml", &["a.example.com=a2", "c.example.com=evil"]).part("b.yaml", &["x.example.com=b"]).read();
    folder.expect_error("a.yaml", "`c.example.com` is already mapped in c.yaml");
    folder.expect_error("b.yaml", "`x.example.com` is already mapped in a.yaml");
    let api = |host: &str| folder.api(host, "/");
    assert_eq!(
        (api("a.example.com"), api("x.example.com"), api("c.example.com")),
        ("a".into(), "x".into(), "c".into())
    );
}

#[test]
fn names_may_be_swapped_in_one_change() {
    let mut folder = Folder::new();
    folder.part("a.yaml", &["a.example.com=a"]).part("b.yaml", &["b.example.com=b"]).read();
    folder.part("a.yaml", &["b.example.com=a"]).part("b.yaml", &["a.example.com=b"]).read().expect_good();
    assert_eq!((folder.api("a.example.com", "/"), folder.api("b.example.com", "/")), ("b".into(), "a".into()));
}

pub(super) fn many(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|at| format!("n{at}.example.com=id{at}")).collect()
}

pub(super) fn write_many(folder: &mut Folder, name: &str, entries: &[String]) {
    folder.part(name, &entries.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn ten_thousand_entries_of_one_part_are_held_and_others_go_on() {
    let mut folder = Folder::new();
    folder.part("a.yaml", &["a.example.com=a"]).read();
    write_many(&mut folder, "evil.yaml", &many(0, 10_000));
    folder.part("a.yaml", &["a.example.com=a2"]).read();
    folder.expect_error("evil.yaml", "it makes 10000 entries, and 5000 are the most");
    assert_eq!((folder.table.len(), folder.api("a.example.com", "/")), (1, "a2".into()));
    assert!(folder.parts.has_held());
    folder.read().expect_error("evil.yaml", "10000 entries");
    folder.read_with(true).expect_good();
    assert_eq!(folder.table.len(), 10_001);
}

#[test]
fn a_part_that_loses_most_of_its_domains_is_held_alone() {
    let mut folder = Folder::new();
    write_many(&mut folder, "a.yaml", &many(0, 20));
    write_many(&mut folder, "b.yaml", &many(100, 200));
    folder.read();
    write_many(&mut folder, "a.yaml", &many(0, 9));
    write_many(&mut folder, "b.yaml", &many(100, 201));
    folder.read().expect_error("a.yaml", "it removes 11 of its 20 domains, and 50 % is the most");
    assert_eq!((folder.status("a.yaml").entries, folder.status("b.yaml").entries), (20, 101));
    // Consent is for what was held, and for nothing that came after it.
    write_many(&mut folder, "a.yaml", &many(0, 8));
    folder.read_with(true).expect_error("a.yaml", "it removes 12 of its 20");
    folder.read_with(true).expect_good();
    assert_eq!(folder.status("a.yaml").entries, 8);
}

#[test]
fn a_part_that_disappears_is_a_removal_and_counts_for_the_whole_mapping() {
    let mut folder = Folder::new();
    for team in 0..10 {
        write_many(&mut folder, &format!("team{team}.yaml"), &many(team * 100, team * 100 + 2));
    }
    folder.read();
    for team in 0..4 {
        folder.remove(&format!("team{team}.yaml"));
    }
    folder.read().expect_good();
    assert_eq!((folder.table.len(), folder.parts.len()), (12, 6));

    // A listing that lacks most of them.
    for team in 5..10 {
        folder.remove(&format!("team{team}.yaml"));
    }
    folder.part("team4.yaml", &["n400.example.com=changed", "n401.example.com=id401"]).read();
    assert_eq!(folder.api("n400.example.com", "/"), "changed", "other changes go on");
    assert!(folder.table.len() >= 6, "{:?}", folder.table);
    let held = folder.parts.status().into_iter().filter(|status| status.error.is_some()).count();
    assert_eq!(held, 2, "as many as it takes");
    folder.read_with(true).expect_good();
    assert_eq!(folder.table.len(), 2);
}

#[test]
fn a_domain_that_moves_from_part_to_part_is_no_removal() {
    let mut folder = Folder::new();
    write_many(&mut folder, "a.yaml", &many(0, 6));
    folder.part("b.yaml", &["b.example.com=b"]).read();
    let moved = many(0, 6);
    folder.remove("a.yaml");
    write_many(&mut folder, "c.yaml", &moved);
    folder.read().expect_good();
    assert_eq!((folder.table.len(), folder.status("c.yaml").entries), (7, 6));
}

#[test]
fn the_whole_mapping_grows_no_further_than_it_may() {
    let mut folder = Folder::new();
    folder.limits.entries = 100;
    write_many(&mut folder, "a.yaml", &many(0, 90));
    folder.read();
    write_many(&mut folder, "b.yaml", &many(100, 109));
    write_many(&mut folder, "c.yaml", &many(200, 260));
    folder.read().expect_error(
        "c.yaml",
        "it makes 159 entries, and 100 are the most a change may grow to (`reload: hold_entries`)",
    );
    assert_eq!(folder.table.len(), 99);
    folder.read_with(true).expect_good();
    assert_eq!(folder.table.len(), 159);
}

#[test]
fn an_error_keeps_the_time_when_it_was_found() {
    let mut folder = Folder::new();
    folder.part("a.yaml", &["a.example.com=a"]).read();
    folder.write("a.yaml", "APIS: 1").read();
    let since = |folder: &Folder| folder.status("a.yaml").error.expect("an error").1;
    assert_eq!(since(&folder), at(2));
    folder.read();
    assert_eq!(since(&folder), at(2));
    folder.write("a.yaml", "APIS: 2").read();
    assert_eq!(since(&folder), at(4), "another version");
    assert_eq!(folder.status("a.yaml").since, Some(at(1)), "what is in use is as old as it was");
}

#[test]
fn a_part_that_cannot_be_read_stays_what_it_was() {
    let mut folder = Folder::new();
    folder.part("a.yaml", &["a.example.com=a"]).part("b.yaml", &["b.example.com=b"]).read();
    let (failed, changed) = ("cannot read it".to_owned(), part(&["b.example.com=b2"]));
    let found = [("a.yaml", None, Update::Failed(failed)), ("b.yaml", None, Update::Text(changed.into()))];
    folder.parts.update(found, 1, Pace::default());
    let assembly = folder.parts.assemble(&folder.table, &LIMITS, false, at(9), Pace::default());
    assert_eq!(assembly.errors(), 1);
    let (table, decided) = assembly.into_table();
    folder.parts.commit(decided);
    folder.table = table;
    assert_eq!((folder.api("a.example.com", "/"), folder.api("b.example.com", "/")), ("a".into(), "b2".into()));
    assert_eq!(folder.error("a.yaml"), "cannot read it");
}

#[test]
fn the_version_is_of_all_names_and_texts() {
    let mut folder = Folder::new();
    folder.part("a.yaml", &["a.example.com=a"]).part("b.yaml", &["b.example.com=b"]).read();
    let first = folder.parts.version();
    folder.read();
    assert_eq!(folder.parts.version(), first);
    folder.part("b.yaml", &["b.example.com=b2"]).read();
    let second = folder.parts.version();
    folder.write("b.yaml", "broken").read();
    assert!(first != second && folder.parts.version() != second);
    folder.part("b.yaml", &["b.example.com=b"]).read();
    assert_eq!(folder.parts.version(), first);
}

#[test]
fn each_entry_is_marked_with_its_part() {
    let mut folder = Folder::new();
    folder.part("b.yaml", &["b.example.com=b"]).read();
    folder.part("a.yaml", &["a.example.com=a"]).part("c.yaml", &["c.example.com=c"]).read();
    folder.remove("b.yaml").part("d.yaml", &["d.example.com=d"]).read();
    let names = folder.parts.names_by_mark();
    for route in folder.table.routes() {
        assert_eq!(*names[usize::from(route.part)], *format!("{}.yaml", route.api_id()));
    }
}

#[test]
fn the_part_that_grows_is_held_and_not_the_one_with_a_comment() {
    let mut folder = Folder::new();
    folder.limits.entries = 100;
    write_many(&mut folder, "a.yaml", &many(0, 90));
    folder.part("victim.yaml", &["v.example.com=v"]).read();
    write_many(&mut folder, "evil.yaml", &many(100, 160));
    let victim = part(&["v.example.com=v", "w.example.com=w"]);
    folder.write("victim.yaml", &format!("# {}\n{victim}", "x".repeat(20_000))).read();
    folder.expect_error("evil.yaml", "152 entries");
    assert_eq!((folder.api("w.example.com", "/"), folder.error("victim.yaml")), ("w".into(), String::new()));
}

#[test]
fn parts_of_a_folder_that_cannot_be_read_stay() {
    let mut folder = Folder::new();
    folder.part("a/x.yaml", &["x.example.com=x"]).part("b.yaml", &["b.example.com=b"]).read();
    let found = [("a/", None, Update::Failed("no permission".into())), ("b.yaml", None, Update::Same)];
    folder.parts.update(found, 1, Pace::default());
    let (table, _) = folder.parts.assemble(&folder.table, &LIMITS, false, at(9), Pace::default()).into_table();
    assert!(table.lookup("x.example.com", b"/").is_ok());
}

/// One look at all parts holds all that it takes, and not one part for each look.
#[test]
fn many_parts_are_held_in_one_look() {
    let mut folder = Folder::new();
    folder.limits.max_removed = 1;
    for at in 0..300 {
        write_many(&mut folder, &format!("p{at}.yaml"), &many(at * 10, at * 10 + 9));
    }
    folder.read().expect_good();
    for at in 0..300 {
        write_many(&mut folder, &format!("p{at}.yaml"), &many(at * 10, at * 10 + 1));
    }
    folder.read();
    let held = folder.parts.status().iter().filter(|status| status.error.is_some()).count();
    assert!((290..300).contains(&held), "{held}");
}

#[test]
fn what_a_later_reading_found_outlives_an_assembly_that_is_used_late() {
    let mut folder = Folder::new();
    folder.part("a.yaml", &["a.example.com=a1"]).part("b.yaml", &["b.example.com=b1"]);
    folder.part("gone.yaml", &["gone.example.com=g1"]).read();
    folder.part("a.yaml", &["a.example.com=a2"]).remove("gone.yaml").find();
    let late = folder.parts.assemble(&folder.table, &LIMITS, true, at(9), Pace::default());
    folder.part("b.yaml", &["b.example.com=b2"]).part("c.yaml", &["c.example.com=c1"]);
    folder.part("gone.yaml", &["gone.example.com=g2"]).find();
    let (table, decided) = late.into_table();
    folder.parts.commit(decided);
    folder.table = table;
    assert_eq!(folder.entries(), ["a.example.com a2", "b.example.com b1"]);
    // The source says of each part that it is as it was.
    folder.read();
    let all = ["a.example.com a2", "b.example.com b2", "c.example.com c1", "gone.example.com g2"];
    assert_eq!(folder.entries(), all);
}
