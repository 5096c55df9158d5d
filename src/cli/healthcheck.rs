//! `nameplate healthcheck`: asks the admin listener how the process is. For a container's HEALTHCHECK, because there is
//! no shell and no curl in the image.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::admin_client::{get, patience, reachable};
use super::environment;
use super::exit::{FAULTY, fail};
use super::settings::SettingsPlace;

/// What the command line of `healthcheck` says.
#[derive(Args, Clone, Debug)]
pub(super) struct HealthcheckArgs {
    #[command(flatten)]
    settings: SettingsPlace,
    /// Where the admin listener is [env: NAMEPLATE_ADMIN] [default: `admin` of the settings]
    #[arg(long, value_name = "IP:PORT", value_parser = environment::admin_address)]
    admin: Option<SocketAddr>,
    /// Ask /readyz instead of /livez. Not for a container's health check: what makes one process unready,
    /// such as DNS, makes all of them so, and restarting them helps nobody
    #[arg(long)]
    ready: bool,
    /// The longest it may take, in all
    #[arg(long, value_name = "DURATION", value_parser = patience, default_value = "3s")]
    timeout: Duration,
}

/// Exit 0 where the answer is 200, 1 otherwise: Docker keeps 2 for itself (Dockerfile reference, HEALTHCHECK).
pub(super) fn healthcheck(args: &HealthcheckArgs, out: &mut dyn Write) -> ExitCode {
    let admin = match admin(args) {
        Ok(admin) => reachable(admin),
        Err(e) => return fail(FAULTY, format!("{e:#}")),
    };
    let path = if args.ready { "/readyz" } else { "/livez" };
    let answer = match get(admin, path, args.timeout) {
        Ok(answer) => answer,
        Err(e) => {
            return fail(
                FAULTY,
                format!("http://{admin}{path}: {e}\n  help: is `nameplate serve` running, with this admin address?"),
            );
        }
    };
    match answer.status {
        Some(200) => {
            let _ = writeln!(out, "{}", answer.line());
            ExitCode::SUCCESS
        }
        Some(status) => fail(FAULTY, format!("http://{admin}{path}: {status}: {}", answer.line())),
        None => fail(FAULTY, format!("http://{admin}{path}: what answered is not HTTP")),
    }
}

fn admin(args: &HealthcheckArgs) -> anyhow::Result<SocketAddr> {
    match environment::or_variable(args.admin, environment::ADMIN, environment::admin_address)? {
        Some(admin) => Ok(admin),
        None => Ok(args.settings.read()?.admin),
    }
}
