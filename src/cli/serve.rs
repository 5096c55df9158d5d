//! `nameplate serve`: the proxy, until a signal ends it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{FAULTY, SettingsArgs, UNUSABLE, fail, logging};
use crate::app::{self, Running, StartFault};
use crate::config::load::LoadFault;
use crate::config::settings::{Listener, Settings};

/// What the command line of `serve` says.
#[derive(Args, Clone, Debug)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Listen for plaintext HTTP here, instead of what the settings list
    #[arg(long, env = "NAMEPLATE_LISTEN", value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
    /// Listen for the admin pages here
    #[arg(long, env = "NAMEPLATE_ADMIN", value_name = "IP:PORT")]
    admin: Option<SocketAddr>,
    /// DNS name of the execute-api VPC endpoint
    #[arg(long, env = "NAMEPLATE_ENDPOINT", value_name = "NAME")]
    endpoint: Option<String>,
}

/// Runs the proxy; returns when it has been told to stop and has stopped.
pub(super) fn serve(args: &ServeArgs) -> ExitCode {
    logging::start();
    let settings = match settings(args) {
        Ok(settings) => settings,
        Err(e) => return fail(code_of(&e), format!("{e:#}")),
    };
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(e) => return fail(FAULTY, format!("{e:#}")),
    };
    let running = match app::start(settings) {
        Ok(running) => running,
        Err(fault @ StartFault::Mapping(LoadFault::Io { .. })) => {
            return fail(
                UNUSABLE,
                format!("{fault}\n  help: name the mapping file with --mapping, or in the settings"),
            );
        }
        Err(fault) => return fail(FAULTY, fault),
    };
    announce(&running);
    until_told_to_stop(running, signals)
}

/// Says what is up, in the log.
pub(super) fn announce(running: &Running) {
    for address in running.addresses() {
        log::info!("listening on {address}");
    }
    log::info!("{} entries in force; admin pages on http://{}/", running.entries(), running.admin());
}

/// The signals we act on. From the moment this exists, none of them ends the process by itself: so
/// it exists before anything starts, and a signal that comes early is acted on late.
pub(super) struct Signals {
    runtime: Runtime,
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen.
    pub(super) fn listen() -> anyhow::Result<Signals> {
        let listen = || -> std::io::Result<Signals> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let inside = runtime.enter();
            let (hangup, terminate) = (signal(SignalKind::hangup())?, signal(SignalKind::terminate())?);
            let interrupt = signal(SignalKind::interrupt())?;
            drop(inside);
            Ok(Signals { runtime, hangup, terminate, interrupt })
        };
        listen().context("listen for signals")
    }

    /// Reloads on each SIGHUP; returns when told to stop.
    fn wait(&mut self, running: &Running) {
        let Signals { runtime, hangup, terminate, interrupt } = self;
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = hangup.recv() => reload(running),
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                }
            }
        });
    }

    /// From now on, another SIGTERM or SIGINT ends the process at once.
    fn end_on_the_next(mut self) {
        let _ = std::thread::Builder::new().name("signals".into()).spawn(move || {
            self.runtime.block_on(async {
                tokio::select! {
                    _ = self.terminate.recv() => {}
                    _ = self.interrupt.recv() => {}
                }
            });
            log::warn!("told to stop again: ending now");
            logging::flush();
            std::process::exit(1);
        });
    }
}

/// Acts on signals: SIGHUP reloads, SIGTERM and SIGINT stop. A second SIGTERM or SIGINT while
/// stopping ends the process at once.
pub(super) fn until_told_to_stop(running: Running, mut signals: Signals) -> ExitCode {
    signals.wait(&running);
    signals.end_on_the_next();
    log::info!("stopping: readiness fails now, requests in flight finish");
    let cut_off = running.stop();
    if cut_off > 0 {
        log::warn!("stopped; {cut_off} connections were still open when the grace period ended");
    } else {
        log::info!("stopped; nothing was left in flight");
    }
    ExitCode::SUCCESS
}

fn reload(running: &Running) {
    match running.reload() {
        Ok(reloaded) => {
            log::info!("mapping reloaded: {} entries, generation {}", reloaded.entries, reloaded.generation)
        }
        Err(rejected) => log::error!("mapping rejected:\n{rejected}"),
    }
}

/// The settings of a file, with what the command line and the environment say instead.
fn settings(args: &ServeArgs) -> anyhow::Result<Settings> {
    let mut settings = read_settings(args.settings.config.as_deref())?;
    if let Some(mapping) = &args.settings.mapping {
        settings.mapping.clone_from(mapping);
    }
    if let Some(address) = args.listen {
        settings.listeners = vec![Listener { address, tls: None, h2c: false }];
    }
    if let Some(admin) = args.admin {
        settings.admin = admin;
    }
    if let Some(name) = &args.endpoint {
        settings.endpoint.name = Some(name.clone());
        settings.endpoint.fixed.clear();
    }
    settings.validate().map_err(anyhow::Error::msg)?;
    Ok(settings)
}

/// 2 where a file could not be read, 1 where what it says is at fault.
pub(super) fn code_of(e: &anyhow::Error) -> u8 {
    if e.chain().any(|cause| cause.is::<std::io::Error>()) { UNUSABLE } else { FAULTY }
}

/// Reads a settings file; its relative paths are relative to where it stands.
pub(super) fn read_settings(config: Option<&Path>) -> anyhow::Result<Settings> {
    let Some(file) = config else { return Ok(Settings::default()) };
    let text = std::fs::read_to_string(file).with_context(|| format!("read settings file {}", file.display()))?;
    let mut settings = Settings::parse(&text, &file.display().to_string())?;
    let folder = file.parent().unwrap_or(Path::new("."));
    settings.mapping = folder.join(&settings.mapping);
    if let Some(ca) = &mut settings.endpoint.ca_file {
        *ca = folder.join(&*ca);
    }
    for tls in settings.listeners.iter_mut().filter_map(|listener| listener.tls.as_mut()) {
        tls.certificate = folder.join(&tls.certificate);
        tls.key = folder.join(&tls.key);
    }
    Ok(settings)
}
