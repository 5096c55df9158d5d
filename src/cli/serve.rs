//! `nameplate serve`: the proxy, until a signal ends it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{FAULTY, SettingsArgs, fail, logging};
use crate::app::{self, Running};
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
        Err(e) => return fail(FAULTY, format!("{e:#}")),
    };
    let running = match app::start(settings) {
        Ok(running) => running,
        Err(fault) => return fail(FAULTY, fault),
    };
    let signals = match Signals::listen(&running) {
        Ok(signals) => signals,
        Err(e) => return fail(FAULTY, format!("{e:#}")),
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
/// it must exist before anybody is told that we are up.
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen.
    pub(super) fn listen(running: &Running) -> anyhow::Result<Signals> {
        let listen = || -> std::io::Result<Signals> {
            Ok(Signals {
                hangup: signal(SignalKind::hangup())?,
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        };
        running.block_on(async { listen() }).context("wait for signals")
    }
}

/// Acts on signals: SIGHUP reloads, SIGTERM and SIGINT stop. A second SIGTERM or SIGINT while
/// stopping ends the process at once.
pub(super) fn until_told_to_stop(running: Running, signals: Signals) -> ExitCode {
    running.block_on(wait(&running, signals));
    log::info!("stopping: readiness fails now, requests in flight finish");
    let cut_off = running.stop();
    if cut_off > 0 {
        log::warn!("stopped; {cut_off} connections were still open when the grace period ended");
    } else {
        log::info!("stopped; nothing was left in flight");
    }
    logging::finish();
    ExitCode::SUCCESS
}

async fn wait(running: &Running, signals: Signals) {
    let Signals { mut hangup, mut terminate, mut interrupt } = signals;
    loop {
        tokio::select! {
            _ = hangup.recv() => tokio::task::block_in_place(|| reload(running)),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        log::warn!("told to stop again: ending now");
        logging::finish();
        std::process::exit(1);
    });
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
