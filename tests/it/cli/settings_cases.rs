//! `nameplate check --config FILE`, case by case: what it says of settings, byte for byte.
//!
//! A case in `tests/cases/settings` is a settings file, a line `---- exit N ----`, and the output. The folder has a
//! certificate with its key, another key, an authority and an empty file.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::check_cases::hold;
use crate::harness::authority;
use crate::harness::server::certify;

/// A folder with what settings may name.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    let path = |name: &str| folder.path().join(name);
    certify(&path("server.pem"), &path("server.key"), "a.example.com");
    certify(&path("other.pem"), &path("other.key"), "b.example.com");
    authority().write_pem(&path("ca.pem")).expect("written");
    fs::write(path("empty"), "").expect("written");
    folder
}

fn check(folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
    command.current_dir(folder).arg("check").args(words).env_clear().envs(variables.iter().copied());
    command.output().expect("the binary runs")
}

#[test]
fn every_case_says_what_its_file_holds() {
    let folder = folder();
    hold("settings", |text| {
        fs::write(folder.path().join("nameplate.yaml"), text).expect("written");
        let Output { status, stdout, stderr } = check(folder.path(), &["--config", "nameplate.yaml"], &[]);
        let code = status.code().expect("an exit code");
        [format!("---- exit {code} ----\n").as_bytes(), &stdout, &stderr].concat()
    });
}

#[test]
fn a_certificate_that_has_expired_is_a_warning() {
    let folder = folder();
    let end = SystemTime::now() - Duration::from_secs(3 * 86_400);
    let leaf = authority().issue_until(&["a.example.com".to_owned()], end).expect("a certificate");
    fs::write(folder.path().join("server.pem"), leaf.certificate_pem()).expect("written");
    fs::write(folder.path().join("server.key"), leaf.key_pem()).expect("written");
    let text = "endpoint: { private_dns: true }\nlisteners:\n  - address: 0.0.0.0:8443\n    tls:\n      key: server.key\n      certificate: server.pem\n";
    fs::write(folder.path().join("nameplate.yaml"), text).expect("written");
    let output = check(folder.path(), &["--config", "nameplate.yaml"], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with("nameplate.yaml:6:20: warning: listeners[0].tls.certificate: it expired 3 days ago"),
        "{said}"
    );
}

#[test]
fn json_has_the_same_errors() {
    let folder = folder();
    fs::write(folder.path().join("nameplate.yaml"), "threads: 0\nlog: { level: inof }\n").expect("written");
    let output = check(folder.path(), &["--config", "nameplate.yaml", "--format", "json"], &[]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!(
        (&report["settings"], &report["ok"], &report["errors"]),
        (&"nameplate.yaml".into(), &false.into(), &2.into())
    );
    assert_eq!((&report["faults"][1]["line"], &report["faults"][1]["column"]), (&2.into(), &15.into()));
}

#[test]
fn settings_of_the_environment_are_checked_alone_too() {
    let folder = folder();
    let good = check(folder.path(), &[], &[("NAMEPLATE_SETTINGS", "endpoint: { private_dns: true }")]);
    let said = String::from_utf8_lossy(&good.stdout);
    assert_eq!((good.status.code(), said.starts_with("<settings>: ok: ")), (Some(0), true), "{said}");
    let wrong = check(folder.path(), &[], &[("NAMEPLATE_SETTINGS", "{\"admin\": \"localhost:9901\"}")]);
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert_eq!(wrong.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("<settings>:1:12: error: admin: `localhost:9901` is not an IP address with a port\n"),
        "{said}"
    );
}

#[test]
fn without_settings_and_mappings_nothing_is_checked() {
    let folder = folder();
    let output = check(folder.path(), &[], &[("NAMEPLATE_CONFIG", "")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: no mapping file named\n"), "{said}");
}

#[test]
fn a_settings_file_that_is_not_there_is_2() {
    let folder = folder();
    let output = check(folder.path(), &["--config", "no.yaml"], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no.yaml"), "{said}");
}
