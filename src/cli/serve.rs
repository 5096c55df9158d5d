//! `nameplate serve`: the proxy, until a signal ends it.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use super::environment;
use super::exit::{FAULTY, UNUSABLE, fail};
use super::logging;
use super::settings::{SettingsArgs, code_of};
use crate::app::error::StartFault;
use crate::app::{self, Running};
use crate::live::keeper::FirstReadError;
use crate::source::file_access::FileAccess;
use nameplate_core::settings::log::Level as LogLevel;
use nameplate_core::settings::{Listener, Settings};

/// What the command line of `serve` says.
#[derive(Args, Clone, Debug)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Listen for plaintext HTTP here, instead of what the settings list [env: NAMEPLATE_LISTEN]
    #[arg(long, value_name = "IP:PORT", value_parser = environment::listen_address)]
    listen: Option<SocketAddr>,
    /// Listen for the admin pages here [env: NAMEPLATE_ADMIN]
    #[arg(long, value_name = "IP:PORT", value_parser = environment::admin_address)]
    admin: Option<SocketAddr>,
    /// DNS name of the execute-api VPC endpoint [env: NAMEPLATE_ENDPOINT]
    #[arg(long, value_name = "NAME", value_parser = environment::endpoint_name)]
    endpoint: Option<String>,
    /// Take changes of the mapping that remove more domains than `reload: max_removed` [env: NAMEPLATE_ALLOW_SHRINK]
    #[arg(long)]
    allow_shrink: bool,
    /// Take over from a running process: wait at `shutdown: upgrade_socket` until it is sent SIGQUIT
    #[arg(long)]
    upgrade: bool,
}

/// Runs the proxy; returns when it has been told to stop and has stopped.
pub(super) fn serve(args: &ServeArgs) -> ExitCode {
    logging::start();
    let settings = match settings(args) {
        Ok(settings) => settings,
        Err(e) => return fail(code_of(&e), format!("{e:#}")),
    };
    if let Err(error) = logging::configure(&settings.log) {
        return fail(UNUSABLE, error);
    }
    let level = Level { args: args.settings.clone(), now: settings.log.level.clone() };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(e) => return fail(FAULTY, format!("{e:#}")),
    };
    let started = match args.upgrade {
        true => app::take_over(settings, &mut |time| signals.told_to_stop_within(time)),
        false => app::start(settings),
    };
    let running = match started {
        Ok(running) => running,
        Err(fault @ StartFault::Stopped) => {
            log::info!("{fault}");
            return ExitCode::SUCCESS;
        }
        Err(fault @ StartFault::Mapping(FirstReadError::Unreadable(_))) => return fail(UNUSABLE, fault),
        Err(fault) => return fail(FAULTY, fault),
    };
    announce(&running);
    until_told_to_stop(running, signals, Some(level))
}

/// The level of the log, as the settings file said it last.
pub(super) struct Level {
    args: SettingsArgs,
    now: LogLevel,
}

impl Level {
    /// Reads the settings file again, for the level alone. A file with a fault, wherever in it, changes nothing.
    fn read_again(&mut self) {
        if logging::is_set_by_environment() {
            return;
        }
        match self.args.read() {
            Ok(settings) if settings.log.level == self.now => {}
            Ok(settings) => {
                logging::change_level(&settings.log.level);
                self.now = settings.log.level;
            }
            Err(e) => log::error!("settings rejected: {e:#}; the log level is unchanged"),
        }
    }

    /// Reads it again whenever somebody asks, for ever: on a thread of its own, because the file may not answer, and
    /// signals must.
    async fn keep_current(self, ordered: Arc<Notify>) {
        let mut access = FileAccess::new(self);
        loop {
            ordered.notified().await;
            if let Err(e) = access.run(Level::read_again).await {
                log::error!("settings not read: {e}; the log level is unchanged");
            }
        }
    }
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
    user: Signal,
    quit: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen.
    pub(super) fn listen() -> anyhow::Result<Signals> {
        let listen = || -> std::io::Result<Signals> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let inside = runtime.enter();
            let (hangup, user) = (signal(SignalKind::hangup())?, signal(SignalKind::user_defined1())?);
            let quit = signal(SignalKind::quit())?;
            let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            drop(inside);
            Ok(Signals { runtime, hangup, user, quit, terminate, interrupt })
        };
        listen().context("listen for signals")
    }

    /// Reloads on SIGHUP, on SIGUSR1 also what is held, and `level` with both; returns when told to stop, or
    /// when another process has taken over. Signals that come in a burst are one, as far as they come
    /// before the reading they ask for.
    fn wait(&mut self, running: &Running, level: Option<Level>) -> End {
        let Signals { runtime, hangup, user, quit, terminate, interrupt } = self;
        let ordered = Arc::new(Notify::new());
        if let Some(level) = level {
            runtime.spawn(level.keep_current(Arc::clone(&ordered)));
        }
        let reload = |allow_shrink| {
            ordered.notify_one();
            running.order_reload(allow_shrink);
        };
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = hangup.recv() => reload(false),
                    _ = user.recv() => reload(true),
                    _ = quit.recv() => {
                        tokio::select! {
                            // Done already when a signal comes in the same moment: then it is for what follows.
                            biased;
                            handed = hand_over(running) => match handed {
                                Ok(()) => return End::Replaced,
                                Err(fault) => log::error!("{fault}; this process serves on"),
                            },
                            _ = terminate.recv() => return End::Stopped,
                            _ = interrupt.recv() => return End::Stopped,
                        }
                    }
                    _ = terminate.recv() => return End::Stopped,
                    _ = interrupt.recv() => return End::Stopped,
                }
            }
        })
    }

    /// Waits for this long, and returns whether SIGTERM or SIGINT came.
    fn told_to_stop_within(&mut self, time: Duration) -> bool {
        let Signals { runtime, terminate, interrupt, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => true,
                _ = interrupt.recv() => true,
                () = tokio::time::sleep(time) => false,
            }
        })
    }

    /// Returns when told to stop or to make place, for what has nothing to reload and nobody to hand over to.
    pub(super) fn wait_for_the_end(&mut self) {
        let Signals { runtime, quit, terminate, interrupt, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = quit.recv() => {}
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
    }

    /// From now on, the second SIGTERM or SIGINT ends the process at once. `told` says that the first has come.
    fn end_on_the_second(mut self, told: bool) {
        let _ = std::thread::Builder::new().name("signals".into()).spawn(move || {
            let mut next = || {
                self.runtime.block_on(async {
                    tokio::select! {
                        _ = self.terminate.recv() => {}
                        _ = self.interrupt.recv() => {}
                    }
                });
            };
            if !told {
                next();
                log::info!("told to stop: this process stops already, and requests in flight finish");
            }
            next();
            log::warn!("told to stop again: ending now");
            super::exit::flush();
            std::process::exit(1);
        });
    }
}

/// Hands the sockets over on a thread of its own, so that signals are heard meanwhile; the error is for the log. Dropped,
/// it goes on by itself.
async fn hand_over(running: &Running) -> Result<(), String> {
    let offer = running.offer().map_err(|e| e.to_string())?;
    let handed = tokio::task::spawn_blocking(|| offer.hand_over().map_err(|e| e.to_string()));
    handed.await.unwrap_or_else(|e| Err(e.to_string()))
}

/// Why a process ends.
enum End {
    /// It was told to stop.
    Stopped,
    /// Another one accepts its connections.
    Replaced,
}

/// Acts on signals: SIGHUP and SIGUSR1 reload, SIGQUIT hands the listening sockets over, SIGTERM and
/// SIGINT stop. A second SIGTERM or SIGINT while stopping ends the process at once. `level` is that of the
/// log, where a settings file says it.
pub(super) fn until_told_to_stop(running: Running, mut signals: Signals, level: Option<Level>) -> ExitCode {
    let end = signals.wait(&running, level);
    signals.end_on_the_second(matches!(end, End::Stopped));
    let cut_off = match end {
        End::Stopped => {
            log::info!("stopping: readiness fails now, requests in flight finish");
            running.stop()
        }
        End::Replaced => {
            log::info!("replaced: another process accepts connections, requests in flight finish here");
            running.leave()
        }
    };
    if cut_off > 0 {
        log::warn!("stopped; {cut_off} connections were still open when the grace period ended");
    } else {
        log::info!("stopped; nothing was left in flight");
    }
    ExitCode::SUCCESS
}

/// The settings of a file, with what the command line and the environment say instead.
fn settings(args: &ServeArgs) -> anyhow::Result<Settings> {
    let mut settings = args.settings.read()?;
    let allowed = args.allow_shrink.then_some(true);
    let allowed = environment::or_variable(allowed, "NAMEPLATE_ALLOW_SHRINK", environment::boolean)?;
    settings.reload.allow_shrink |= allowed.unwrap_or_default();
    if let Some(address) = environment::or_variable(args.listen, "NAMEPLATE_LISTEN", environment::listen_address)? {
        settings.listeners = vec![Listener::plain(address)];
    }
    if let Some(admin) = environment::or_variable(args.admin, environment::ADMIN, environment::admin_address)? {
        settings.admin = admin;
    }
    let name = args.endpoint.clone();
    if let Some(name) = environment::or_variable(name, "NAMEPLATE_ENDPOINT", environment::endpoint_name)? {
        settings.endpoint.name = Some(name);
        settings.endpoint.fixed.clear();
        settings.endpoint.private_dns = false;
    }
    settings.validate()?;
    settings.validate_addresses()?;
    Ok(settings)
}
