//! What docker/ says holds: the stand-in as a service of its own, and files that agree with each other.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use nameplate_core::mapping::load::compile_bytes;
use nameplate_core::settings::Settings;
use serde_yaml::Value;

use crate::harness::PATIENCE;
use crate::harness::client;
use crate::harness::output::Output;
use crate::harness::server::nameplate;

const DOCKERFILE: &str = include_str!("../../../docker/Dockerfile");
const COMPOSE: &str = include_str!("../../../docker/compose.yaml");
const SETTINGS: &str = include_str!("../../../docker/compose/nameplate.yaml");
const README: &str = include_str!("../../../docker/README.md");
const DOCKERIGNORE: &str = include_str!("../../../docker/Dockerfile.dockerignore");
const WORKSPACE: &str = include_str!("../../../Cargo.toml");
const MAPPING: &str = "docker/compose/mapping.yaml";

/// A process of ours; dropped, it is killed.
struct Process {
    child: Child,
    lines: Output,
}

impl Process {
    /// Runs in the repository's root. `lines` are those of its log, or of its standard output.
    fn start(words: &[&str], settings: &str, log: bool) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
        command.args(words).env_clear().current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
        if !settings.is_empty() {
            command.env("NAMEPLATE_SETTINGS", settings);
        }
        let piped = if log { command.stderr(Stdio::piped()) } else { command.stdout(Stdio::piped()) };
        let mut child = piped.spawn().expect("the binary runs");
        let lines = match (child.stdout.take(), child.stderr.take()) {
            (Some(out), _) => Output::of(out),
            (_, log) => Output::of(log.expect("a pipe")),
        };
        Process { child, lines }
    }

    /// The address that the line with this in it ends in.
    #[track_caller]
    fn address(&self, line: &str) -> SocketAddr {
        let line = self.lines.wait_for(line, 1, PATIENCE).unwrap_or_else(|| panic!("it never says {line:?}"));
        let word = line.split_whitespace().last().expect("a word").trim_end_matches(['.', '/']);
        word.trim_start_matches("http://").parse().unwrap_or_else(|e| panic!("{e}: {line}"))
    }

    fn end(&mut self) -> ExitStatus {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success() && self.lines.wait_for_end(), "it does not end");
        self.child.wait().expect("an exit code")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The stand-in, with the mapping of compose.yaml, and its authority's certificate in this file.
fn stand_in(authority: &Path) -> Process {
    let authority = authority.to_str().expect("text");
    let words = ["demo", "--gateway", "127.0.0.1:0", "--authority", authority, "--mapping", MAPPING];
    Process::start(&words, "", false)
}

#[test]
fn a_proxy_beside_the_stand_in_serves_the_mapping_of_both() {
    let folder = tempfile::tempdir().expect("a directory");
    let authority = folder.path().join("ca.pem");
    let mut gateway = stand_in(&authority);
    let port = gateway.address("answers for the APIs of 2 entries").port();
    let settings = format!(
        "{{mapping: {MAPPING}, admin: '127.0.0.1:0', listeners: [{{address: '127.0.0.1:0'}}], shutdown: {{delay: 0s}}, \
         endpoint: {{name: localhost, port: {port}, ca_file: {}}}}}",
        authority.display()
    );
    let proxy = Process::start(&["serve"], &settings, true);
    let answer = client::get(proxy.address("listening on "), "pay.internal.example.com", "/hello");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("\"path\": \"/live/hello\""), "{}", answer.text());
    assert!(gateway.end().success());
}

/// The whole demo writes it, too, for a proxy or a client beside it; and says how it differs from a proxy of its own.
#[test]
fn the_demo_with_its_own_proxy_writes_the_authority_too() {
    let folder = tempfile::tempdir().expect("a directory");
    let authority = folder.path().join("ca.pem");
    let file = authority.to_str().expect("text");
    let words =
        ["demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--authority", file, "--mapping", MAPPING];
    let mut demo = Process::start(&words, "", false);
    let line = demo.lines.wait_for("answers over verified TLS on ", 1, PATIENCE).expect("a line");
    let address = line.split("TLS on ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an address");
    demo.lines.wait_for("(reload: allow_shrink)", 1, PATIENCE).expect("what differs");
    let settings = format!(
        "{{mapping: {MAPPING}, admin: '127.0.0.1:0', listeners: [{{address: '127.0.0.1:0'}}], shutdown: {{delay: 0s}}, \
         endpoint: {{fixed: ['{}'], ca_file: {file}}}}}",
        address.trim_end_matches('.')
    );
    let proxy = Process::start(&["serve"], &settings, true);
    let answer = client::get(proxy.address("listening on "), "pay.internal.example.com", "/hello");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(demo.end().success());
}

#[test]
fn the_authority_is_there_when_the_stand_in_says_so_and_nothing_else_is() {
    let folder = tempfile::tempdir().expect("a directory");
    let gateway = stand_in(&folder.path().join("ca.pem"));
    gateway.lines.wait_for("The authority to trust is in", 1, PATIENCE).expect("a line");
    let files: Vec<_> = std::fs::read_dir(folder.path()).expect("a list").flatten().map(|f| f.file_name()).collect();
    assert_eq!(files, ["ca.pem"]);
}

#[test]
fn an_authority_of_an_earlier_start_is_gone_before_another_is_there() {
    let folder = tempfile::tempdir().expect("a directory");
    let earlier = folder.path().join("ca.pem");
    std::fs::write(&earlier, "of an earlier start").expect("a file");
    let file = earlier.to_str().expect("text");
    // No address of this machine: it ends before it writes another.
    refuses(&["--gateway", "192.0.2.1:9", "--authority", file], 2, &["192.0.2.1:9"]);
    assert!(!earlier.exists());
}

#[track_caller]
fn refuses(words: &[&str], code: i32, says: &[&str]) {
    let output = nameplate(&[&["demo"], words].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(says.iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn the_stand_in_says_what_it_needs() {
    refuses(&["--gateway", "127.0.0.1:0"], 2, &["--authority <FILE>"]);
    refuses(
        &["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--authority", "/no/such/ca.pem"],
        2,
        &["write /no/such/ca.pem", "help: "],
    );
    refuses(&["--gateway", "127.0.0.1:0", "--authority", "/no/such/ca.pem"], 2, &["write /no/such/ca.pem", "help: "]);
    let elsewhere = ["--gateway", "192.0.2.1:9", "--authority", "/no/such/ca.pem"];
    refuses(&elsewhere, 2, &["192.0.2.1:9", "help: give --gateway"]);
    let nothing = ["--gateway", "127.0.0.1:0", "--authority", "/no/such/ca.pem", "--mapping", "/no/such/mapping.yaml"];
    refuses(&nothing, 2, &["cannot read /no/such/mapping.yaml"]);
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    refuses(&["--gateway", "127.0.0.1:0", "--authority", "/no/such/ca.pem", "--mapping", other], 1, &["Cargo.toml:"]);
}

/// Every `ARG` of the Dockerfile with its default.
fn arguments() -> Vec<(&'static str, &'static str)> {
    DOCKERFILE.lines().filter_map(|line| line.strip_prefix("ARG ")?.split_once('=')).collect()
}

#[test]
fn the_readme_tells_every_argument_with_its_default() {
    let arguments = arguments();
    assert!(arguments.len() >= 5, "{arguments:?}");
    for (name, default) in arguments {
        // A digest is there to be read by machines.
        let default = default.split('@').next().unwrap_or_default();
        let row = README.lines().find(|line| line.starts_with(&format!("| `{name}` | ")));
        let row = row.unwrap_or_else(|| panic!("docker/README.md has no row for {name}"));
        assert!(default.is_empty() || row.contains(&format!("`{default}")), "{name}={default}: {row}");
    }
}

#[test]
fn the_version_is_the_crates() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(arguments().contains(&("VERSION", version)));
    assert!(COMPOSE.contains(&format!("NAMEPLATE_IMAGE:-nameplate:{version}}}")));
}

#[test]
fn whatever_is_pulled_is_pinned_by_digest() {
    let pinned = |image: &str| {
        let digest = image.trim_end_matches('}').rsplit_once("@sha256:").map(|(_, digest)| digest);
        digest.is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let froms = DOCKERFILE.lines().filter_map(|line| line.strip_prefix("FROM ")?.split_whitespace().next());
    assert_eq!(froms.collect::<Vec<_>>(), ["${RUST_IMAGE}", "scratch"]);
    assert!(arguments().iter().any(|(name, image)| *name == "RUST_IMAGE" && pinned(image)));
    assert!(pinned(services()["prometheus"]["image"].as_str().expect("a name")));
}

#[test]
fn the_dependencies_layer_has_the_manifest_of_every_member() {
    let members = WORKSPACE.lines().find_map(|line| line.strip_prefix("members = ["));
    let members =
        members.expect("one line of members").trim_end_matches(']').split(", ").map(|name| name.trim_matches('"'));
    for member in members.filter(|name| *name != ".") {
        assert!(DOCKERFILE.contains(&format!("\nCOPY {member}/Cargo.toml {member}/\n")), "{member}");
        let allowed = ["!crates".to_owned(), format!("!{member}/Cargo.toml")];
        let is_allowed = DOCKERIGNORE.lines().any(|line| allowed.iter().any(|one| line == one));
        assert!(is_allowed, "docker/Dockerfile.dockerignore leaves {member}/Cargo.toml out");
    }
}

fn services() -> Value {
    let mut compose: Value = serde_yaml::from_str(COMPOSE).expect("YAML");
    compose.apply_merge().expect("anchors");
    compose["services"].clone()
}

#[test]
fn whatever_is_ours_runs_without_rights() {
    let services = services();
    for name in ["proxy", "api-gateway"] {
        let service = &services[name];
        assert_eq!(service["read_only"], Value::Bool(true), "{name}");
        assert_eq!(service["cap_drop"][0], Value::from("ALL"), "{name}");
        assert_eq!(service["security_opt"][0], Value::from("no-new-privileges:true"), "{name}");
    }
}

#[test]
fn nothing_is_published_but_to_this_machine() {
    for (name, service) in services().as_mapping().expect("services") {
        for port in service["ports"].as_sequence().into_iter().flatten() {
            assert!(port.as_str().is_some_and(|port| port.starts_with("127.0.0.1:")), "{name:?}: {port:?}");
        }
    }
}

#[test]
fn its_proxy_finds_its_stand_in() {
    let settings = Settings::parse(SETTINGS, "docker/compose/nameplate.yaml").expect("settings");
    settings.validate().expect("no fault");
    let name = settings.endpoint.name.expect("a name");
    let gateway = &services()[name.as_str()]["command"];
    let words: Vec<_> = gateway.as_sequence().expect("words").iter().filter_map(Value::as_str).collect();
    assert!(words.contains(&&*format!("0.0.0.0:{}", settings.endpoint.port)), "{words:?}");
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join(MAPPING);
    let bytes = std::fs::read(mapping).expect("a file");
    assert_eq!(compile_bytes(&bytes, MAPPING, None).expect("a mapping").routes().len(), 2);
}
