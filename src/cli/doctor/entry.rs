//! The mapping that is asked: from its source, or the part of it that a running task shows.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::cli::admin_client::{get, reachable};
use crate::cli::exit::{FAULTY, UNUSABLE};
use crate::cli::load::{Loaded, load};
use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::files::Files;
use nameplate_core::mapping::load::compile_bytes;
use nameplate_core::settings::{DEFAULT_ENDPOINT, Settings};

/// What is known before anything is asked.
pub(super) struct Known {
    /// Where the mapping is from.
    pub(super) source: String,
    pub(super) table: MappingTable,
    pub(super) files: Files,
    pub(super) settings: Settings,
    /// What a running task says of its addresses.
    pub(super) of_task: BTreeMap<SocketAddr, TaskAddress>,
}

/// An address as a running task sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaskAddress {
    pub(super) is_local: bool,
    pub(super) is_cooling: bool,
}

/// A page of the admin listener, as far as it is read here.
#[derive(Deserialize)]
struct MappingPage {
    source: String,
    found: Option<Found>,
}

#[derive(Deserialize)]
struct Found {
    entries: Vec<ShownEntry>,
}

#[derive(Deserialize)]
struct ShownEntry {
    domain: String,
    base_path: String,
    api_host: String,
    prefix: String,
    verbs: Option<String>,
    referer: String,
    host: String,
    endpoint: String,
    timeout: Option<String>,
}

#[derive(Deserialize)]
struct EndpointsPage {
    endpoints: Vec<ShownEndpoint>,
}

#[derive(Deserialize)]
struct ShownEndpoint {
    name: String,
    addresses: Vec<ShownAddress>,
}

#[derive(Deserialize)]
struct ShownAddress {
    address: SocketAddr,
    api_host: Option<String>,
    zone: String,
    state: String,
}

/// Reads the mapping from its source. `endpoints` are the names that ENDPOINT may have, where there are settings.
pub(super) fn from_mapping(settings: Settings, endpoints: Option<&[String]>) -> Result<Known, (u8, String)> {
    let loaded = load(&settings.mapping, &settings.reload, endpoints, &mut std::io::stdin().lock());
    let Loaded { name, table, files, .. } = loaded.map_err(|not_loaded| not_loaded.refusal())?;
    Ok(Known { source: name, table, files, settings, of_task: BTreeMap::new() })
}

/// Reads the entries of a host, and the addresses, from a running task. Without settings (`has_settings`), the addresses
/// are those of the task alone.
pub(super) fn from_task(
    admin: SocketAddr,
    host: &str,
    (mut settings, has_settings): (Settings, bool),
    timeout: Duration,
) -> Result<Known, (u8, String)> {
    let admin = reachable(admin);
    let page: MappingPage = page(admin, &format!("/mapping?domain={}", percent_encoded(host)), timeout)?;
    let endpoints: EndpointsPage = self::page(admin, "/endpoints", timeout)?;
    let source = format!("{} (as the task at {admin} has it)", page.source);
    // Where none answers for the host, these have it in their domains: the nearest may be among them.
    let mut apis: Vec<Value> = page.found.iter().flat_map(|found| &found.entries).map(document).collect();
    if apis.is_empty() {
        apis.push(unasked());
    }
    let text = json!({ "APIS": apis }).to_string();
    let table = compile_bytes(text.as_bytes(), &source, None).map_err(|errors| (FAULTY, errors.to_string()))?;
    if !has_settings {
        take_addresses(&endpoints, &mut settings);
    }
    let of_task = endpoints.endpoints.iter().flat_map(|endpoint| &endpoint.addresses).map(|shown| {
        let seen = TaskAddress { is_local: shown.zone == "local", is_cooling: shown.state == "cooling" };
        (shown.address, seen)
    });
    Ok(Known { of_task: of_task.collect(), files: Files::one(&source), source, table, settings })
}

fn page<T: for<'de> Deserialize<'de>>(admin: SocketAddr, path: &str, timeout: Duration) -> Result<T, (u8, String)> {
    let url = format!("http://{admin}{path}");
    let help = "help: is `nameplate serve` running, with this admin address?";
    let answer = get(admin, path, timeout).map_err(|e| (UNUSABLE, format!("error: {url}: {e}\n  {help}")))?;
    if answer.status != Some(200) {
        return Err((UNUSABLE, format!("error: {url}: {}\n  {help}", answer.line())));
    }
    serde_json::from_str(&answer.body)
        .map_err(|e| (UNUSABLE, format!("error: {url}: not a page of this version: {e}\n  {help}")))
}

/// An entry that no URL leads to: a mapping has one at least, and one without any refuses for another reason.
fn unasked() -> Value {
    json!({
        "CUSTOM_DOMAIN_URL": "nothing.invalid",
        "PRIVATE_API_URL": "https://nothing.execute-api.us-east-1.amazonaws.com/none",
    })
}

/// An entry as a mapping writes it.
fn document(entry: &ShownEntry) -> Value {
    let mut keys = Map::new();
    let mut put = |key: &str, value: &str| keys.insert(key.to_owned(), Value::from(value));
    put("CUSTOM_DOMAIN_URL", &format!("{}{}", entry.domain, entry.base_path));
    put("PRIVATE_API_URL", &format!("https://{}{}", entry.api_host, entry.prefix));
    put("REFERER", &entry.referer);
    put("HOST", &entry.host);
    if let Some(verbs) = &entry.verbs {
        put("VERBS", verbs);
    }
    if let Some(timeout) = &entry.timeout {
        put("TIMEOUT", timeout);
    }
    if entry.endpoint != DEFAULT_ENDPOINT {
        put("ENDPOINT", &entry.endpoint);
    }
    Value::Object(keys)
}

fn take_addresses(page: &EndpointsPage, settings: &mut Settings) {
    for shown in &page.endpoints {
        let endpoint = match shown.name.as_str() {
            DEFAULT_ENDPOINT => &mut settings.endpoint,
            name => settings.endpoints.entry(name.to_owned()).or_default(),
        };
        endpoint.fixed = shown.addresses.iter().map(|shown| shown.address).collect();
        // Where each API has its own name, the task's addresses are those of several.
        endpoint.private_dns = shown.addresses.iter().any(|shown| shown.api_host.is_some());
    }
}

/// A host as a query carries it.
fn percent_encoded(host: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    let encoded = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    host.bytes().map(encoded).collect()
}
