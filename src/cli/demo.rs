//! `nameplate demo`: the main job with nothing else, on this machine's loopback.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::examples;
use super::exit::{FAULTY, UNUSABLE, fail};
use super::load::compile_file;
use super::logging;
use super::serve::{Signals, until_told_to_stop};
use super::settings::code_of;
use crate::app::error::StartFault;
use crate::app::{self, Running};
use crate::demo::apis::Apis;
use crate::demo::authority::Authority;
use crate::demo::curl_lines;
use crate::demo::failures::{FAILURES, Failure};
use crate::demo::gateway::{Config, Gateway};
use nameplate_core::domain::route::HostMode;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::load::compile_bytes;
use nameplate_core::settings::{Listener, MappingSource, Settings};

/// The sample that ships in `conf/`.
const SAMPLE: &str = include_str!("../../conf/mapping.yaml");

/// What the demo's settings say that those of `nameplate serve` do not by default.
const DIFFERENCES: &str = "\
Unlike `nameplate serve` with its defaults, the demo
  listens in plaintext, also for HTTP/2 with prior knowledge (listeners: h2c),
  connects to its stand-in, and trusts its authority alone (endpoint: fixed, ca_file),
  takes a mapping that removes most domains without a word (reload: allow_shrink),
  and stops at once, without a delay for a load balancer (shutdown: delay).";

/// What the command line of `demo` says.
#[derive(Args, Clone, Debug)]
#[command(after_help = DIFFERENCES, after_long_help = after_long_help())]
pub(super) struct DemoArgs {
    /// Try this mapping file instead of the sample
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Listen here; a port that is taken is replaced by a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Listen here for the admin pages; a port that is taken is replaced by a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
    /// Run the stand-in alone, here, with the APIs that the mapping names now: for a proxy that is started beside it,
    /// in another container say
    #[arg(long, value_name = "IP:PORT", requires = "authority", conflicts_with_all = ["listen", "admin"])]
    gateway: Option<SocketAddr>,
    /// Where to write the certificate of the authority that signs the stand-in's, a new one at each start: what a
    /// proxy or a client trusts that connects to the stand-in (`endpoint: ca_file`, `curl --cacert`)
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// Let an API of the mapping fail, as its id and one of the ways that `--help` lists; may be repeated. The path
    /// `.../fail/policy_denies` shows the same response on any API that works
    #[arg(long, value_name = "API=FAILURE", value_parser = parse_failing)]
    fail: Vec<Failing>,
}

/// An API of the stand-in that fails, and how.
#[derive(Clone, Debug)]
struct Failing {
    api: String,
    failure: &'static Failure,
}

fn parse_failing(text: &str) -> Result<Failing, String> {
    let (api, name) = text.split_once('=').ok_or("write the id of an API, `=`, and a way to fail")?;
    let failure =
        Failure::named(name).ok_or_else(|| format!("`{name}` is not a way to fail; one of {}", names_of_failures()))?;
    Ok(Failing { api: api.to_owned(), failure })
}

/// What `--help` says below the options.
fn after_long_help() -> String {
    let names = names_of_failures();
    format!("{}\n\nWays for an API to fail (--fail API=FAILURE):\n  {names}\n\n{DIFFERENCES}", examples::DEMO)
}

fn names_of_failures() -> String {
    FAILURES.iter().map(|failure| failure.name).collect::<Vec<_>>().join(", ")
}

/// Runs the demo until Ctrl-C.
pub(super) fn demo(args: &DemoArgs, out: &mut dyn Write) -> ExitCode {
    logging::start();
    if let Some((address, file)) = args.gateway.zip(args.authority.as_deref()) {
        return gateway_alone(args, address, file, out)
            .map_or_else(|(code, what)| fail(code, what), |()| ExitCode::SUCCESS);
    }
    let folder = std::env::temp_dir().join(format!("nameplate-demo-{}", std::process::id()));
    let outcome = run(args, &folder, out);
    let _ = std::fs::remove_dir_all(&folder);
    outcome.unwrap_or_else(|(code, what)| fail(code, what))
}

/// The stand-in without a proxy, until a signal ends it. Who waits for `authority` finds it whole, and the stand-in
/// listening. Fails with an exit code and what to say.
fn gateway_alone(
    args: &DemoArgs,
    address: SocketAddr,
    authority_file: &Path,
    out: &mut dyn Write,
) -> Result<(), (u8, String)> {
    let other = |e: anyhow::Error| (code_of(&e), format!("{e:#}"));
    let table = match &args.mapping {
        Some(file) => compile_file(file, None).map_err(|e| other(e.into()))?.table,
        None => compile_bytes(SAMPLE.as_bytes(), "the sample mapping", None).map_err(|e| other(e.into()))?,
    };
    forget(authority_file);
    let mut signals = Signals::listen().map_err(other)?;
    let authority = Authority::new().map_err(|e| other(e.into()))?;
    let apis = apis_of(&table, &args.fail).map_err(|what| (UNUSABLE, what))?;
    let config = Config { addresses: vec![address], ..Config::new(apis) };
    let gateway = Gateway::start(config, &authority)
        .map_err(|e| (UNUSABLE, format!("{address}: {e}\n  help: give --gateway a free address of this machine")))?;
    publish(&authority, authority_file)?;
    let (entries, at) = (table.routes().len(), gateway.addresses()[0]);
    let _ = writeln!(out, "A stand-in for API Gateway answers for the APIs of {entries} entries, over TLS on {at}.");
    let _ = writeln!(out, "The authority to trust is in {}.", authority_file.display());
    let _ = out.flush();
    signals.wait_for_the_end();
    gateway.stop();
    Ok(())
}

/// Removes what an earlier start left: whoever starts beside this would trust it, and it vouches for nothing any more.
fn forget(authority_file: &Path) {
    let _ = std::fs::remove_file(authority_file);
}

/// Writes the authority's certificate to where somebody waits for it.
fn publish(authority: &Authority, file: &Path) -> Result<(), (u8, String)> {
    authority.write_pem(file).map_err(|e| {
        let file = file.display();
        (UNUSABLE, format!("cannot write {file}: {e}\n  help: give --authority a file in a folder that may be written"))
    })
}

/// The APIs that a mapping names, and those of them that fail. STRICT is what every entry passes but one that shows the
/// API another Host than its own.
fn apis_of(table: &MappingTable, fail: &[Failing]) -> Result<Apis, String> {
    let apis = Apis::from_table(table);
    let own_host = table.routes().iter().all(|route| route.choices.host == HostMode::Api);
    let mut apis = if own_host { apis.strict() } else { apis };
    for Failing { api, failure } in fail {
        if !apis.fail(api, failure) {
            let ids = apis.ids().collect::<Vec<_>>().join(", ");
            return Err(format!("no entry of the mapping is of API `{api}`\n  help: --fail takes one of {ids}"));
        }
    }
    Ok(apis)
}

fn run(args: &DemoArgs, folder: &Path, out: &mut dyn Write) -> Result<ExitCode, (u8, String)> {
    let other = |e: anyhow::Error| (FAULTY, format!("{e:#}"));
    let demo = set_up(args, folder).map_err(other)?;
    if let Some(file) = &args.authority {
        forget(file);
        publish(&demo.authority, file)?;
    }
    serve(args, demo, out).map_err(other)
}

/// All that the demo is of but the proxy.
struct Demo {
    mapping: PathBuf,
    table: MappingTable,
    authority: Authority,
    ca_file: PathBuf,
    gateway: Gateway,
}

fn set_up(args: &DemoArgs, folder: &Path) -> anyhow::Result<Demo> {
    std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let mapping = match &args.mapping {
        Some(file) => file.clone(),
        None => {
            let file = folder.join("mapping.yaml");
            std::fs::write(&file, SAMPLE).with_context(|| format!("write {}", file.display()))?;
            file
        }
    };
    let table = compile_file(&mapping, None)?.table;
    let authority = Authority::new()?;
    let ca_file = folder.join("ca.pem");
    authority.write_pem(&ca_file).with_context(|| format!("write {}", ca_file.display()))?;
    let gateway = Gateway::start(Config::new(apis_of(&table, &args.fail).map_err(anyhow::Error::msg)?), &authority)?;
    Ok(Demo { mapping, table, authority, ca_file, gateway })
}

fn serve(args: &DemoArgs, demo: Demo, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let Demo { mapping, table, ca_file, gateway, .. } = demo;
    // `DIFFERENCES` names each of these.
    let mut settings = Settings { mapping: MappingSource::File(mapping.clone()), ..Settings::default() };
    // Trying things out is what it is for.
    settings.reload.allow_shrink = true;
    // Nobody is to be told to go: who ends a demo wants it to end.
    settings.shutdown.delay = std::time::Duration::ZERO;
    settings.endpoint.fixed = gateway.addresses().to_vec();
    settings.endpoint.ca_file = Some(ca_file);
    let signals = Signals::listen()?;
    let running = start(settings, args)?;
    tell(out, &running, &gateway, &mapping, args.authority.as_deref())?;
    for line in curl_lines(&table, running.addresses()[0], running.admin()) {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    let code = until_told_to_stop(running, signals, None);
    gateway.stop();
    writeln!(out, "\nThe demo has stopped.")?;
    Ok(code)
}

/// Starts on the ports asked for, or on free ones where those are taken.
fn start(mut settings: Settings, args: &DemoArgs) -> Result<Running, StartFault> {
    (settings.listeners, settings.admin) = (vec![listener(args.listen)], args.admin);
    loop {
        match app::start(settings.clone()) {
            Err(StartFault::Listen { address, cause })
                if address.port() != 0 && cause.kind() == std::io::ErrorKind::AddrInUse =>
            {
                let free = SocketAddr::new(address.ip(), 0);
                if settings.admin == address {
                    settings.admin = free;
                } else {
                    settings.listeners = vec![listener(free)];
                }
            }
            outcome => return outcome,
        }
    }
}

fn listener(address: SocketAddr) -> Listener {
    Listener { h2c: true, ..Listener::plain(address) }
}

fn tell(
    out: &mut dyn Write,
    running: &Running,
    gateway: &Gateway,
    mapping: &Path,
    authority_file: Option<&Path>,
) -> std::io::Result<()> {
    let at: Vec<String> = gateway.addresses().iter().map(SocketAddr::to_string).collect();
    writeln!(out, "Nameplate is serving {} entries of {}.", running.entries(), mapping.display())?;
    writeln!(out, "Behind it, a stand-in for API Gateway answers over verified TLS on {}.", at.join(" and "))?;
    if let Some(file) = authority_file {
        writeln!(out, "The authority to trust for that is in {}.", file.display())?;
    }
    writeln!(out, "Its status page, for a browser: http://{}/", running.admin())?;
    writeln!(out, "{DIFFERENCES}")?;
    writeln!(out, "Try, in another terminal (Ctrl-C here ends it):\n")
}
