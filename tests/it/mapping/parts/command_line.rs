//! Commands that read a folder take all of it, or tell every error.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::OWNERS;
use crate::harness::server::{mapping, nameplate};

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("written");
}

#[track_caller]
fn run(words: &[&str], code: i32, wants: &[&str]) -> String {
    let output = nameplate(words);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for want in wants {
        assert!(text.contains(want), "{want}: {text}");
    }
    text
}

#[test]
fn a_folder_is_checked_explained_and_planned_like_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    write(folder.path(), "owners.yaml", OWNERS);
    write(folder.path(), "pay/api.yaml", &mapping(&[("pay.example.com", "/prod"), ("shop.example.com/pay", "/prod")]));
    write(folder.path(), "web.yaml", &mapping(&[("shop.example.com", "/prod")]));
    run(&["check", path], 0, &[": ok: 2 parts, 3 entries, 2 domains, version "]);
    run(&["check", path, "--format", "json"], 0, &["\"ok\":true", "\"parts\":2,\"entries\":3"]);
    run(&["explain", "--mapping", path, "GET", "https://shop.example.com/pay/x"], 0, &["forwarded", "/pay/api.yaml:"]);
    run(&["plan", path], 0, &["shop.example.com"]);

    let old = tempfile::tempdir().expect("a folder");
    write(old.path(), "web.yaml", &mapping(&[("shop.example.com", "/prod")]));
    run(&["check", path, "--against", old.path().to_str().expect("text")], 3, &["pay.example.com"]);
}

#[test]
fn every_error_of_every_part_is_told_at_its_file_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    write(folder.path(), "owners.yaml", OWNERS);
    write(folder.path(), "pay.yaml", &mapping(&[("x..example.com", "/prod")]));
    write(folder.path(), "web/a.yaml", &mapping(&[("pay.example.com", "/prod")]));
    write(folder.path(), "web/b.yaml", &mapping(&[("one.example.com", "/prod")]));
    write(folder.path(), "web/c.yaml", &mapping(&[("one.example.com", "/prod")]));
    write(folder.path(), "nobody.yaml", &mapping(&[("two.example.com", "/prod")]));
    let said = run(
        &["check", path],
        1,
        &[
            "/pay.yaml:2:",
            "/web/a.yaml:2:1: error: `pay.example.com` is granted to `pay`, and this part is of `web`",
            "/web/c.yaml:2:1: error: `one.example.com` is already mapped in web/b.yaml, on line 2",
            "/nobody.yaml:1:1: error: owners.yaml gives nobody a part of this name",
        ],
    );
    assert!(!said.contains("/web/b.yaml:"), "{said}");
    let json = run(&["check", path, "--format", "json"], 1, &["not-granted", "duplicate-domain"]);
    assert_eq!(json.lines().count(), 4, "{json}");

    write(folder.path(), "owners.yaml", "OWNERS: 1");
    run(&["check", path], 1, &["/owners.yaml:1:9: error: OWNERS must be a list"]);
}

#[test]
fn the_owner_of_one_file_is_planned_like_that_of_a_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("OWNER: payments\nCONTACT: '#pay'\n{}", mapping(&[("pay.example.com", "/prod")]));
    write(folder.path(), "m.yaml", &text);
    let path = folder.path().join("m.yaml");
    run(&["plan", path.to_str().expect("text")], 0, &["Owners: 1\n  payments  1 domain, 1 API", "#pay"]);
}

#[test]
fn a_link_shows_no_line_of_a_file_of_the_host() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "secret.txt", "APIS: hunter2");
    write(folder.path(), "mapping/a.yaml", &mapping(&[("a.example.com", "/prod")]));
    std::os::unix::fs::symlink("../secret.txt", folder.path().join("mapping/b.yaml")).expect("a link");
    let path = folder.path().join("mapping");
    let text = run(&["check", path.to_str().expect("text")], 2, &["leads out of the mapping's folder", "b.yaml"]);
    assert!(!text.contains("hunter2"), "{text}");
}
