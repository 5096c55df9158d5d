//! The binary itself: `nameplate serve`, its signals, its exit codes and what it says.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use tempfile::TempDir;

use crate::harness::client::{self, Client, text_of};
use crate::harness::origin::Origin;
use crate::harness::proxy::entry;
use crate::harness::reply::Reply;
use crate::harness::{Gate, PATIENCE, authority};

/// What the process has written to standard error, and whether it has closed it.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
    ended: bool,
}

/// A running `nameplate serve`. Dropped, it is killed; in a failed test it prints its log.
struct Server {
    child: Child,
    log: Arc<(Mutex<Log>, Condvar)>,
    folder: TempDir,
}

impl Server {
    /// Starts with this mapping, in front of this origin; `settings` are more of the settings file.
    fn start(mapping: &str, api: &Origin, settings: &str) -> Server {
        let folder = tempfile::tempdir().expect("a directory");
        authority().write_pem(&folder.path().join("ca.pem")).expect("written");
        fs::write(folder.path().join("mapping.yaml"), mapping).expect("written");
        let listening = "listeners: [{ address: '127.0.0.1:0' }]\nadmin: 127.0.0.1:0\n";
        let endpoint = format!("endpoint: {{ fixed: ['{}'], ca_file: ca.pem }}\n", api.address());
        let settings = if settings.is_empty() { listening } else { settings };
        fs::write(folder.path().join("nameplate.yaml"), format!("{settings}{endpoint}threads: 1\n")).expect("written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_nameplate"))
            .args(["serve", "--config"])
            .arg(folder.path().join("nameplate.yaml"))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let log = Arc::new((Mutex::new(Log::default()), Condvar::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().expect("a pipe")).lines(), log.clone());
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.0.lock().unwrap().lines.push(line);
                kept.1.notify_all();
            }
            kept.0.lock().unwrap().ended = true;
            kept.1.notify_all();
        });
        Server { child, log, folder }
    }

    /// Waits for a line of the log with this in it.
    #[track_caller]
    fn wait_for(&self, text: &str) -> String {
        let found = |log: &Log| log.lines.iter().find(|line| line.contains(text)).cloned();
        let log = self.log.0.lock().unwrap();
        let (log, _) = self.log.1.wait_timeout_while(log, PATIENCE, |log| found(log).is_none() && !log.ended).unwrap();
        let line = found(&log);
        // The lock is let go before a panic: dropping the server takes it again.
        drop(log);
        line.unwrap_or_else(|| panic!("the log never says {text:?}"))
    }

    /// Waits for its end; gives its exit code and all it said.
    #[track_caller]
    fn wait_for_end(&mut self) -> (ExitStatus, String) {
        let log = self.log.0.lock().unwrap();
        let (log, timeout) = self.log.1.wait_timeout_while(log, PATIENCE, |log| !log.ended).unwrap();
        let said = log.lines.join("\n");
        drop(log);
        assert!(!timeout.timed_out(), "it does not end");
        (self.child.wait().expect("an exit code"), said)
    }

    #[track_caller]
    fn address(&self) -> SocketAddr {
        let line = self.wait_for("listening on ");
        line.rsplit(' ').next().and_then(|address| address.parse().ok()).expect("an address")
    }

    /// Waits until it is up, and gets this path through this host.
    #[track_caller]
    fn get(&self, host: &str) -> u16 {
        client::get(self.address(), host, "/x").status
    }

    /// Sends a signal to this process and no other, once it says that it is up.
    #[track_caller]
    fn signal(&self, signal: &str) {
        self.wait_for("admin pages on");
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Changes the mapping of a server that has read the one before.
    #[track_caller]
    fn save_mapping(&self, text: &str) {
        self.wait_for("admin pages on");
        fs::write(self.folder.path().join("mapping.yaml"), text).expect("written");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = self.log.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            eprintln!("the server said:\n{}", log.lines.join("\n"));
        }
    }
}

fn mapping(entries: &[(&str, &str)]) -> String {
    let entries: String = entries.iter().map(|(domain, prefix)| entry(domain, "abc123", prefix, &[])).collect();
    format!("APIS:\n{entries}")
}

fn pay() -> String {
    mapping(&[("pay.example.com", "/prod")])
}

#[test]
fn sigterm_ends_it_with_0() {
    let api = Origin::ok();
    let mut server = Server::start(&pay(), &api, "");
    assert_eq!((server.get("pay.example.com"), server.get("shop.example.com")), (200, 421));
    server.signal("-TERM");
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("stopped; nothing was left in flight"), "{said}");
}

#[test]
fn so_does_sigint() {
    let api = Origin::ok();
    let mut server = Server::start(&pay(), &api, "");
    server.signal("-INT");
    assert_eq!(server.wait_for_end().0.code(), Some(0));
}

/// A server that is told to stop while a request waits for this reply.
fn told_to_stop_before(reply: Reply) -> (Origin, Server, Client) {
    let api = Origin::start(move |_| reply.clone());
    let server = Server::start(&pay(), &api, "");
    let mut client = Client::connect(server.address());
    client.send(text_of("GET", "pay.example.com", "/x", &[], b""));
    api.wait_for_requests(1);
    server.signal("-TERM");
    server.wait_for("stopping");
    (api, server, client)
}

#[test]
fn sigterm_lets_a_request_finish_first() {
    let gate = Gate::default();
    let reply = Reply::default().then_wait(&gate).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    let (_api, mut server, mut client) = told_to_stop_before(reply);
    gate.open();
    assert_eq!(client.read_response().text(), "late");
    assert_eq!(server.wait_for_end().0.code(), Some(0));
}

#[test]
fn a_second_sigterm_ends_it_at_once() {
    let gate = Gate::default();
    let reply = Reply::default().then_wait(&gate).then_close();
    let (_api, mut server, mut client) = told_to_stop_before(reply);
    server.signal("-TERM");
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(1));
    assert!(said.ends_with("told to stop again: ending now"), "{said}");
    client.expect_closed();
    gate.open();
}

#[test]
fn sighup_puts_a_changed_mapping_in_force() {
    let api = Origin::ok();
    let server = Server::start(&pay(), &api, "");
    assert_eq!(server.get("new.example.com"), 421);
    server.save_mapping(&mapping(&[("pay.example.com", "/prod"), ("new.example.com", "/v2")]));
    server.signal("-HUP");
    server.wait_for("mapping reloaded: 2 entries, generation 2");
    assert_eq!((server.get("new.example.com"), api.last_request().target()), (200, "/v2/x"));
}

#[test]
fn sighup_with_a_broken_mapping_changes_nothing_and_says_why() {
    let api = Origin::ok();
    let server = Server::start(&pay(), &api, "");
    server.save_mapping("APIS:\n  - CUSTOM_DOMAIN_URL: pay.example.com\n    PRIVATE_API_URL: http://x\n");
    server.signal("-HUP");
    server.wait_for("mapping rejected");
    server.wait_for("mapping.yaml:3:22: error: ");
    server.wait_for("the mapping in force is unchanged (generation 1)");
    assert_eq!(server.get("pay.example.com"), 200);
}

#[test]
fn a_broken_mapping_is_no_start() {
    let api = Origin::ok();
    let mut server = Server::start("APIS:\n  - CUSTOM_DOMAIN_URL: pay.example.com\n    VERB: GET\n", &api, "");
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("mapping.yaml:3:5: error: ") && said.contains("help: "), "{said}");
    assert!(!said.contains("listening"), "{said}");
}

#[test]
fn a_taken_port_is_no_start() {
    let api = Origin::ok();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    for settings in [
        format!("listeners: [{{ address: '{address}' }}]\nadmin: 127.0.0.1:0\n"),
        format!("listeners: [{{ address: '127.0.0.1:0' }}]\nadmin: '{address}'\n"),
    ] {
        let mut server = Server::start(&pay(), &api, &settings);
        let (status, said) = server.wait_for_end();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("cannot listen on {address}: Address already in use")), "{said}");
    }
}

#[test]
fn a_setting_nobody_knows_is_no_start() {
    let api = Origin::ok();
    let mut server = Server::start(&pay(), &api, "listener: []\n");
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("nameplate.yaml:1:1: error: unknown field `listener`"), "{said}");
}

#[test]
fn without_a_mapping_file_it_says_which_and_exits_with_2() {
    let output = Command::new(env!("CARGO_BIN_EXE_nameplate"))
        .args(["serve", "--mapping", "no/such/mapping.yaml"])
        .env_clear()
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot read no/such/mapping.yaml") && said.contains("--mapping"), "{said}");
}
