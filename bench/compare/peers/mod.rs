//! The proxies: what each is called, which files it reads, how it is started, and how it takes a changed mapping.
//!
//! Nothing here runs anything; the files and command lines come out as text.

mod template;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use crate::mapping::Entry;
use crate::mapping::{ENDPOINT, STAGE, SUFFIX};
use template::Values;
pub use template::render;

/// The proxy that ratios are to.
pub const BASE: &str = "nginx-tuned";
/// The one the comparison is about.
pub const OURS: &str = "nameplate";

/// What is measured of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Check,
    Saturation,
    Rate,
    Bodies,
    TlsH1,
    TlsH2,
    SystemCalls,
    Spread,
    Start,
    Change,
    Instructions,
}

use Phase::{Bodies, Change, Check, Instructions, Rate, Saturation, Spread, Start, SystemCalls, TlsH1, TlsH2};

impl Phase {
    pub const ALL: [Phase; 11] =
        [Check, Saturation, Rate, Bodies, TlsH1, TlsH2, SystemCalls, Spread, Start, Change, Instructions];

    /// Its name in the raw data.
    pub fn name(self) -> &'static str {
        match self {
            Check => "check",
            Saturation => "saturation",
            Rate => "rate",
            Bodies => "bodies",
            TlsH1 => "tls-h1",
            TlsH2 => "tls-h2",
            SystemCalls => "system-calls",
            Spread => "spread",
            Start => "start",
            Change => "change",
            Instructions => "instructions",
        }
    }
}

/// All but counting instructions, which takes a proxy that callgrind can run.
const ALL: &[Phase] = &[Check, Saturation, Rate, Bodies, TlsH1, TlsH2, SystemCalls, Spread, Start, Change];
const WITH_INSTRUCTIONS: &[Phase] =
    &[Check, Saturation, Rate, Bodies, TlsH1, TlsH2, SystemCalls, Spread, Start, Change, Instructions];
const NO_TLS: &[Phase] = &[Check, Saturation, Rate, Bodies, SystemCalls, Spread, Start, Change];
/// It has its map from the start to its end.
const NO_CHANGE: &[Phase] = &[Check, Saturation, Rate, Bodies, TlsH1, TlsH2, SystemCalls, Spread, Start, Instructions];
const WITH_LOG: &[Phase] = &[Check, Saturation, Rate];
const SHARED: &[Phase] = &[Check, Saturation, Spread];

/// How a proxy comes to know of a changed mapping, once the files are in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// It watches its files.
    Watches,
    /// SIGHUP.
    Hangup,
    /// `add map` on HAProxy's socket.
    AddMap,
    /// `caddy reload`.
    Caddy,
    /// Not at all.
    Never,
}

/// A program, and where to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// On the PATH, or in /usr/sbin.
    System(&'static str),
    /// In the virtual environment that `run.sh` makes.
    Installed(&'static str),
    /// Built here.
    Nameplate,
    Bare,
}

/// A file of a proxy's.
pub struct File {
    pub name: &'static str,
    template: &'static str,
    /// Written anew when the mapping changes.
    pub changes: bool,
}

pub struct Peer {
    /// In the raw data, and for `--only`.
    pub name: &'static str,
    pub title: &'static str,
    pub program: Program,
    pub files: &'static [File],
    pub reload: Reload,
    pub phases: &'static [Phase],
    /// What of it is not measured, and why; a part of a sentence.
    pub leaves_out: &'static str,
    /// How the program says its version.
    pub version: &'static [&'static str],
}

macro_rules! file {
    ($name:literal, $template:literal) => {
        File { name: $name, template: include_str!($template), changes: false }
    };
    ($name:literal, $template:literal, changes) => {
        File { name: $name, template: include_str!($template), changes: true }
    };
}

const NAMEPLATE: &[File] =
    &[file!("mapping.yaml", "nameplate.mapping.yaml", changes), file!("nameplate.yaml", "nameplate.yaml")];

/// All of them, in the order of the tables.
pub const PEERS: &[Peer] = &[
    Peer {
        name: BASE,
        title: "NGINX, tuned",
        program: Program::System("nginx"),
        files: &[
            file!("ids.map", "nginx-tuned.ids.map", changes),
            file!("stages.map", "nginx-tuned.stages.map", changes),
            file!("nginx.conf", "nginx-tuned.conf"),
        ],
        reload: Reload::Hangup,
        phases: WITH_INSTRUCTIONS,
        leaves_out: "instructions without `--instructions`",
        version: &["-v"],
    },
    Peer {
        name: "haproxy",
        title: "HAProxy",
        program: Program::System("haproxy"),
        files: &[file!("apis.map", "haproxy.map", changes), file!("haproxy.cfg", "haproxy.cfg")],
        reload: Reload::AddMap,
        phases: WITH_INSTRUCTIONS,
        leaves_out: "instructions without `--instructions`",
        version: &["-v"],
    },
    Peer {
        name: "bare",
        title: "bare Pingora",
        program: Program::Bare,
        files: &[file!("bare.map", "bare.map", changes)],
        reload: Reload::Never,
        phases: NO_CHANGE,
        leaves_out: "a changed mapping, since its map is read once; instructions without `--instructions`",
        version: &["--version"],
    },
    Peer {
        name: OURS,
        title: "**Nameplate**",
        program: Program::Nameplate,
        files: NAMEPLATE,
        reload: Reload::Watches,
        phases: WITH_INSTRUCTIONS,
        leaves_out: "instructions without `--instructions`",
        version: &["--version"],
    },
    Peer {
        name: "nameplate-log",
        title: "Nameplate, access log on",
        program: Program::Nameplate,
        files: NAMEPLATE,
        reload: Reload::Watches,
        phases: WITH_LOG,
        leaves_out: "what the log does not change; TLS, bodies and mappings are those of the row without it",
        version: &["--version"],
    },
    Peer {
        name: "nameplate-shared",
        title: "Nameplate, `sni: shared`",
        program: Program::Nameplate,
        files: NAMEPLATE,
        reload: Reload::Watches,
        phases: SHARED,
        leaves_out: "what SNI does not change; the rest is that of the row without it",
        version: &["--version"],
    },
    Peer {
        name: "envoy",
        title: "Envoy",
        program: Program::Installed("envoy"),
        files: &[file!("routes.json", "envoy.routes.json", changes), file!("envoy.json", "envoy.json")],
        reload: Reload::Watches,
        phases: ALL,
        leaves_out: "instructions, which were not tried under callgrind",
        version: &["--version"],
    },
    Peer {
        name: "traefik",
        title: "Traefik",
        program: Program::Installed("traefik"),
        files: &[file!("routes/routes.yml", "traefik.routes.yml", changes), file!("traefik.yml", "traefik.yml")],
        reload: Reload::Watches,
        phases: ALL,
        leaves_out: "instructions, which were not tried under callgrind",
        version: &["version"],
    },
    Peer {
        name: "caddy",
        title: "Caddy",
        program: Program::Installed("caddy"),
        files: &[file!("caddy.json", "caddy.json", changes)],
        reload: Reload::Caddy,
        phases: ALL,
        leaves_out: "instructions, which were not tried under callgrind",
        version: &["version"],
    },
    Peer {
        name: "nginx-sample",
        title: "NGINX as the AWS sample has it",
        program: Program::System("nginx"),
        files: &[file!("nginx.conf", "nginx-sample.conf", changes)],
        reload: Reload::Hangup,
        phases: NO_TLS,
        leaves_out: "TLS, which the sample's listener has none of here, and instructions",
        version: &["-v"],
    },
];

pub fn named(name: &str) -> Option<&'static Peer> {
    PEERS.iter().find(|peer| peer.name == name)
}

/// Where everything is during a run.
pub struct Place {
    /// The proxy's folder, absolute; certificates are in it, too.
    pub folder: PathBuf,
    pub plain: SocketAddr,
    pub tls: SocketAddr,
    pub admin: SocketAddr,
    pub origin: [SocketAddr; 2],
    pub dns: SocketAddr,
    /// Who runs this.
    pub user: String,
    /// File descriptors a process may have.
    pub files: u64,
}

impl Place {
    /// What templates may name.
    pub fn values(&self) -> Vec<(&'static str, String)> {
        let address = |of: SocketAddr| {
            format!(r#"{{"socket_address": {{"address": "{}", "port_value": {}}}}}"#, of.ip(), of.port())
        };
        vec![
            ("folder", self.folder.display().to_string()),
            ("plain", self.plain.to_string()),
            ("plain_port", self.plain.port().to_string()),
            ("tls", self.tls.to_string()),
            ("admin", self.admin.to_string()),
            ("origin_1", self.origin[0].to_string()),
            ("origin_2", self.origin[1].to_string()),
            ("origin_port", self.origin[0].port().to_string()),
            ("plain_address", address(self.plain)),
            ("tls_address", address(self.tls)),
            ("origin_1_address", address(self.origin[0])),
            ("origin_2_address", address(self.origin[1])),
            ("dns", self.dns.to_string()),
            ("user", self.user.clone()),
            ("files", self.files.to_string()),
            ("endpoint", ENDPOINT.to_owned()),
            ("suffix", SUFFIX.to_owned()),
            ("stage", STAGE.to_owned()),
        ]
    }
}

impl Peer {
    pub fn does(&self, phase: Phase) -> bool {
        self.phases.contains(&phase)
    }

    /// Whether the program writes to standard output for each request, so that somebody must read it.
    pub fn logs(&self) -> bool {
        self.name == "nameplate-log"
    }

    /// Its files, by their names in its folder.
    pub fn render(&self, place: &Place, entries: &[Entry]) -> Result<Vec<(&'static File, String)>, String> {
        let mut values = place.values();
        values.push(("sni", if self.name == "nameplate-shared" { "shared" } else { "api" }.to_owned()));
        values.push(("access_log", if self.logs() { "stdout" } else { "off" }.to_owned()));
        // What one file has in several places.
        let part: &[(&str, &str)] = match self.name {
            "envoy" => &[("http", include_str!("envoy.http.json"))],
            "caddy" => &[("routes", include_str!("caddy.routes.json"))],
            _ => &[],
        };
        for (name, text) in part {
            let text = render(text, &values, entries)?;
            values.push((name, text.trim_end().to_owned()));
        }
        let whole = |file: &'static File| self.file(file, &values, entries).map(|text| (file, text));
        self.files.iter().map(whole).collect()
    }

    fn file(&self, file: &File, values: &Values, entries: &[Entry]) -> Result<String, String> {
        render(file.template, values, entries).map_err(|why| format!("{} of {}: {why}", file.name, self.name))
    }

    /// Its arguments.
    pub fn arguments(&self, place: &Place) -> Vec<String> {
        let file = |name: &str| place.folder.join(name).display().to_string();
        let words = |words: &[&str], last: String| words.iter().map(|word| (*word).to_owned()).chain([last]).collect();
        match self.program {
            Program::System("nginx") => words(&["-c"], file("nginx.conf")),
            Program::System(_) => words(&["-db", "-f"], file("haproxy.cfg")),
            Program::Nameplate => words(&["serve", "--config"], file("nameplate.yaml")),
            Program::Installed("envoy") => {
                words(&["--concurrency", "1", "--disable-hot-restart", "-l", "warn", "-c"], file("envoy.json"))
            }
            Program::Installed("traefik") => vec![format!("--configFile={}", file("traefik.yml"))],
            Program::Installed(_) => words(&["run", "--config"], file("caddy.json")),
            Program::Bare => {
                let [one, two] = place.origin;
                let at = [place.plain, place.tls, one, two].map(|address| address.to_string());
                [vec![place.folder.display().to_string()], at.into()].concat()
            }
        }
    }

    /// What its environment has besides ours: Go's runtime takes one processor, and Caddy keeps its state here.
    pub fn environment(&self, folder: &Path) -> Vec<(&'static str, String)> {
        match self.program {
            Program::Installed("envoy") => Vec::new(),
            Program::Installed(_) => vec![
                ("GOMAXPROCS", "1".to_owned()),
                ("HOME", folder.display().to_string()),
                ("XDG_CONFIG_HOME", folder.display().to_string()),
                ("XDG_DATA_HOME", folder.display().to_string()),
            ],
            _ => Vec::new(),
        }
    }
}
