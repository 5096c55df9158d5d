//! A client of the admin listener, for commands that run beside the proxy.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// More than any page that a command asks for has.
const MOST_ANSWER: usize = 1024 * 1024;
/// The longest that anybody is ready to wait.
const LONGEST: Duration = Duration::from_secs(86_400);

/// The address of an admin listener, as this host reaches it: one on every address is on the loopback one, too.
pub(super) fn reachable(admin: SocketAddr) -> SocketAddr {
    let ip = match admin.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, admin.port())
}

/// A response of the admin listener.
pub(super) struct Answer {
    /// Its status; `None` where what answered is not HTTP.
    pub(super) status: Option<u16>,
    /// Its body.
    pub(super) body: String,
}

impl Answer {
    fn of(bytes: &[u8]) -> Answer {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
        Answer { status, body: body.to_owned() }
    }

    /// The body on one line.
    pub(super) fn line(&self) -> String {
        self.body.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// How long somebody is ready to wait: a day at most, so that a clock that is moved on by it still is one.
pub(super) fn patience(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|e| e.to_string())?;
    if time > LONGEST { Err("it is over a day; write `24h` or less".to_owned()) } else { Ok(time) }
}

/// Gets a page within `timeout`, all in all.
pub(super) fn get(admin: SocketAddr, path: &str, timeout: Duration) -> io::Result<Answer> {
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
    fn nobody_waits_for_longer_than_a_day() {
        assert_eq!(patience("24h"), Ok(Duration::from_secs(86_400)));
        for long in ["500000000000years", "25h", "long"] {
            assert!(patience(long).is_err(), "{long}");
        }
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
        assert_eq!((answer.status, &*answer.line()), (Some(503), "no mapping yet"));
        assert_eq!(answer.body, "no mapping\n  yet\n");
        assert_eq!(Answer::of(b"SSH-2.0-x\r\n").status, None);
        assert_eq!(Answer::of(b"").status, None);
    }
}
