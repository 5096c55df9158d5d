//! What stands around a proxy: addresses, certificates, the origin, DNS, and a client that looks.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nameplate_testkit::certificates::{client_trusting, roots_of};
use nameplate_testkit::client::{Response, Target};
use nameplate_testkit::dns::{Answer, Dns};

use crate::certificates;
use crate::mapping::{ENDPOINT, SUFFIX};
use crate::peers::{Place, render};
use crate::process::{Process, Start};

// Addresses of loopback that hardly anything else listens on.
const ORIGIN: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 83, 0, 1), Ipv4Addr::new(127, 83, 0, 2)];
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 83, 0, 10);
const ORIGIN_PORT: u16 = 9443;

/// Descriptors that the origin and NGINX may have.
const FILES: u64 = 60_000;
/// Sizes of the two answers, in bytes.
const SMALL_BODY: usize = 1_024;
const BIG_BODY: usize = 100 * 1_024;
/// What the origin has to start, and to write its log.
const STARTING: Duration = Duration::from_secs(10);
const LOGGING: Duration = Duration::from_millis(250);

pub struct Rig {
    pub folder: PathBuf,
    pub load_cpu: usize,
    pub proxy_cpu: usize,
    names: Dns,
    _origin: Process,
}

/// Connections that the origin has shaken hands on.
#[derive(Clone, Copy, Default)]
pub struct Handshakes {
    pub all: u64,
    /// Of them, those that took up a session.
    pub resumed: u64,
}

impl Rig {
    /// Makes everything, in a folder that is emptied first.
    pub fn start(folder: &Path, nginx: &Path, load_cpu: usize, proxy_cpu: usize) -> Result<Rig> {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        for (address, port) in [(ORIGIN[0], ORIGIN_PORT), (ORIGIN[1], ORIGIN_PORT)] {
            free((address, port).into())?;
        }
        certificates::write(&folder)?;
        let names = Dns::start(Answer::Addresses(ORIGIN.map(Into::into).to_vec(), 1));
        let origin = origin(&folder, nginx, load_cpu, &names)?;
        let rig = Rig { folder, load_cpu, proxy_cpu, names, _origin: origin };
        rig.wait_for_the_origin()?;
        Ok(rig)
    }

    /// Where things are for one proxy, whose folder is made anew.
    pub fn place(&self, name: &str) -> Result<Place> {
        let folder = self.folder.join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("routes"))?;
        for file in ["ca.pem", "front.pem", "front.key", "front-with-key.pem"] {
            fs::copy(self.folder.join(file), folder.join(file))?;
        }
        let place = place(folder, &self.names);
        for address in [place.plain, place.tls, place.admin] {
            free(address)?;
        }
        Ok(place)
    }

    /// So far. It waits until the origin has written its log.
    pub fn handshakes(&self) -> Result<Handshakes> {
        std::thread::sleep(LOGGING);
        let text = fs::read_to_string(self.folder.join("handshakes.log"))?;
        let resumed = text.lines().filter(|line| line.starts_with("r ")).count() as u64;
        Ok(Handshakes { all: text.lines().count() as u64, resumed })
    }

    fn wait_for_the_origin(&self) -> Result<()> {
        let config = Arc::new(client_trusting(roots_of(&self.folder.join("ca.pem"))?));
        for address in ORIGIN {
            let tls = Some((Arc::clone(&config), format!("api{SUFFIX}")));
            let target = Target { address: (address, ORIGIN_PORT).into(), tls };
            let until = Instant::now() + STARTING;
            while let Err(e) = ask(&target, ENDPOINT, "/") {
                if Instant::now() > until {
                    return Err(e).with_context(|| format!("the origin does not answer; {}", self.log("origin.log")));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }
}

fn place(folder: PathBuf, names: &Dns) -> Place {
    Place {
        folder,
        plain: (PROXY, 8080).into(),
        tls: (PROXY, 8443).into(),
        admin: (PROXY, 9901).into(),
        origin: ORIGIN.map(|address| (address, ORIGIN_PORT).into()),
        dns: names.address(),
        user: user(),
        files: FILES,
    }
}

fn origin(folder: &Path, nginx: &Path, cpu: usize, names: &Dns) -> Result<Process> {
    let mut values = place(folder.to_owned(), names).values();
    let body = |size: usize| format!("{{\"pad\":\"{}\"}}", "x".repeat(size - 10));
    values.push(("small_body", body(SMALL_BODY)));
    fs::write(folder.join("big.json"), body(BIG_BODY))?;
    let text = render(include_str!("origin.conf"), &values, &[]).map_err(anyhow::Error::msg)?;
    fs::write(folder.join("origin.conf"), text)?;
    let arguments = ["-c".to_owned(), folder.join("origin.conf").display().to_string()];
    let log = folder.join("origin.out");
    let start =
        Start { program: nginx, arguments: &arguments, environment: &[], folder, cpu, log: &log, reads_output: false };
    Process::start(&start)
}

/// Fails where something listens there, which would be measured instead.
fn free(address: SocketAddr) -> Result<()> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(e) => bail!("{address}: {e}\nhelp: end what listens there; the comparison needs it for itself"),
    }
}

/// NGINX changes to another user unless it is told ours.
fn user() -> String {
    let output = Command::new("id").arg("-un").output();
    output.map_or_else(|_| "root".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// One request on a connection of its own.
pub fn ask(target: &Target, host: &str, path: &str) -> io::Result<Response> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    target.connect()?.exchange(request.as_bytes(), false)
}
