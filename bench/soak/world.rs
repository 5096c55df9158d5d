//! What is around the clients: a proxy, two addresses of an endpoint, a mapping that changes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nameplate::demo::apis::Apis;
use nameplate::demo::authority::Authority;
use nameplate::demo::gateway::{Config, Gateway};

/// Entries of the mapping, one API for every ten.
pub const ENTRIES: usize = 1_000;

pub struct World {
    server: Child,
    proxy: SocketAddr,
    admin: SocketAddr,
    folder: PathBuf,
    authority: Authority,
    addresses: [SocketAddr; 2],
    /// The addresses of the endpoint; `None` for one that is down.
    endpoint: [Option<Gateway>; 2],
    changes: usize,
    kills: usize,
}

impl World {
    pub fn start(binary: &Path, folder: &Path) -> Result<World, String> {
        let authority = Authority::new().map_err(|e| e.to_string())?;
        authority.write_pem(&folder.join("ca.pem")).map_err(|e| e.to_string())?;
        let first = gateway(&authority, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let one = first.addresses()[0];
        let other = SocketAddr::from(([127, 0, 0, 2], one.port()));
        let second = gateway(&authority, other)?;
        write_mapping(folder, 0)?;
        let settings = format!(
            "listeners: [{{ address: '127.0.0.1:0' }}]\nadmin: 127.0.0.1:0\nmapping: mapping.yaml\nendpoint:\n  \
             fixed: ['{one}', '{other}']\n  ca_file: ca.pem\n  cool_down: 1s\n  idle_timeout: 5s\n"
        );
        fs::write(folder.join("nameplate.yaml"), settings).map_err(|e| e.to_string())?;
        let mut server = Command::new(binary)
            .args(["serve", "--config"])
            .arg(folder.join("nameplate.yaml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{}: {e}", binary.display()))?;
        let (proxy, admin) = addresses_of(&mut server, folder)?;
        let endpoint = [Some(first), Some(second)];
        let addresses = [one, other];
        let folder = folder.to_owned();
        Ok(World { server, proxy, admin, folder, authority, addresses, endpoint, changes: 0, kills: 0 })
    }

    pub fn proxy(&self) -> SocketAddr {
        self.proxy
    }

    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    pub fn changes(&self) -> usize {
        self.changes
    }

    pub fn kills(&self) -> usize {
        self.kills
    }

    /// Puts another mapping in the place of the one there is: one domain more or less, one stage moved.
    pub fn change_mapping(&mut self) -> Result<(), String> {
        self.changes += 1;
        write_mapping(&self.folder, self.changes)
    }

    pub fn hang_up(&self) -> Result<(), String> {
        self.signal("-HUP")
    }

    /// One address goes down, with every connection it has; the two take turns.
    pub fn kill_one(&mut self) {
        self.endpoint[self.kills % 2] = None;
        self.kills += 1;
    }

    /// Whatever is down comes back.
    pub fn revive(&mut self) -> Result<(), String> {
        for (at, address) in self.addresses.into_iter().enumerate() {
            if self.endpoint[at].is_none() {
                self.endpoint[at] = Some(gateway(&self.authority, address)?);
            }
        }
        Ok(())
    }

    pub fn metrics(&self) -> Result<String, String> {
        let fault = |e: std::io::Error| format!("metrics: {e}");
        let mut stream = TcpStream::connect(self.admin).map_err(fault)?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(fault)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").map_err(fault)?;
        let mut text = String::new();
        stream.read_to_string(&mut text).map_err(fault)?;
        Ok(text)
    }

    /// Stops the proxy; says whether it ended well.
    pub fn stop(mut self) -> Result<bool, String> {
        self.signal("-TERM")?;
        let status = self.server.wait().map_err(|e| e.to_string())?;
        Ok(status.success())
    }

    fn signal(&self, signal: &str) -> Result<(), String> {
        let sent = Command::new("kill").args([signal, &self.pid().to_string()]).status();
        if sent.is_ok_and(|status| status.success()) { Ok(()) } else { Err("the proxy is gone".into()) }
    }
}

/// Whatever happens, nothing of ours stays.
impl Drop for World {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn api(entry: usize) -> String {
    format!("api{}", entry / 10)
}

fn gateway(authority: &Authority, address: SocketAddr) -> Result<Gateway, String> {
    let host = |api: &str| format!("{api}.execute-api.eu-west-1.amazonaws.com");
    let apis = (0..ENTRIES).step_by(10).map(api).fold(Apis::default(), |apis, api| {
        let host = host(&api);
        apis.with(&api, &host, "blue").with(&api, &host, "green")
    });
    Gateway::start(Config { apis, addresses: vec![address] }, authority).map_err(|e| format!("{address}: {e}"))
}

/// Renamed into its place. Every entry answers under either stage, so that no request fails for a change.
fn write_mapping(folder: &Path, change: usize) -> Result<(), String> {
    let mut text = String::from("APIS:\n");
    for entry in 0..ENTRIES + change % 2 {
        let stage = if (entry + change).is_multiple_of(7) { "green" } else { "blue" };
        let api = api(entry.min(ENTRIES - 1));
        text += &format!(
            "  - CUSTOM_DOMAIN_URL: d{entry}.soak.example.com\n    PRIVATE_API_URL: https://{api}.execute-api.eu-west-1.amazonaws.com/{stage}\n"
        );
    }
    let beside = folder.join("mapping.new");
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, folder.join("mapping.yaml"))).map_err(|e| e.to_string())
}

/// Reads the log until it says where it listens; the rest of it goes to a file.
fn addresses_of(server: &mut Child, folder: &Path) -> Result<(SocketAddr, SocketAddr), String> {
    let mut log = BufReader::new(server.stderr.take().ok_or("no log")?);
    let (mut proxy, mut said) = (None, String::new());
    loop {
        let mut line = String::new();
        if log.read_line(&mut line).map_err(|e| e.to_string())? == 0 {
            return Err(format!("the proxy did not start:\n{said}"));
        }
        said += &line;
        if let Some((_, address)) = line.split_once("listening on ") {
            proxy = address.trim().parse().ok();
        }
        if let Some((_, address)) = line.split_once("admin pages on http://") {
            let admin = address.trim().trim_end_matches('/').parse().map_err(|_| "no admin address")?;
            let mut file = fs::File::create(folder.join("nameplate.log")).map_err(|e| e.to_string())?;
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut log, &mut file);
            });
            return Ok((proxy.ok_or("no address")?, admin));
        }
    }
}
