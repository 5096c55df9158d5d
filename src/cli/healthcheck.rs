//! `nameplate healthcheck`: asks the admin listener how the process is. For a container's HEALTHCHECK, because there is
//! no shell and no curl in the image.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use super::exit::{FAULTY, fail};
use super::settings::SettingsPlace;

/// More than the head and the few lines of an answer of ours.
const MOST_ANSWER: usize = 16 * 1024;

/// What the command line of `healthcheck` says.
#[derive(Args, Clone, Debug)]
pub(super) struct HealthcheckArgs {
    #[command(flatten)]
    settings: SettingsPlace,
    /// Where the admin listener is [default: `admin` of the settings]
    #[arg(long, env = "NAMEPLATE_ADMIN", value_name = "IP:PORT")]
    admin: Option<SocketAddr>,
    /// Ask /readyz instead of /livez. Not for a container's health check: what makes one process unready,
    /// such as DNS, makes all of them so, and restarting them helps nobody
    #[arg(long)]
    ready: bool,
    /// The longest it may take, in all
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "3s")]
    timeout: Duration,
}

/// Exit 0 where the answer is 200, 1 otherwise: Docker keeps 2 for itself (Dockerfile reference, HEALTHCHECK).
pub(super) fn healthcheck(args: &HealthcheckArgs, out: &mut dyn Write) -> ExitCode {
    let admin = match args.admin.map_or_else(|| args.settings.read().map(|settings| settings.admin), Ok) {
        Ok(admin) => reachable(admin),
        Err(e) => return fail(FAULTY, format!("{e:#}")),
    };
    let path = if args.ready { "/readyz" } else { "/livez" };
    match ask(admin, path, args.timeout) {
        Ok(answer) if answer.status == Some(200) => {
            let _ = writeln!(out, "{}", answer.text);
            ExitCode::SUCCESS
        }
        Ok(Answer { status: Some(status), text }) => fail(FAULTY, format!("http://{admin}{path}: {status}: {text}")),
        Ok(Answer { status: None, .. }) => fail(FAULTY, format!("http://{admin}{path}: what answered is not HTTP")),
        Err(e) => fail(
            FAULTY,
            format!("http://{admin}{path}: {e}\n  help: is `nameplate serve` running, with this admin address?"),
        ),
    }
}

/// From inside the host, a listener on every address is on the loopback one, too.
fn reachable(admin: SocketAddr) -> SocketAddr {
    let ip = match admin.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, admin.port())
}

struct Answer {
    status: Option<u16>,
    /// The body, on one line.
    text: String,
}

impl Answer {
    fn of(bytes: &[u8]) -> Answer {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
        Answer { status, text: body.split_whitespace().collect::<Vec<_>>().join(" ") }
    }
}

fn ask(admin: SocketAddr, path: &str, timeout: Duration) -> io::Result<Answer> {
    let until = Instant::now() + timeout;
    let left = || match until.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::Error::new(ErrorKind::TimedOut, format!("no answer in {timeout:?}"))),
        left => Ok(left),
    };
    let mut stream = TcpStream::connect_timeout(&admin, left()?)?;
    stream.set_write_timeout(Some(left()?))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while answer.len() < MOST_ANSWER {
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&piece[..read]),
            // A read that times out says WouldBlock on Unix; then no time is left, and `left` says so.
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(Answer::of(&answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(listens: &str, asked: &str) {
        let listens = listens.parse().expect("an address");
        assert_eq!(reachable(listens).to_string(), asked, "{listens}");
    }

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        check("0.0.0.0:9901", "127.0.0.1:9901");
        check("[::]:9901", "[::1]:9901");
        check("10.0.0.7:9901", "10.0.0.7:9901");
    }

    #[test]
    fn an_answer_has_a_status_and_a_line() {
        let answer = Answer::of(b"HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\nno mapping\n  yet\n");
        assert_eq!((answer.status, &*answer.text), (Some(503), "no mapping yet"));
        assert_eq!(Answer::of(b"SSH-2.0-x\r\n").status, None);
        assert_eq!(Answer::of(b"").status, None);
    }
}
