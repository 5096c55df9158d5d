//! What few entries say beside their choices: another endpoint, other timeouts, a limit on their rate, a probe.

use std::fmt;
use std::time::Duration;

use super::probe::Probe;

/// The name of the endpoint of entries that name none.
pub const DEFAULT_ENDPOINT: &str = "default";

/// Whether an endpoint may be called this, in the settings and in a mapping.
pub(crate) fn is_endpoint_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(fine)
}

/// Timeouts of the way to the API and back; `None` is what the endpoint's settings say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// To open a TCP connection.
    pub connect: Option<Duration>,
    /// TCP and TLS together.
    pub tls: Option<Duration>,
    /// From having a connection to the header of the answer.
    pub first_byte: Option<Duration>,
    /// The longest silence inside an answer.
    pub read: Option<Duration>,
    /// The longest time the endpoint may take no byte of a request.
    pub write: Option<Duration>,
    /// From the request's header to the end of its answer, retries included.
    pub total: Option<Duration>,
}

impl Timeouts {
    /// As a mapping names them, in the order of [`Timeouts::all`].
    pub const NAMES: [&str; 6] = ["connect", "tls", "first_byte", "read", "write", "total"];

    /// All of them, in the order of [`Timeouts::NAMES`].
    pub const fn all(&self) -> [Option<Duration>; 6] {
        [self.connect, self.tls, self.first_byte, self.read, self.write, self.total]
    }

    /// The one of this name.
    pub fn named(&mut self, name: &str) -> Option<&mut Option<Duration>> {
        let Timeouts { connect, tls, first_byte, read, write, total } = self;
        let at = Timeouts::NAMES.iter().position(|known| *known == name)?;
        [connect, tls, first_byte, read, write, total].into_iter().nth(at)
    }

    /// These, and for what they leave open, those.
    #[inline]
    pub fn or(self, those: Timeouts) -> Timeouts {
        Timeouts {
            connect: self.connect.or(those.connect),
            tls: self.tls.or(those.tls),
            first_byte: self.first_byte.or(those.first_byte),
            read: self.read.or(those.read),
            write: self.write.or(those.write),
            total: self.total.or(those.total),
        }
    }
}

/// As a mapping writes them: `first_byte=60s, total=15m`.
impl fmt::Display for Timeouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Timeouts::NAMES.iter().zip(self.all()).filter_map(|(name, timeout)| Some((name, timeout?)));
        for (at, (name, timeout)) in set.enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let (ms, seconds) = (timeout.as_millis(), timeout.as_secs());
            match (ms % 1_000, seconds % 60) {
                (0, 0) => write!(f, "{comma}{name}={}m", seconds / 60)?,
                (0, _) => write!(f, "{comma}{name}={seconds}s")?,
                _ => write!(f, "{comma}{name}={ms}ms")?,
            }
        }
        Ok(())
    }
}

/// How many requests an entry may have in a second or a minute, for each task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// At most so many.
    pub requests: u32,
    /// In this time: a second or a minute.
    pub per: Duration,
}

/// As a mapping writes it: `100/s`.
impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.requests, if self.per.as_secs() == 1 { 's' } else { 'm' })
    }
}

/// What an entry overrides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// ENDPOINT.
    pub endpoint: Option<String>,
    /// TIMEOUT.
    pub timeouts: Timeouts,
    /// RATE_LIMIT.
    pub rate: Option<RateLimit>,
    /// PROBE. It concerns no request.
    pub probe: Option<Probe>,
}

impl Overrides {
    /// Reports whether two entries override the same of how a request is handled.
    pub fn are_same_for_requests(one: Option<&Overrides>, other: Option<&Overrides>) -> bool {
        let none = Overrides::default();
        let (one, other) = (one.unwrap_or(&none), other.unwrap_or(&none));
        (&one.endpoint, one.timeouts, one.rate) == (&other.endpoint, other.timeouts, other.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_timeout_is_found_by_its_name() {
        let mut timeouts = Timeouts::default();
        for (at, name) in Timeouts::NAMES.into_iter().enumerate() {
            *timeouts.named(name).expect("a name") = Some(Duration::from_millis(at as u64));
        }
        let want = [0, 1, 2, 3, 4, 5].map(|at| Some(Duration::from_millis(at)));
        assert_eq!(timeouts.all(), want);
        assert!(timeouts.named("idle").is_none());
    }
}
