//! In a folder: what one part cannot take from the others.

use std::fs;
use std::os::unix::fs::symlink;

use super::{Folder, OWNERS, SETTINGS, parts};
use crate::harness::origin::Origin;
use crate::harness::server::{mapping, server};

fn team(team: usize) -> (String, String) {
    (format!("teams/t{team:03}.yaml"), format!("t{team}.example.com"))
}

#[test]
fn of_200_parts_one_is_broken_and_199_changes_are_active() {
    let api = Origin::ok();
    let builder = server(&api).settings("mapping: parts\nreload: { watch: false, poll: 60m, cache: '' }");
    let folder = Folder::of(&builder);
    for at in 0..200 {
        let (name, domain) = team(at);
        folder.map(&name, &domain, "/old");
    }
    let server = builder.start();
    server.admin().wait_for_metric(&parts("active"), 200.0);
    for at in 0..200 {
        let (name, domain) = team(at);
        match at {
            7 => folder.write(&name, "APIS:\n  - CUSTOM_DOMAIN_URL: t7..example.com\n"),
            _ => folder.map(&name, &domain, "/new"),
        }
    }
    // One reading takes all changes.
    assert_eq!(server.reload(&["--part", "teams/t008.yaml"]).status.code(), Some(0));
    assert_eq!(server.reload(&["--part", "teams/"]).status.code(), Some(1));
    assert_eq!(server.admin().metric(&parts("rejected")), 1.0);
    server.wait_for("mapping part teams/t007.yaml rejected");
    server.wait_for("parts/teams/t007.yaml:2:");
    let prefix = |domain: &str| {
        let found = server.admin().get(&format!("/mapping?domain={domain}")).json();
        found["found"]["entries"][0]["prefix"].as_str().unwrap_or_default().to_owned()
    };
    for at in 0..200 {
        let want = if at == 7 { "/old" } else { "/new" };
        assert_eq!(prefix(&team(at).1), want, "t{at}");
        assert_eq!(server.get(&team(at).1), 200);
    }
    let shown = server.admin().mapping();
    assert_eq!(shown["trouble"]["reason"], "rejected");
    let broken = &shown["parts"][7];
    assert_eq!((&broken["name"], &broken["error"]["reason"]), (&"teams/t007.yaml".into(), &"rejected".into()));
    assert_eq!(server.admin().get("/readyz").status, 200);
    let series = "nameplate_mapping_part_error{owner=\"\",part=\"teams/t007.yaml\",reason=\"rejected\"}";
    assert_eq!(server.admin().metric(series), 1.0);

    folder.map("teams/t007.yaml", "t7.example.com", "/fixed");
    assert!(server.reload(&[]).status.success());
    assert_eq!(server.admin().metric(&parts("rejected")), 0.0);
    assert_eq!((prefix("t7.example.com"), server.admin().mapping()["trouble"].is_null()), ("/fixed".into(), true));
}

#[test]
fn a_hostile_part_takes_nothing_from_anybody() {
    let api = Origin::ok();
    let builder = server(&api).settings(&format!("{SETTINGS}\nmetrics: {{ max_domains: 4 }}"));
    let folder = Folder::of(&builder);
    folder.write("owners.yaml", OWNERS);
    folder.map("pay.yaml", "pay.example.com", "/pay");
    folder.map("web/shop.yaml", "shop.example.com", "/shop");
    let server = builder.start();
    server.admin().wait_for_metric(&parts("active"), 2.0);
    let many: Vec<_> = (0..10_000).map(|at| format!("n{at}.example.com")).collect();
    let many: Vec<_> = many.iter().map(|domain| (domain.as_str(), "/evil")).collect();
    let claims = [
        (mapping(&[("pay.example.com", "/evil")]), "rejected"),
        (mapping(&[("shop.example.com/pay", "/evil")]), "rejected"),
        (mapping(&[("shop.example.com", "/evil")]), "rejected"),
        (mapping(&[("other.example.net", "/evil")]), "rejected"),
        (mapping(&many), "held"),
    ];
    for (text, reason) in claims {
        folder.write("web/evil.yaml", &text);
        server.admin().wait_for_metric(&parts(reason), 1.0);
        assert_eq!((server.get("pay.example.com"), server.get("shop.example.com")), (200, 200));
        assert_eq!(server.admin().metric("nameplate_mapping_entries"), 2.0);
        folder.remove("web/evil.yaml");
        server.admin().wait_for_metric(&parts(reason), 0.0);
    }
    assert!(api.requests().iter().all(|request| !request.target().starts_with("/evil")), "nothing went there");
}

#[test]
fn a_reload_tells_which_part_is_at_fault_and_takes_the_others() {
    let api = Origin::ok();
    let builder = server(&api).settings("mapping: parts\nreload: { watch: false, poll: 60m, cache: '' }");
    let folder = Folder::of(&builder);
    folder.map("a.yaml", "a.example.com", "/old");
    folder.write("b.yaml", &format!("OWNER: team-b\n{}", mapping(&[("b.example.com", "/old")])));
    let server = builder.start();
    assert_eq!(server.get("b.example.com"), 200);
    folder.map("a.yaml", "new.example.com", "/new");
    folder.write("b.yaml", "OWNER: team-b\nAPIS:\n  - CUSTOM_DOMAIN_URL: a b\n");
    let check = |words: &[&str], code: i32, wants: &[&str]| {
        let told = server.reload(words);
        let text = String::from_utf8_lossy(&[&told.stdout[..], &told.stderr[..]].concat()).into_owned();
        assert_eq!(told.status.code(), Some(code), "{words:?}: {text}");
        wants.iter().for_each(|want| assert!(text.contains(want), "{want}: {text}"));
    };
    // An error of team-b's part is for team-b alone.
    check(&[], 0, &["mapping reloaded: ", "warning: part b.yaml of team-b rejected:\n", "parts/b.yaml:3:"]);
    check(&["--part", "a.yaml"], 0, &["mapping reloaded: ", "warning: part b.yaml of team-b rejected:\n"]);
    check(&["--part", "b.yaml"], 1, &["error: part b.yaml of team-b rejected:\n", "all other parts are active: "]);
    check(&["--part", "c.yaml"], 1, &["the mapping has no part c.yaml\n  help: name it as /mapping does"]);
    assert_eq!(
        (server.get("new.example.com"), server.get("a.example.com"), server.get("b.example.com")),
        (200, 421, 200)
    );
}

#[test]
fn what_is_held_is_taken_on_a_word() {
    let api = Origin::ok();
    let settings = "mapping: parts\nreload: { watch: false, poll: 60m, cache: '', hold_part_entries: 2 }";
    let builder = server(&api).settings(settings);
    let folder = Folder::of(&builder);
    folder.map("a.yaml", "a.example.com", "/prod");
    let server = builder.start();
    assert_eq!(server.get("a.example.com"), 200);
    let three = [("b.example.com", "/prod"), ("c.example.com", "/prod"), ("d.example.com", "/prod")];
    folder.write("b.yaml", &mapping(&three));
    let held = server.reload(&["--part", "b.yaml"]);
    assert!(held.status.code() == Some(4) && server.get("b.example.com") == 421, "{held:?}");
    let taken = server.reload(&["--allow-growth"]);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    assert_eq!(server.get("b.example.com"), 200);
}

#[test]
fn a_request_is_logged_with_its_part() {
    let api = Origin::ok();
    let builder = server(&api).settings(&format!("{SETTINGS}\naccess_log: {{ to: stdout }}"));
    let folder = Folder::of(&builder);
    folder.map("teams/a.yaml", "a.example.com", "/prod");
    folder.map("teams/b.yaml", "b.example.com", "/prod");
    let server = builder.start();
    assert_eq!(server.get("b.example.com"), 200);
    server.stdout_line("\"part\":\"teams/b.yaml\",\"line\":2,");
}

#[test]
fn a_folder_without_a_part_that_can_be_used_ends_the_start() {
    let api = Origin::ok();
    let builder = server(&api).settings(SETTINGS);
    let folder = Folder::of(&builder);
    folder.write("a.yaml", "APIS: 1");
    let (status, log) = builder.start().wait_for_end();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("parts/a.yaml:1:7: error: "), "{log}");
}

#[test]
fn a_linked_folder_that_is_away_and_a_link_to_the_host_take_no_part_away() {
    let api = Origin::ok();
    let builder = server(&api).settings("mapping: parts\nreload: { watch: false, poll: 60m, cache: '' }");
    let folder = Folder::of(&builder);
    folder.map("..teams/pay/a.yaml", "a.example.com", "/prod");
    folder.map("b.yaml", "b.example.com", "/prod");
    symlink("..teams/pay", folder.path("pay")).expect("a link");
    let server = builder.start();
    assert_eq!((server.get("a.example.com"), server.get("b.example.com")), (200, 200));
    fs::rename(folder.path("..teams"), folder.path("..away")).expect("renamed");
    fs::remove_file(folder.path("b.yaml")).expect("removed");
    symlink("/etc/hostname", folder.path("b.yaml")).expect("a link");
    let told = server.reload(&["--part", "pay/", "--part", "b.yaml"]);
    let text = String::from_utf8_lossy(&told.stderr).into_owned();
    assert_eq!(told.status.code(), Some(2), "{text}");
    let wants = ["its folder cannot be read: No such file", "it is a link that leads out of the mapping's folder"];
    assert!(wants.iter().all(|want| text.contains(want)), "{text}");
    assert_eq!((server.get("a.example.com"), server.get("b.example.com")), (200, 200));
}

#[test]
fn a_warning_in_the_log_names_its_part() {
    let api = Origin::ok();
    let builder = server(&api).settings(SETTINGS);
    let folder = Folder::of(&builder);
    folder.map("a.yaml", "a.example.com", "/prod");
    folder.write("web/shop.yaml", &format!("{}    VERBS: PUT\n", mapping(&[("b.example.com", "/prod")])));
    let server = builder.start();
    server.wait_for("mapping: 1 warning; the first is on line 2 of web/shop.yaml: VERBS has PUT without OPTIONS");
}
