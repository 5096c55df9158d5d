//! Variables of the environment: an empty one is unset, and an error names the one that is wrong.

use std::process::{Command, Output};

use crate::harness::origin::Origin;
use crate::harness::server::{mapping, server};

/// Every variable that stands for a flag.
const VARIABLES: [&str; 8] = [
    "NAMEPLATE_CONFIG",
    "NAMEPLATE_SETTINGS",
    "NAMEPLATE_MAPPING",
    "NAMEPLATE_LISTEN",
    "NAMEPLATE_ADMIN",
    "NAMEPLATE_ENDPOINT",
    "NAMEPLATE_ALLOW_SHRINK",
    "NAMEPLATE_LOG",
];

fn pay() -> String {
    mapping(&[("pay.example.com", "/prod")])
}

/// What `nameplate` with these words does in this environment, where it ends by itself.
fn run(words: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
    let Output { status, stdout, stderr } =
        command.args(words).env_clear().envs(variables.iter().copied()).output().expect("the binary runs");
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[test]
fn an_empty_variable_is_unset() {
    let api = Origin::ok();
    let mut builder = server(&api).mapping(&pay());
    for name in VARIABLES.iter().chain(&["ECS_CONTAINER_METADATA_URI_V4", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"]) {
        builder = builder.environment(name, "");
    }
    let server = builder.start();
    assert_eq!(server.get("pay.example.com"), 200);
    let (code, said) =
        run(&["healthcheck", "--admin", &server.admin().0.to_string()], &VARIABLES.map(|name| (name, "")));
    assert_eq!(code, Some(0), "{said}");
}

#[track_caller]
fn refused(name: &str, value: &str, what: &str) {
    let (code, said) = run(&["serve"], &[(name, value)]);
    assert_eq!(code, Some(2), "{name}: {said}");
    assert!(said.starts_with(&format!("error: {name}: ")) && said.contains(what), "{said}");
    assert!(said.lines().next().is_some_and(|line| !line.contains("--")), "the flag is not what is wrong: {said}");
}

#[test]
fn an_error_names_the_variable_that_is_wrong() {
    refused("NAMEPLATE_LISTEN", ":8080", "`:8080` has no IP address\n  help: write `0.0.0.0:8080`");
    refused("NAMEPLATE_ADMIN", "localhost:9901", "help: write `127.0.0.1:9901`");
    refused("NAMEPLATE_ENDPOINT", "https://a.example.com/", "is a URL, and a DNS name is needed");
    refused("NAMEPLATE_ENDPOINT", "vpce-0123456789abcdef0", "is the id of an endpoint");
    refused("NAMEPLATE_ALLOW_SHRINK", "maybe", "help: write `true`, `1`, `yes` or `on`, or `false`");
    refused("NAMEPLATE_MAPPING", "s3://bucket", "s3://bucket names no object\n  help: write s3://bucket/key");
    refused("NAMEPLATE_LOG", "inof", "`inof` is not a level");
}

#[test]
fn a_flag_outranks_its_variable_and_is_named_itself() {
    let (code, said) = run(&["serve", "--listen", ":8080"], &[("NAMEPLATE_LISTEN", "127.0.0.1:0")]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--listen") && said.contains("write `0.0.0.0:8080`"), "{said}");
    let api = Origin::ok();
    let admin = ["--admin", "127.0.0.1:0"];
    let server = server(&api).mapping(&pay()).environment("NAMEPLATE_ADMIN", "wrong").arguments(&admin).start();
    assert_eq!(server.get("pay.example.com"), 200);
}

#[test]
fn two_variables_with_settings_are_one_too_many() {
    let both = [("NAMEPLATE_CONFIG", "conf/nameplate.yaml"), ("NAMEPLATE_SETTINGS", "threads: 1")];
    let (code, said) = run(&["serve"], &both);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.starts_with("error: NAMEPLATE_CONFIG and NAMEPLATE_SETTINGS: both give settings\n"), "{said}");
}

#[test]
fn true_and_false_are_read_as_people_write_them() {
    let api = Origin::ok();
    for value in ["yes", "TRUE", "1", "off", "No"] {
        let server = server(&api).mapping(&pay()).environment("NAMEPLATE_ALLOW_SHRINK", value).start();
        assert_eq!(server.get("pay.example.com"), 200, "{value}");
    }
}

#[test]
fn an_endpoint_that_is_a_url_ends_serve_at_once() {
    for endpoint in ["https://vpce.example.com", "vpce-0123456789abcdef0", "Z7HUB22UULQXV:vpce.example.com", "10.0.0.7"]
    {
        let (code, said) = run(&["serve", "--endpoint", endpoint], &[]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("--endpoint") && said.contains(endpoint), "{said}");
    }
}

#[test]
fn serve_says_every_error_of_its_settings() {
    let api = Origin::ok();
    let mut server = server(&api).mapping(&pay()).settings("log: { level: inof }\nclient: { keepalive: 5 }\n").start();
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("nameplate.yaml:1:15: error: log.level: `inof` is not a level"), "{said}");
    assert!(said.contains("nameplate.yaml:2:11: error: unknown key `keepalive` in `client`"), "{said}");
    assert!(said.trim_end().ends_with("2 errors"), "{said}");
}

#[test]
fn addresses_that_overlap_end_serve_at_once() {
    let admin = ["--admin", "127.0.0.1:8080"];
    let words = [&["serve", "--listen", "0.0.0.0:8080", "--endpoint", "vpce.example.com"][..], &admin].concat();
    let (code, said) = run(&words, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("error: listeners[0].address: `0.0.0.0:8080` overlaps `127.0.0.1:8080` of `admin`"),
        "{said}"
    );
}
