//! `nameplate doctor` against the demo's stand-in, over real TLS: each way for an API to fail is diagnosed.

mod aws;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;
use tempfile::TempDir;

use super::folder::repository;
use crate::harness::origin::Origin;
use crate::harness::server::server;

/// Each failure of the stand-in, and the label of its cause.
const FAILURES: [(&str, &str); 41] = [
    ("api_unknown", "api_unknown"),
    ("stage_unknown", "stage_unknown"),
    ("path_unknown", "path_unknown"),
    ("policy_denies", "policy_denies"),
    ("policy_denies_named", "policy_denies"),
    ("endpoint_not_allowed", "endpoint_not_allowed"),
    ("policy_allows_nothing", "policy_allows_nothing"),
    ("policy_allows_nothing_named", "policy_allows_nothing"),
    ("endpoint_policy_denies", "endpoint_policy_denies"),
    ("denied_in_own_words", "policy_denies"),
    ("waf", "waf"),
    ("waf_own_response", "waf"),
    ("strict_access", "strict_access"),
    ("iam_required", "iam_required"),
    ("signature_refused", "signature_refused"),
    ("signature_incomplete", "signature_refused"),
    ("security_token_invalid", "signature_refused"),
    ("api_key_required", "api_key_required"),
    ("api_key_invalid", "api_key_required"),
    ("authorizer_unauthorized", "authorizer_refuses"),
    ("authorizer_refuses", "authorizer_refuses"),
    ("authorizer_denies", "authorizer_refuses"),
    ("authorizer_fails", "authorizer_fails"),
    ("throttled", "throttled"),
    ("quota_exceeded", "quota_exceeded"),
    ("request_invalid", "request_invalid"),
    ("integration_timed_out", "integration_timed_out"),
    ("integration_unreachable", "integration_unreachable"),
    ("integration_invalid", "integration_invalid"),
    ("api_misconfigured", "api_misconfigured"),
    ("integration_refuses", "integration_refuses"),
    ("integration_refuses_http", "integration_refuses"),
    ("integration_error", "integration_error"),
    ("not_api_gateway", "not_api_gateway"),
    ("certificate_of_another_region", "certificate_of_another_region"),
    ("certificate_for_other_names", "certificate_for_other_names"),
    ("certificate_untrusted", "certificate_untrusted"),
    ("certificate_expired", "certificate_expired"),
    ("handshake_fails", "handshake_fails"),
    ("endpoint_silent", "endpoint_silent"),
    ("endpoint_hangs_up", "endpoint_silent"),
];

/// The most doctors at a time.
const AT_ONCE: usize = 4;

/// The stand-in, with an API for each failure; ended when dropped.
struct Gateway {
    child: Child,
    folder: TempDir,
    address: SocketAddr,
}

impl Gateway {
    fn start() -> Gateway {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("mapping.yaml"), mapping()).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
        command
            .env_clear()
            .args(["demo", "--gateway", "127.0.0.1:0", "--mapping"])
            .arg(folder.path().join("mapping.yaml"));
        command.arg("--authority").arg(folder.path().join("ca.pem"));
        command
            .args(FAILURES.iter().flat_map(|(failure, _)| ["--fail".to_owned(), format!("{}={failure}", id(failure))]));
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let line = lines.next().expect("a line").expect("text");
        let address = line.rsplit(' ').next().and_then(|at| at.trim_end_matches('.').parse().ok());
        Gateway { child, folder, address: address.unwrap_or_else(|| panic!("no address in {line:?}")) }
    }

    fn settings(&self, more: &str) -> String {
        let ca = self.folder.path().join("ca.pem");
        format!("endpoint: {{ fixed: ['{}'], ca_file: '{}' }}\n{more}", self.address, ca.display())
    }

    /// Asks the doctor for a URL; the exit code, and what it prints as JSON.
    fn doctor(&self, host: &str, more: &str) -> (i32, Value) {
        let mapping = self.folder.path().join("mapping.yaml");
        let words = [format!("https://{host}/pets"), "--mapping".into(), mapping.display().to_string()];
        let run = doctor(&[&words[..], &["--settings".into(), self.settings(more)]].concat());
        (run.status.code().expect("a code"), json(&run))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn doctor(words: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
    command.env_clear().arg("doctor").args(words).args(["--format", "json"]);
    command.output().expect("the binary runs")
}

fn json(run: &Output) -> Value {
    serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|e| panic!("{e}: {:?} {}", run.stdout, String::from_utf8_lossy(&run.stderr)))
}

/// An API's id for a failure: letters and digits, as API Gateway's are.
fn id(failure: &str) -> String {
    failure.replace('_', "")
}

/// An entry for each failure, and one for an API that answers. STRICT shows where the API gets another Host.
fn mapping() -> String {
    let mut text = "APIS:\n".to_owned();
    for (failure, _) in FAILURES.into_iter().chain([("works", "")]) {
        let api = id(failure);
        let _ = writeln!(text, "- CUSTOM_DOMAIN_URL: {api}.example.com");
        let _ = writeln!(text, "  PRIVATE_API_URL: https://{api}.execute-api.us-east-1.amazonaws.com/prod");
        match failure {
            "strict_access" => text.push_str("  HOST: preserve\n"),
            "endpoint_silent" => text.push_str("  TIMEOUT: first_byte=100ms\n"),
            _ => {}
        }
    }
    text
}

fn labels(report: &Value) -> Vec<&str> {
    let causes = report["verdict"]["causes"].as_array().expect("causes");
    causes.iter().map(|cause| cause["label"].as_str().expect("a label")).collect()
}

/// docs/doctor.schema.json.
struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn read() -> Schema {
        let mut schemas = Schemas::new();
        let file = repository("docs/doctor.schema.json");
        let index = Compiler::new().compile(&file.display().to_string(), &mut schemas).expect("a schema");
        Schema { schemas, index }
    }

    #[track_caller]
    fn holds(&self, report: &Value) {
        if let Err(e) = self.schemas.validate(report, self.index) {
            panic!("{e:#}\n{report:#}");
        }
    }
}

#[test]
fn every_failure_is_diagnosed_and_none_is_confidently_wrong() {
    let gateway = Gateway::start();
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((failure, cause)) = FAILURES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (_, report) = gateway.doctor(&format!("{}.example.com", id(failure)), "");
                    reports.lock().expect("nobody panicked").insert(*failure, (*cause, report));
                }
            });
        }
    });
    let (schema, reports) = (Schema::read(), reports.into_inner().expect("nobody panicked"));
    let mut missed = Vec::new();
    for (failure, (cause, report)) in &reports {
        schema.holds(report);
        let (named, certain) = (labels(report), report["verdict"]["certain"] == true);
        assert!(!certain || named == [*cause], "{failure}: confidently {named:?}");
        if !named.contains(cause) {
            missed.push((failure, named));
        }
    }
    assert_eq!((reports.len(), missed), (FAILURES.len(), Vec::new()));
}

#[test]
fn an_api_that_answers_is_well() {
    let gateway = Gateway::start();
    let (code, report) = gateway.doctor("works.example.com", "");
    Schema::read().holds(&report);
    assert_eq!((code, labels(&report), &report["ok"]), (0, vec!["answers"], &Value::Bool(true)));
    let address = &report["endpoint"]["addresses"][0];
    assert_eq!(address["certificate"][0], "*.execute-api.us-east-1.amazonaws.com");
    assert_eq!(address["response"]["status"], 200);
    let sent = &report["request"];
    let host = "works.execute-api.us-east-1.amazonaws.com";
    assert_eq!((&sent["server_name"], &sent["host"]), (&host.into(), &host.into()));
    assert_eq!((&sent["api_id"], &sent["stage"], &sent["verb"]), (&"works".into(), &"prod".into(), &"GET".into()));
}

#[test]
fn a_credential_that_is_asked_for_is_no_error() {
    let gateway = Gateway::start();
    assert_eq!(gateway.doctor("authorizerunauthorized.example.com", "").0, 0);
    assert_eq!(gateway.doctor("throttled.example.com", "").0, 1);
}

#[test]
fn a_domain_that_is_not_mapped_asks_no_api() {
    let gateway = Gateway::start();
    let (code, report) = gateway.doctor("work.example.com", "");
    Schema::read().holds(&report);
    assert_eq!((code, &report["mapping"]["status"], &report["verdict"]), (1, &421.into(), &Value::Null));
    assert!(report["mapping"]["facts"]["nearest domain"].as_str().is_some_and(|near| near.starts_with("works.")));
}

/// What stands in the place of an endpoint answers each connection with these bytes.
fn impostor(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(bytes);
        }
    });
    address
}

#[test]
fn an_endpoint_that_is_down_or_not_tls_is_named() {
    let gateway = Gateway::start();
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address");
    let plain = impostor(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    for (address, cause) in [(closed, "endpoint_down"), (plain, "handshake_fails")] {
        let mapping = gateway.folder.path().join("mapping.yaml").display().to_string();
        let settings = format!("endpoint: {{ fixed: ['{address}'] }}");
        let words = ["works.example.com", "--mapping", &mapping, "--settings", &settings].map(str::to_owned);
        assert_eq!(labels(&json(&doctor(&words))), [cause]);
    }
}

#[test]
fn a_running_task_gives_the_entry_and_the_addresses() {
    let api = Origin::ok();
    let task = server(&api)
        .mapping(
            "APIS:\n- CUSTOM_DOMAIN_URL: pay.example.com/v1\n  PRIVATE_API_URL: \
             https://abc123.execute-api.eu-west-1.amazonaws.com/prod/base\n  VERBS: [GET, POST]\n",
        )
        .start();
    let admin = task.admin().0.to_string();
    let words = |url: &str, config: &Path| {
        let config = config.display().to_string();
        ["--admin", &admin, "--config", &config, url].map(str::to_owned)
    };
    let config: PathBuf = task.path("nameplate.yaml");
    let report = json(&doctor(&words("https://pay.example.com/v1/pets?x=1", &config)));
    Schema::read().holds(&report);
    assert_eq!(report["request"]["url"], "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/base/pets?x=1");
    assert_eq!(report["endpoint"]["addresses"][0]["address"], api.address().to_string());
    assert_eq!(labels(&report), ["not_api_gateway", "answers"], "the origin sets no request id");
    let refused =
        json(&doctor(&[&words("https://pay.example.com/v1", &config)[..], &["-X".into(), "PUT".into()]].concat()));
    assert_eq!((&refused["mapping"]["status"], &refused["request"]), (&405.into(), &Value::Null));
    let elsewhere = json(&doctor(&words("https://other.example.com/", &config)));
    assert_eq!(elsewhere["mapping"]["status"], 421);
}
