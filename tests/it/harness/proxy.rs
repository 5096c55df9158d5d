//! The real application, started in this process from a real mapping and real settings.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use nameplate::app::error::StartFault;
use nameplate::app::{self, Running};
use nameplate::live::reload::{NotTaken, Reloaded};
use nameplate_core::settings::Settings;
use serde_yaml::Value;
use tempfile::TempDir;

use super::admin::Pages;
use super::client::{self, Client, Response};
use super::http2::{Call, Http2};
use super::origin::Origin;
use super::{API_DOMAIN, authority};

/// What every story starts from; its own settings are laid over these.
const SETTINGS: &str = "
admin: 127.0.0.1:0
threads: 1
endpoint: { connect_timeout: 1s, tls_timeout: 2s, read_timeout: 5s, write_timeout: 5s }
reload: { watch: false, poll: 60m, allow_shrink: true }
client: { keep_alive: 5s, header_timeout: 4s, read_timeout: 5s, write_timeout: 5s }
shutdown: { delay: 0s, grace_period: 5s }
";

/// A proxy to be started.
#[derive(Default)]
pub struct ProxyBuilder {
    mapping: String,
    settings: Vec<String>,
    endpoint: Vec<SocketAddr>,
    tls_names: Vec<String>,
    listeners: Vec<String>,
}

/// A proxy to be started, without any entry yet.
pub fn proxy() -> ProxyBuilder {
    ProxyBuilder { mapping: "APIS:\n".into(), ..ProxyBuilder::default() }
}

impl ProxyBuilder {
    /// An entry: a custom domain (with a base path, if it has one), an API's id, and its stage and
    /// base path: `/prod`.
    pub fn maps(self, domain: &str, api: &str, prefix: &str) -> ProxyBuilder {
        self.maps_with(domain, api, prefix, &[])
    }

    /// As [`ProxyBuilder::maps`], with more keys: `("VERBS", "[GET]")`.
    pub fn maps_with(self, domain: &str, api: &str, prefix: &str, keys: &[(&str, &str)]) -> ProxyBuilder {
        self.yaml(&entry(domain, api, prefix, keys))
    }

    /// More of the mapping, as it is.
    pub fn yaml(mut self, text: &str) -> ProxyBuilder {
        self.mapping += text;
        self
    }

    /// Settings, in YAML; maps are merged key by key, everything else is replaced.
    pub fn settings(mut self, text: &str) -> ProxyBuilder {
        self.settings.push(text.to_owned());
        self
    }

    /// Takes this origin for the endpoint, beside those named before.
    pub fn to(mut self, origin: &Origin) -> ProxyBuilder {
        self.endpoint.push(origin.address());
        self
    }

    /// Reads the mapping from here instead of the file in its folder.
    pub fn from(self, source: &str) -> ProxyBuilder {
        self.settings(&format!("mapping: '{source}'"))
    }

    /// As [`ProxyBuilder::to`], for addresses that may have no origin behind them.
    #[expect(clippy::wrong_self_convention, reason = "it says where requests go, and converts nothing")]
    pub fn to_addresses(mut self, addresses: Vec<SocketAddr>) -> ProxyBuilder {
        self.endpoint.extend(addresses);
        self
    }

    /// One more listener, with TLS and a certificate for these names.
    pub fn tls(mut self, names: &[&str]) -> ProxyBuilder {
        self.tls_names.extend(names.iter().map(|name| (*name).to_owned()));
        self
    }

    /// One more listener, with these keys besides its address: `h2c: true`.
    pub fn listener(mut self, keys: &str) -> ProxyBuilder {
        self.listeners.push(keys.to_owned());
        self
    }

    #[track_caller]
    pub fn start(self) -> Proxy {
        self.try_start().unwrap_or_else(|fault| panic!("{fault}"))
    }

    pub fn try_start(self) -> Result<Proxy, StartFault> {
        let directory = tempfile::tempdir().expect("a directory");
        let mapping = directory.path().join("mapping.yaml");
        fs::write(&mapping, &self.mapping).expect("written");
        let ca = directory.path().join("ca.pem");
        authority().write_pem(&ca).expect("written");

        let mut settings: Value = serde_yaml::from_str(SETTINGS).expect("YAML");
        let own = format!("mapping: {}\nendpoint:\n  ca_file: {}\n", mapping.display(), ca.display());
        let endpoint: Vec<_> = self.endpoint.iter().map(|address| format!("'{address}'")).collect();
        let endpoint = format!("endpoint: {{ fixed: [{}] }}\n", endpoint.join(", "));
        let listeners = self.listeners(&directory);
        for layer in [own, endpoint, listeners].iter().chain(&self.settings) {
            merge(&mut settings, serde_yaml::from_str(layer).expect("YAML"));
        }
        let text = serde_yaml::to_string(&settings).expect("YAML");
        let settings = Settings::parse(&text, "nameplate.yaml").unwrap_or_else(|fault| panic!("{fault}\n{text}"));
        let running = app::start(settings)?;
        Ok(Proxy {
            addresses: running.addresses().to_vec(),
            admin: running.admin(),
            running: Some(running),
            has_tls: !self.tls_names.is_empty(),
            mapping,
            directory,
        })
    }

    /// Plaintext first, then TLS, then others, and last HTTP/2 with prior knowledge: the order in which
    /// [`Running::addresses`] lists them.
    fn listeners(&self, directory: &TempDir) -> String {
        let mut text = "listeners:\n  - address: 127.0.0.1:0\n".to_owned();
        if !self.tls_names.is_empty() {
            let leaf = authority().issue(&self.tls_names).expect("a certificate");
            let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
            fs::write(&certificate, leaf.certificate_pem()).expect("written");
            fs::write(&key, leaf.key_pem()).expect("written");
            let (certificate, key) = (certificate.display(), key.display());
            text += &format!("  - address: 127.0.0.1:0\n    tls: {{ certificate: {certificate}, key: {key} }}\n");
        }
        for keys in &self.listeners {
            text += &format!("  - {{ address: '127.0.0.1:0', {keys} }}\n");
        }
        text + "  - address: 127.0.0.1:0\n    h2c: true\n"
    }
}

/// An entry of a mapping.
pub fn entry(domain: &str, api: &str, prefix: &str, keys: &[(&str, &str)]) -> String {
    let mut text =
        format!("  - CUSTOM_DOMAIN_URL: \"{domain}\"\n    PRIVATE_API_URL: \"https://{api}.{API_DOMAIN}{prefix}\"\n");
    for (key, value) in keys {
        text += &format!("    {key}: {value}\n");
    }
    text
}

fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Mapping(under), Value::Mapping(over)) => {
            for (key, value) in over {
                match under.get_mut(&key) {
                    Some(old) => merge(old, value),
                    None => drop(under.insert(key, value)),
                }
            }
        }
        (under, over) => *under = over,
    }
}

/// A running proxy. Dropped, it stops; in a failed test it prints its mapping.
pub struct Proxy {
    running: Option<Running>,
    addresses: Vec<SocketAddr>,
    admin: SocketAddr,
    has_tls: bool,
    mapping: PathBuf,
    directory: TempDir,
}

impl Proxy {
    /// The plaintext listener.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// The listener that speaks TLS.
    #[track_caller]
    pub fn tls_address(&self) -> SocketAddr {
        assert!(self.has_tls, "say `.tls(&[..])` before `.start()`");
        self.addresses[1]
    }

    /// The first of the listeners that a story adds.
    pub fn own_address(&self) -> SocketAddr {
        self.addresses[1 + usize::from(self.has_tls)]
    }

    /// The plaintext listener that takes HTTP/2 too.
    pub fn h2c_address(&self) -> SocketAddr {
        *self.addresses.last().expect("a listener")
    }

    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// A connection to the plaintext listener.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.address())
    }

    /// A connection to the listener that speaks TLS, by this server name.
    #[track_caller]
    pub fn tls_client(&self, name: &str) -> Client {
        Client::connect_tls(self.tls_address(), name)
    }

    /// An HTTP/2 connection in plaintext.
    #[track_caller]
    pub fn http2(&self) -> Http2 {
        Http2::connect(self.h2c_address())
    }

    /// One call over HTTP/2, on a connection of its own.
    pub fn call(&self, call: Call) -> Result<Response, h2::Error> {
        call.over(self.h2c_address())
    }

    #[track_caller]
    pub fn get(&self, host: &str, path: &str) -> Response {
        client::get(self.address(), host, path)
    }

    #[track_caller]
    pub fn request(&self, method: &str, host: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        client::request(self.address(), method, host, path, headers, body)
    }

    /// Sends these bytes and reads one answer, on a connection of its own.
    #[track_caller]
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Response {
        self.client().send(bytes).read_response()
    }

    /// Waits until so many connections have been cut for this reason.
    #[track_caller]
    pub fn wait_for_cut(&self, reason: &str, times: f64) {
        self.wait_for_metric(&format!("nameplate_client_connections_cut_total{{reason=\"{reason}\"}}"), times);
    }

    /// Waits until so many requests have been refused for this reason, before their method was known.
    #[track_caller]
    pub fn wait_for_early(&self, reason: &str, code: u16, times: f64) {
        self.wait_for_metric(&format!("nameplate_refusals_total{{reason=\"{reason}\"}}"), times);
        self.wait_for_metric(&format!("nameplate_requests_total{{code=\"{code}\",method=\"other\"}}"), times);
    }

    /// Writes another mapping where the running one came from.
    pub fn save_mapping(&self, text: &str) {
        fs::write(&self.mapping, text).expect("written");
    }

    #[track_caller]
    pub fn reload(&self) -> Result<Reloaded, NotTaken> {
        self.running().reload(false).expect("somebody keeps the mapping")
    }

    /// As [`Proxy::reload`], and takes what is held.
    #[track_caller]
    pub fn reload_and_allow_shrink(&self) -> Result<Reloaded, NotTaken> {
        self.running().reload(true).expect("somebody keeps the mapping")
    }

    /// Its admin pages.
    pub fn pages(&self) -> Pages {
        Pages(self.admin)
    }

    #[track_caller]
    pub fn admin_get(&self, path: &str) -> Response {
        self.pages().get(path)
    }

    #[track_caller]
    pub fn metrics(&self) -> String {
        self.admin_get("/metrics").text()
    }

    /// As [`Pages::metric`]. After a request, [`Proxy::wait_for_metric`] is the one to ask: a request
    /// is counted once its answer is out, which a client may read before.
    #[track_caller]
    pub fn metric(&self, series: &str) -> f64 {
        self.pages().metric(series)
    }

    #[track_caller]
    pub fn wait_for_metric(&self, series: &str, want: f64) {
        self.pages().wait_for_metric(series, want);
    }

    /// Stops and says how many connections that cut off.
    #[track_caller]
    pub fn stop(mut self) -> usize {
        self.running.take().expect("not stopped yet").stop()
    }

    /// Begins to stop while the test goes on.
    #[track_caller]
    pub fn begin_stop(&mut self) -> JoinHandle<usize> {
        let running = self.running.take().expect("not stopped yet");
        thread::spawn(move || running.stop())
    }

    #[track_caller]
    fn running(&self) -> &Running {
        self.running.as_ref().expect("not stopped yet")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if thread::panicking() {
            let mapping = fs::read_to_string(&self.mapping).unwrap_or_default();
            eprintln!("proxy {:?} in {:?}, mapping:\n{mapping}", self.addresses, self.directory.path());
        }
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}
