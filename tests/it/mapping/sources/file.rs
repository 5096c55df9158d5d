//! A file: watched, polled, replaced, written in place, linked.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;

use super::{expect_not_taken, expect_served, trouble};
use crate::harness::origin::Origin;
use crate::harness::server::{Server, mapping, server};

const OLD: &[(&str, &str)] = &[("pay.example.com", "/prod")];
const NEW: &[(&str, &str)] = &[("pay.example.com", "/prod"), ("new.example.com", "/v2")];

/// Only a watch can notice a change in time.
fn watching(api: &Origin) -> Server {
    Server::start(&mapping(OLD), api, "reload: { poll: 60m }")
}

#[test]
fn one_that_is_renamed_into_place_is_in_force_by_itself() {
    let api = Origin::ok();
    let server = watching(&api);
    server.replace_mapping(&mapping(NEW));
    expect_served(&server, 2.0, "new.example.com");
    // The watch is on the new file too.
    server.replace_mapping(&mapping(OLD));
    expect_served(&server, 3.0, "pay.example.com");
    assert_eq!(server.get("new.example.com"), 421);
    server.wait_for("generation 2, version");
}

#[test]
fn one_that_is_written_in_place_is_too() {
    let api = Origin::ok();
    let server = watching(&api);
    server.save_mapping(&mapping(NEW));
    expect_served(&server, 2.0, "new.example.com");
}

#[test]
fn half_of_a_file_is_never_taken_nor_complained_about() {
    let api = Origin::ok();
    let server = watching(&api);
    server.wait_for("admin pages on");
    let new = mapping(NEW);
    // What is cut off after an entry is a mapping without fault, of fewer domains.
    let half = new.find("  - CUSTOM_DOMAIN_URL: \"new").expect("a second entry");
    for at in [0, 20, half, half + 70] {
        let path = server.path("mapping.yaml");
        let mut file = OpenOptions::new().write(true).truncate(true).open(path).expect("opened");
        file.write_all(&new.as_bytes()[..at]).expect("written");
        file.flush().expect("written");
        for _ in 0..5 {
            assert_eq!(server.get("pay.example.com"), 200);
        }
        file.write_all(&new.as_bytes()[at..]).expect("written");
    }
    expect_served(&server, 2.0, "new.example.com");
    assert_eq!((server.admin().reloads("rejected"), server.admin().reloads("held")), (0.0, 0.0));
}

#[test]
fn one_that_is_written_in_place_with_less_is_taken_once_it_was_found_twice() {
    let api = Origin::ok();
    let server = Server::start(&mapping(NEW), &api, "reload: { poll: 60m }");
    server.wait_for("admin pages on");
    let before = std::time::Instant::now();
    server.save_mapping(&mapping(OLD));
    expect_served(&server, 2.0, "pay.example.com");
    assert!(before.elapsed() >= std::time::Duration::from_secs(1), "it was believed at first sight");
    assert_eq!(server.get("new.example.com"), 421);
}

#[test]
fn half_that_was_closed_is_waited_for_and_not_complained_about() {
    let api = Origin::ok();
    let server = watching(&api);
    server.wait_for("admin pages on");
    let new = mapping(NEW);
    let half = new.len() - 30;
    fs::write(server.path("mapping.yaml"), &new.as_bytes()[..half]).expect("written");
    // Longer than a closed file is left alone for, and shorter than until the second look.
    std::thread::park_timeout(std::time::Duration::from_millis(500));
    let mut file = OpenOptions::new().append(true).open(server.path("mapping.yaml")).expect("opened");
    file.write_all(&new.as_bytes()[half..]).expect("written");
    drop(file);
    expect_served(&server, 2.0, "new.example.com");
    assert_eq!((server.admin().reloads("rejected"), server.times_said("mapping rejected")), (0.0, 0));
}

#[test]
fn a_link_that_is_swapped_as_kubernetes_does_it_is_followed() {
    let api = Origin::ok();
    let builder = server(&api).settings("reload: { poll: 60m }\nmapping: mounted/mapping.yaml");
    let mounted = builder.path("mounted");
    for (folder, entries) in [("..one", OLD), ("..two", NEW)] {
        fs::create_dir_all(mounted.join(folder)).expect("a folder");
        fs::write(mounted.join(folder).join("mapping.yaml"), mapping(entries)).expect("written");
    }
    symlink("..one", mounted.join("..data")).expect("a link");
    symlink("..data/mapping.yaml", mounted.join("mapping.yaml")).expect("a link");
    let server = builder.start();
    assert_eq!(server.get("new.example.com"), 421);

    symlink("..two", mounted.join("..tmp")).expect("a link");
    fs::rename(mounted.join("..tmp"), mounted.join("..data")).expect("swapped");
    expect_served(&server, 2.0, "new.example.com");
}

#[test]
fn without_a_watch_it_is_polled() {
    let api = Origin::ok();
    let server = Server::start(&mapping(OLD), &api, "reload: { watch: false, poll: 1s }");
    server.replace_mapping(&mapping(NEW));
    expect_served(&server, 2.0, "new.example.com");
    server.admin().wait_for_at_least("nameplate_mapping_reloads_total{result=\"unchanged\"}", 1.0);
    assert!(server.admin().metric("nameplate_mapping_staleness_seconds") < 5.0);
}

#[test]
fn a_broken_one_is_reported_with_its_faults_and_a_good_one_ends_that() {
    let api = Origin::ok();
    let server = watching(&api);
    server.replace_mapping(&(mapping(NEW) + "    VERB: GET\n"));
    let trouble_with_it = expect_not_taken(&server, "rejected", "pay.example.com");
    let fault = &trouble_with_it["faults"][0];
    assert_eq!((fault["line"].as_u64(), fault["what"].as_str()), (Some(6), Some("unknown key `VERB`")));
    server.wait_for("mapping.yaml:6:5: error: unknown key `VERB`");
    server.wait_for("the mapping in force is unchanged (generation 1)");
    assert_eq!(server.admin().reloads("rejected"), 1.0);

    server.replace_mapping(&mapping(NEW));
    expect_served(&server, 2.0, "new.example.com");
    assert_eq!(server.admin().metric(&trouble("rejected")), 0.0);
    assert!(server.admin().mapping()["trouble"].is_null());
}

#[test]
fn one_that_is_deleted_serves_on_until_it_is_back() {
    let api = Origin::ok();
    let server = watching(&api);
    server.wait_for("admin pages on");
    fs::remove_file(server.path("mapping.yaml")).expect("deleted");
    let gone = expect_not_taken(&server, "failed", "pay.example.com");
    assert!(gone["message"].as_str().is_some_and(|said| said.contains("No such file")), "{gone}");
    server.replace_mapping(&mapping(OLD));
    server.admin().wait_for_metric(&trouble("failed"), 0.0);
    server.wait_for("has the mapping that is in force again");
    assert_eq!(server.admin().metric("nameplate_mapping_generation"), 1.0, "it is the same one");
}
