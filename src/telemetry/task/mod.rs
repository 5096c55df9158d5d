//! What ECS says of the task this process runs in.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The metadata is one hop away on the same host; who does not answer in this time is not there.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// A task's metadata is a few KB for each container.
const METADATA_MOST: u64 = 1 << 20;

/// The task, as far as ECS tells; all unknown outside of ECS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// `Limits.CPU`, in cores. A task on EC2 may have none.
    pub cores: Option<f64>,
    /// `Limits.Memory`, in bytes; ECS says MiB. A task on EC2 may have none.
    pub memory: Option<u64>,
    /// `AvailabilityZone`: `eu-west-1a`.
    pub zone: Option<String>,
    /// `ServiceName`, or where that is not said, the task definition's `Family`.
    pub service: Option<String>,
}

impl Task {
    /// Asks the task metadata, where the environment says there is any. Blocks for up to a second or
    /// so where it does not answer, so ask once, at the start.
    pub fn detect() -> Task {
        let variable = std::env::var("ECS_CONTAINER_METADATA_URI_V4").ok().filter(|uri| !uri.is_empty());
        let Some(uri) = variable else { return Task::default() };
        ask(&uri, METADATA_TIMEOUT).unwrap_or_else(|fault| {
            log::warn!("no answer from the ECS task metadata at {uri}: {fault}; limits and zone are not from there");
            Task::default()
        })
    }
}

fn ask(uri: &str, timeout: Duration) -> io::Result<Task> {
    let answer = get(&format!("{uri}/task"), timeout)?;
    task(body(&answer)?)
}

fn task(json: &[u8]) -> io::Result<Task> {
    let task: serde_json::Value = serde_json::from_slice(json)?;
    let text =
        |key| task.get(key).and_then(|text| text.as_str()).filter(|text| !text.trim().is_empty()).map(str::to_owned);
    Ok(Task {
        cores: task.pointer("/Limits/CPU").and_then(serde_json::Value::as_f64),
        memory: task.pointer("/Limits/Memory").and_then(serde_json::Value::as_u64).map(|mib| mib << 20),
        zone: text("AvailabilityZone"),
        service: text("ServiceName").or_else(|| text("Family")),
    })
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Splits `http://ADDRESS[:PORT]/PATH`. A name instead of an address is not looked up: ECS never
/// gives one, and a look-up has no timeout.
fn split(uri: &str) -> Option<(SocketAddr, &str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/')?);
    let ip = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let address = authority.parse().ok().or_else(|| Some(SocketAddr::new(ip(authority)?, 80)))?;
    Some((address, authority, path))
}

/// A GET in plain HTTP, whole answer within `timeout`: not worth a client library.
fn get(uri: &str, timeout: Duration) -> io::Result<Vec<u8>> {
    let (address, authority, path) = split(uri).ok_or_else(|| invalid("not http://ADDRESS/PATH"))?;
    let deadline = Instant::now() + timeout;
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_write_timeout(Some(timeout))?;
    // HTTP/1.0, because an answer to it is never chunked (RFC 9112 section 6.1).
    let request = format!("GET {path} HTTP/1.0\r\nHost: {authority}\r\nAccept: application/json\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = [0; 8192];
    while (answer.len() as u64) < METADATA_MOST {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk)? {
            0 => return Ok(answer),
            read => answer.extend_from_slice(&chunk[..read]),
        }
    }
    Err(invalid("the answer is too long"))
}

fn body(answer: &[u8]) -> io::Result<&[u8]> {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or_else(|| invalid("not an HTTP answer"))?;
    let status = answer.split(|b| *b == b' ').nth(1);
    if !answer.starts_with(b"HTTP/1.") || status != Some(b"200") {
        return Err(invalid("the status is not 200"));
    }
    Ok(&answer[end + 4..])
}

#[cfg(test)]
mod tests;
