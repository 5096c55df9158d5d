//! The binary itself: `nameplate serve` as a process of its own, told what to do by signals and files.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::admin::Pages;
use super::client::{self, Client};
use super::origin::Origin;
use super::output::Output;
use super::proxy::entry;
use super::{PATIENCE, authority};

/// What is behind a message, in a log of JSON.
const JSON_END: &str = "\"}";

/// A server to be started: its folder holds `nameplate.yaml` and, unless it is said to be elsewhere,
/// `mapping.yaml`.
pub struct ServerBuilder {
    folder: Arc<TempDir>,
    endpoint: String,
    settings: Vec<String>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    has_file: bool,
}

/// A server to be started, in front of this origin.
pub fn server(api: &Origin) -> ServerBuilder {
    server_before(api.address())
}

/// A server to be started, in front of what listens here.
pub fn server_before(api: SocketAddr) -> ServerBuilder {
    let folder = tempfile::tempdir().expect("a directory");
    authority().write_pem(&folder.path().join("ca.pem")).expect("written");
    ServerBuilder {
        folder: Arc::new(folder),
        endpoint: format!("endpoint: {{ fixed: ['{api}'], ca_file: ca.pem }}\n"),
        settings: Vec::new(),
        arguments: Vec::new(),
        environment: Vec::new(),
        has_file: true,
    }
}

impl ServerBuilder {
    /// What is in `mapping.yaml`.
    pub fn mapping(self, text: &str) -> ServerBuilder {
        fs::write(self.path("mapping.yaml"), text).expect("written");
        self
    }

    /// More of the settings file; `listeners` replaces those on free ports.
    pub fn settings(mut self, text: &str) -> ServerBuilder {
        self.settings.push(text.trim_end().to_owned() + "\n");
        self
    }

    /// Reaches the endpoint by these keys of `endpoint`, instead of by the origin's address.
    pub fn endpoint(mut self, keys: &str) -> ServerBuilder {
        self.endpoint = format!("endpoint: {{ {keys}, ca_file: ca.pem }}\n");
        self
    }

    /// More of the command line.
    pub fn arguments(mut self, words: &[&str]) -> ServerBuilder {
        self.arguments.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// A variable of the environment, which is empty otherwise.
    pub fn environment(mut self, name: &str, value: &str) -> ServerBuilder {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Hands the settings over in the environment, as a task definition does, and in no file.
    pub fn without_a_file(mut self) -> ServerBuilder {
        self.has_file = false;
        self
    }

    /// A path in the server's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn start(self) -> Server {
        self.start_under(Command::new("env"))
    }

    /// As a child, or in the place, of this command, which is given the words to run.
    pub fn start_under(self, mut command: Command) -> Server {
        let own = self.settings.iter().any(|text| text.contains("listeners:"));
        let listening = if own { "" } else { "listeners: [{ address: '127.0.0.1:0' }]\nadmin: 127.0.0.1:0\n" };
        let stops = self.settings.iter().any(|text| text.contains("shutdown:"));
        let stopping = if stops { "" } else { "shutdown: { delay: 0s }\n" };
        let settings = format!("{}{listening}{stopping}{}threads: 1\n", self.settings.concat(), self.endpoint);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args([env!("CARGO_BIN_EXE_nameplate"), "serve"]);
        if self.has_file {
            fs::write(self.path("nameplate.yaml"), settings).expect("written");
            command.arg("--config").arg(self.path("nameplate.yaml"));
        } else {
            command.env("NAMEPLATE_SETTINGS", settings).current_dir(self.folder.path());
        }
        command.args(&self.arguments);
        Server::run(command, self.folder)
    }
}

/// A running `nameplate serve`. Dropped, it is killed; in a failed test it prints its log.
pub struct Server {
    child: Child,
    log: Output,
    out: Output,
    folder: Arc<TempDir>,
}

impl Server {
    /// A process that takes over from this one, with the same settings.
    pub fn start_upgrade(&self) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
        command.args(["serve", "--upgrade", "--config"]).arg(self.path("nameplate.yaml")).env_clear();
        Server::run(command, Arc::clone(&self.folder))
    }

    /// A process with the same settings, after this one has ended.
    pub fn start_again(&self) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
        command.args(["serve", "--config"]).arg(self.path("nameplate.yaml")).env_clear();
        Server::run(command, Arc::clone(&self.folder))
    }

    fn run(mut command: Command, folder: Arc<TempDir>) -> Server {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the binary runs");
        let log = Output::of(child.stderr.take().expect("a pipe"));
        let out = Output::of(child.stdout.take().expect("a pipe"));
        Server { child, log, out, folder }
    }

    /// Starts with this mapping, in front of this origin; `settings` are more of the settings file.
    pub fn start(mapping: &str, api: &Origin, settings: &str) -> Server {
        server(api).mapping(mapping).settings(settings).start()
    }

    /// Waits for a line of the log with this in it.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_for_times(text, 1)
    }

    /// Waits until so many lines of the log have this in them; gives the last.
    #[track_caller]
    pub fn wait_for_times(&self, text: &str, times: usize) -> String {
        self.log
            .wait_for(text, times, PATIENCE)
            .unwrap_or_else(|| panic!("the log never says {text:?} ({times} times)"))
    }

    /// How many lines of the log have this in them so far.
    pub fn times_said(&self, text: &str) -> usize {
        self.log.lines().iter().filter(|line| line.contains(text)).count()
    }

    /// All lines of the log so far.
    pub fn said(&self) -> Vec<String> {
        self.log.lines()
    }

    /// From now on nobody reads the log.
    pub fn hold_log(&self) {
        self.log.hold(true);
    }

    /// The log is read again.
    pub fn release_log(&self) {
        self.log.hold(false);
    }

    /// From now on nobody reads standard output.
    pub fn hold_stdout(&self) {
        self.out.hold(true);
    }

    /// Waits for a line of standard output with this in it.
    #[track_caller]
    pub fn stdout_line(&self, text: &str) -> String {
        self.stdout_line_within(text, PATIENCE)
    }

    /// As [`Server::stdout_line`], where it may take longer than anything else.
    #[track_caller]
    pub fn stdout_line_within(&self, text: &str, patience: Duration) -> String {
        let line = self.out.wait_for(text, 1, patience);
        line.unwrap_or_else(|| panic!("standard output never has {text:?}"))
    }

    /// All lines of standard output so far; after [`Server::wait_for_end`], all there are.
    pub fn stdout_lines(&self) -> Vec<String> {
        self.out.lines()
    }

    /// Waits for its end; gives its exit code and all it logged.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> (ExitStatus, String) {
        assert!(self.log.wait_for_end() && self.out.wait_for_end(), "it does not end: {}", self.threads());
        (self.child.wait().expect("an exit code"), self.log.lines().join("\n"))
    }

    /// What each of its threads waits for.
    fn threads(&self) -> String {
        let read = |path: std::path::PathBuf| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).into_iter().flatten().flatten();
        let told =
            tasks.map(|task| format!("{} in {}", read(task.path().join("comm")), read(task.path().join("wchan"))));
        told.collect::<Vec<_>>().join(", ")
    }

    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        let line = self.wait_for("listening on ");
        line.rsplit(' ').next().and_then(|address| address.trim_end_matches(JSON_END).parse().ok()).expect("an address")
    }

    /// Its admin pages.
    #[track_caller]
    pub fn admin(&self) -> Pages {
        let line = self.wait_for("admin pages on http://");
        let address = line
            .rsplit("http://")
            .next()
            .and_then(|rest| rest.trim_end_matches(JSON_END).trim_end_matches('/').parse().ok());
        Pages(address.expect("an address"))
    }

    /// Runs `nameplate reload` for it, with these words.
    pub fn reload(&self, words: &[&str]) -> std::process::Output {
        let (pid, admin) = (self.pid().to_string(), self.admin().0.to_string());
        nameplate(&[&["reload", "--pid", &pid, "--admin", &admin], words].concat())
    }

    /// Waits until it is up, and gets `/x` through this host.
    #[track_caller]
    pub fn get(&self, host: &str) -> u16 {
        self.get_from(host, "/x")
    }

    /// Waits until it is up, and gets this path through this host.
    #[track_caller]
    pub fn get_from(&self, host: &str, path: &str) -> u16 {
        client::get(self.address(), host, path).status
    }

    /// Waits until it is up, and connects to it.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.address())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sends a signal to this process and no other, once it says that it is up.
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        self.wait_for("admin pages on");
        let sent = Command::new("kill").args([signal, &self.pid().to_string()]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// As [`Server::signal`], to the one child of this process.
    #[track_caller]
    pub fn signal_child(&self, signal: &str) {
        self.wait_for("admin pages on");
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid())).expect("a list");
        let sent = Command::new("kill").args([signal, children.trim()]).status().expect("kill runs");
        assert!(sent.success(), "{children:?}");
    }

    /// Changes the mapping in place, of a server that has read the one before.
    #[track_caller]
    pub fn save_mapping(&self, text: &str) {
        self.wait_for("admin pages on");
        fs::write(self.path("mapping.yaml"), text).expect("written");
    }

    /// Puts another mapping in the place of the one there is, as careful programs do.
    #[track_caller]
    pub fn replace_mapping(&self, text: &str) {
        self.wait_for("admin pages on");
        replace(&self.path("mapping.yaml"), text);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the server said:\n{}", self.log.lines().join("\n"));
            eprintln!("and on standard output:\n{}", self.out.lines().join("\n"));
        }
    }
}

/// Writes a file beside its place, and renames it into it.
pub fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).expect("written");
    fs::rename(&beside, path).expect("renamed");
}

/// Writes a certificate for this name and its key, in PEM.
pub fn certify(certificate: &Path, key: &Path, name: &str) {
    let leaf = authority().issue(&[name.to_owned()]).expect("a certificate");
    fs::write(certificate, leaf.certificate_pem()).expect("written");
    fs::write(key, leaf.key_pem()).expect("written");
}

/// Runs another command of the binary to its end.
pub fn nameplate(words: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_nameplate")).args(words).env_clear().output().expect("the binary runs")
}

/// A mapping of these domains and prefixes.
pub fn mapping(entries: &[(&str, &str)]) -> String {
    let entries: String = entries.iter().map(|(domain, prefix)| entry(domain, "abc123", prefix, &[])).collect();
    format!("APIS:\n{entries}")
}
