//! A line of JSON for each request, as `docs/access-log.md` tells it.
//!
//! **Invariant:** nothing in here is a secret by its kind: no query unless the settings ask for it, no
//! header but the ones named in [`Record`].

mod json;
pub(crate) mod record;

use std::sync::Arc;

use self::record::{Record, Text};
use super::lines::{Lines, Log};
use nameplate_core::settings::{self, AccessLogTo};

/// The lines, and which requests have one.
pub(crate) struct AccessLog {
    lines: Arc<Lines>,
    /// By the first digit of the status; at 0, of those with another one.
    shares: [Share; 6],
    query: bool,
}

/// How many of the numbers a `u32` can be belong to it, and in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Share {
    below: u64,
    percent: f64,
}

impl Share {
    fn new(percent: f64) -> Share {
        Share { below: (percent / 100.0 * 2_f64.powi(32)) as u64, percent }
    }

    fn has(self, number: u32) -> bool {
        u64::from(number) < self.below
    }
}

/// What follows the authority of an absolute form; of what is no form of a target, what follows an `@`.
fn without_authority(target: &[u8]) -> &[u8] {
    let Some(scheme) = target.windows(3).position(|three| three == b"://") else {
        return target.rsplit(|byte| *byte == b'@').next().unwrap_or(target);
    };
    let rest = &target[scheme + 3..];
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
    end.map_or(b"/", |end| &rest[end..])
}

impl AccessLog {
    /// The log as the settings want it, on its way out through `lines`.
    pub(crate) fn new(settings: settings::AccessLog, lines: impl FnOnce() -> Option<Arc<Lines>>) -> Option<AccessLog> {
        let settings::Sample { ok, redirected, client, failed } = settings.sample;
        let all = settings::telemetry::Percent(100.0);
        let shares = [all, ok, ok, redirected, client, failed].map(|percent| Share::new(percent.0));
        match settings.to {
            AccessLogTo::Off => None,
            AccessLogTo::Stdout => Some(AccessLog { lines: lines()?, shares, query: settings.query }),
        }
    }

    /// Whether a request with this status has a line; `number` is a random one. If so, of how many
    /// percent it is one, where that is not all.
    pub(crate) fn takes(&self, status: u16, number: u32) -> Option<Option<f64>> {
        let class = usize::from(status / 100);
        let share = self.shares.get(class).unwrap_or(&self.shares[0]);
        share.has(number).then(|| (share.percent < 100.0).then_some(share.percent))
    }

    /// The part of a target that a line has: never an authority, which may hold a password.
    pub(crate) fn path<'t>(&self, target: &'t [u8]) -> Text<'t> {
        let target = if target.starts_with(b"/") { target } else { without_authority(target) };
        let end = if self.query { None } else { memchr::memchr(b'?', target) };
        Text(&target[..end.unwrap_or(target.len())])
    }

    /// A request's line.
    pub(crate) fn write(&self, record: &Record<'_>) {
        let mut line = self.lines.buffer();
        json::write(record, &mut line);
        self.lines.push_of(Log::Access, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(settings: &str) -> AccessLog {
        let settings = settings::Settings::parse(settings, "f").expect("settings").access_log;
        let lines = || Lines::start(Log::Access, Box::new(std::io::sink()), None).ok();
        AccessLog::new(settings, lines).expect("it is on")
    }

    #[test]
    fn the_query_is_there_only_for_those_who_ask() {
        for (query, want) in [(false, &b"/a"[..]), (true, b"/a?b=c?d")] {
            let log = log(&format!("access_log: {{ to: stdout, query: {query} }}"));
            assert_eq!(log.path(b"/a?b=c?d").0, want);
            assert_eq!(log.path(b"/a").0, b"/a");
        }
    }

    #[test]
    fn an_authority_and_its_password_are_not_the_path() {
        let log = log("access_log: { to: stdout }");
        let path = |target: &'static str| String::from_utf8_lossy(log.path(target.as_bytes()).0).into_owned();
        assert_eq!(path("http://user:s3cret@shop.example.com/x@y?z"), "/x@y");
        assert_eq!(path("http://user:s3cret@shop.example.com?z"), "");
        assert_eq!(path("http://user:s3cret@shop.example.com"), "/");
        assert_eq!(path("user:s3cret@shop.example.com:443"), "shop.example.com:443");
        assert_eq!(path("*"), "*");
    }

    #[test]
    fn a_share_is_of_its_status_and_says_which_it_is() {
        let log = log("access_log: { to: stdout, sample: { 2xx: 0.5, 3xx: 0, 5xx: 100 } }");
        let twohundredth = u32::MAX / 200;
        assert_eq!(log.takes(200, twohundredth - 1), Some(Some(0.5)));
        assert_eq!(log.takes(204, twohundredth + 1), None);
        assert_eq!(log.takes(304, 0), None);
        for status in [404, 500, 599, 0, 999] {
            assert_eq!(log.takes(status, u32::MAX), Some(None), "{status}");
        }
    }

    #[test]
    fn off_is_off() {
        assert!(AccessLog::new(settings::AccessLog::default(), || panic!("nobody needs lines")).is_none());
    }
}
