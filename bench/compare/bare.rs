//! Bare Pingora: the least program on Pingora that does the same job. A map, SNI, Host, a stage, kept connections,
//! and the allocator Nameplate has; no log, no metrics, no limits, no other timeouts, no change of its map. What
//! Nameplate costs beyond it is Nameplate's own; what it costs beyond the other proxies is Pingora's.

// It talks to whoever runs it.
#![allow(clippy::print_stdout, clippy::print_stderr, unreachable_pub)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora::http::RequestHeader;
use pingora::listeners::tls::TlsSettings;
use pingora::prelude::*;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use pingora::upstreams::peer::ALPN;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: bare FOLDER PLAIN TLS ADDRESS ADDRESS; bench/compare/run.sh starts it.
FOLDER has bare.map, ca.pem, front.pem and front.key";

/// What a request is sent with.
struct Api {
    host: String,
    /// `api0000001`
    id: String,
    /// `/v1`
    stage: String,
}

struct Bare {
    apis: HashMap<String, Api>,
    addresses: [SocketAddr; 2],
    turn: AtomicUsize,
}

impl Bare {
    /// The API of the request's domain.
    fn api(&self, session: &Session) -> Option<(&str, &Api)> {
        let request = session.req_header();
        let host = match request.headers.get("host") {
            Some(host) => host.to_str().ok()?,
            None => request.uri.authority()?.as_str(),
        };
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        self.apis.get_key_value(host).map(|(domain, api)| (domain.as_str(), api))
    }
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    async fn request_filter(&self, session: &mut Session, _: &mut Self::CTX) -> Result<bool> {
        session.set_keepalive(Some(75));
        if self.api(session).is_some() {
            return Ok(false);
        }
        session.respond_error(404).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, session: &mut Session, _: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        let (_, api) = self.api(session).expect("request_filter has found it");
        let address = self.addresses[self.turn.fetch_add(1, Ordering::Relaxed) % 2];
        let mut peer = HttpPeer::new(address, true, api.host.clone());
        peer.options.alpn = ALPN::H1;
        peer.options.idle_timeout = Some(Duration::from_secs(60));
        Ok(Box::new(peer))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        _: &mut Self::CTX,
    ) -> Result<()> {
        let (domain, api) = self.api(session).expect("request_filter has found it");
        let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
        let target = format!("{}{path}", api.stage);
        request.set_raw_path(target.as_bytes())?;
        request.insert_header("host", &api.host)?;
        request.insert_header("x-apigw-api-id", &api.id)?;
        request.insert_header("referer", domain)?;
        Ok(())
    }
}

/// A line of the map: the domain, its API's host and the stage, with tabs between.
fn line(line: &str) -> Option<(String, Api)> {
    let mut words = line.split('\t');
    let (domain, host, stage) = (words.next()?, words.next()?, words.next()?);
    let id = host.split_once('.')?.0.to_owned();
    Some((domain.to_owned(), Api { host: host.to_owned(), id, stage: format!("/{stage}") }))
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words == ["--version"] {
        println!("pingora 0.9.1");
        return ExitCode::SUCCESS;
    }
    match bare(&words) {
        Ok(server) => {
            server.run(RunArgs::default());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("bare: {why}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn bare(words: &[String]) -> Result<Server, Box<dyn std::error::Error>> {
    let [folder, plain, tls, one, two] = words else { return Err("wants five words".into()) };
    let map = std::fs::read_to_string(format!("{folder}/bare.map"))?;
    let apis = map.lines().map(line).collect::<Option<_>>().ok_or("bare.map: a line without its three words")?;
    let conf = ServerConf {
        threads: 1,
        ca_file: Some(format!("{folder}/ca.pem")),
        // The default of 128 is a handshake for nearly every request where there are a thousand APIs.
        upstream_keepalive_pool_size: 8_192,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let job = Bare { apis, addresses: [one.parse()?, two.parse()?], turn: AtomicUsize::new(0) };
    let mut service = http_proxy_service(&server.configuration, job);
    service.add_tcp(plain);
    let mut settings = TlsSettings::intermediate(&format!("{folder}/front.pem"), &format!("{folder}/front.key"))?;
    settings.enable_h2();
    service.add_tls_with_settings(tls, None, settings);
    server.add_service(service);
    Ok(server)
}
