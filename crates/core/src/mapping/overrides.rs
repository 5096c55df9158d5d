//! The values of ENDPOINT, TIMEOUT, RATE_LIMIT and PROBE.

use std::time::Duration;

use super::document::Text;
use super::entry::Key;
use crate::diagnostic::nearest::did_you_mean;
use crate::diagnostic::{Code, Fault};
use crate::domain::duration::duration_of;
use crate::domain::overrides::{DEFAULT_ENDPOINT, RateLimit, Timeouts, is_endpoint_name};
use crate::domain::probe::Probe;

/// No timeout is longer: API Gateway streams for 15 minutes at most, and an hour is well over it.
const MAX_TIMEOUT: Duration = Duration::from_secs(3_600);

/// The endpoint an entry names; `None` for the default one. `known` are the names that the settings
/// have, where they are at hand.
pub(super) fn endpoint(value: &Text<'_>, known: Option<&[String]>) -> Result<Option<String>, Fault> {
    let name = &*value.value;
    let fault = |what: String, help: String| Fault::in_value(value.at, name, 0, what, help);
    if !is_endpoint_name(name) {
        let what = format!("`{name}` is not an endpoint's name");
        return Err(fault(what, "a name has up to 64 letters, digits, `-` and `_`".into()));
    }
    if name == DEFAULT_ENDPOINT {
        return Ok(None);
    }
    if let Some(known) = known
        && !known.iter().any(|other| other == name)
    {
        let mut names: Vec<&str> = known.iter().map(String::as_str).collect();
        names.push(DEFAULT_ENDPOINT);
        let what = format!("the settings have no endpoint `{name}`");
        return Err(fault(what, did_you_mean(name, &names)).code(Code::UnknownEndpoint));
    }
    Ok(Some(name.to_owned()))
}

/// `60s`, for both the first byte and every later one, or a list: `first_byte=60s, total=15m`.
pub(super) fn timeouts(value: &Text<'_>) -> Result<Timeouts, Fault> {
    let text = &*value.value;
    let fault = |offset, what: String, help: String| Fault::in_value(value.at, text, offset, what, help);
    let mut timeouts = Timeouts::default();
    if !text.contains('=') {
        let both = Some(timeout(text).map_err(|what| fault(0, what, Key::Timeout.help().into()))?);
        return Ok(Timeouts { first_byte: both, read: both, ..timeouts });
    }
    let mut at = 0;
    for piece in text.split(',') {
        let offset = at + (piece.len() - piece.trim_start().len());
        at += piece.len() + 1;
        let Some((name, written)) = piece.trim().split_once('=') else {
            return Err(fault(
                offset,
                format!("`{}` is not `NAME=DURATION`", piece.trim()),
                Key::Timeout.help().into(),
            ));
        };
        let name = name.trim_end();
        let Some(slot) = timeouts.named(name) else {
            return Err(fault(offset, format!("no timeout is called `{name}`"), did_you_mean(name, &Timeouts::NAMES)));
        };
        if slot.is_some() {
            return Err(fault(offset, format!("`{name}` is there twice"), "keep one".into()));
        }
        *slot = Some(timeout(written.trim_start()).map_err(|what| fault(offset, what, Key::Timeout.help().into()))?);
    }
    if let (Some(connect), Some(tls)) = (timeouts.connect, timeouts.tls)
        && connect > tls
    {
        return Err(fault(
            0,
            "`connect` is over `tls`, which includes it".into(),
            "raise `tls`, or lower `connect`".into(),
        ));
    }
    Ok(timeouts)
}

fn timeout(text: &str) -> Result<Duration, String> {
    match duration_of(text) {
        None => Err(format!("`{text}` is not a duration")),
        Some(Duration::ZERO) => Err("a timeout of 0 would refuse every request".into()),
        Some(long) if long > MAX_TIMEOUT => Err(format!("`{text}` is over an hour, the most a timeout can be")),
        Some(timeout) => Ok(timeout),
    }
}

/// `100/s` or `6000/m`.
pub(super) fn rate(value: &Text<'_>) -> Result<RateLimit, Fault> {
    let text = &*value.value;
    let parsed = text.split_once('/').and_then(|(requests, unit)| {
        let per = match unit.trim_start() {
            "s" => 1,
            "m" => 60,
            _ => return None,
        };
        let requests = requests.trim_end().parse().ok().filter(|requests| (1..=MAX_RATE).contains(requests))?;
        Some(RateLimit { requests, per: Duration::from_secs(per) })
    });
    parsed.ok_or_else(|| Fault::in_value(value.at, text, 0, format!("`{text}` is not a rate"), Key::RateLimit.help()))
}

/// `off`, or a path below the stage: `/health`.
pub(super) fn probe(value: &Text<'_>) -> Result<Probe, Fault> {
    let text = &*value.value;
    Probe::parse(text).map_err(|error| Fault::in_value(value.at, text, error.offset, error.what, Key::Probe.help()))
}

/// More requests in a second or a minute are no limit.
const MAX_RATE: u32 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Faults, Place};

    fn text(value: &str) -> Text<'_> {
        Text { at: Place { line: 1, column: 1 }, value: value.into(), plain: true }
    }

    fn told<T>(value: &str, parsed: Result<T, Fault>) -> Result<T, String> {
        parsed.map_err(|fault| {
            let mut faults = Faults::default();
            faults.push(fault);
            faults.locate(value, "m").to_string()
        })
    }

    #[track_caller]
    fn timeouts_are(value: &str, want: &str) {
        assert_eq!(told(value, timeouts(&text(value))).map(|found| found.to_string()), Ok(want.into()));
    }

    #[track_caller]
    fn no_timeouts(value: &str, want: &str) {
        let found = told(value, timeouts(&text(value))).expect_err(value);
        assert!(found.contains(want), "{found}");
    }

    #[test]
    fn one_duration_is_the_first_byte_and_every_later_one() {
        timeouts_are("15m", "first_byte=15m, read=15m");
        timeouts_are("90", "first_byte=90s, read=90s");
    }

    #[test]
    fn each_timeout_can_be_named() {
        timeouts_are("total=15m,read=5m , connect = 250ms", "connect=250ms, read=5m, total=15m");
    }

    #[test]
    fn a_bad_timeout_is_placed() {
        no_timeouts("soon", "m:1:1: error: `soon` is not a duration");
        no_timeouts("read=5m, totl=1s", "m:1:10: error: no timeout is called `totl`");
        no_timeouts("read=5m, totl=1s", "did you mean `total`?");
        no_timeouts("read=5m, read=5m", "`read` is there twice");
        no_timeouts("read=5m,", "m:1:9: error: `` is not `NAME=DURATION`");
        no_timeouts("0s", "a timeout of 0");
        no_timeouts("61m", "over an hour");
        no_timeouts("connect=2s, tls=1s", "`connect` is over `tls`");
    }

    #[test]
    fn a_rate_is_a_number_in_a_second_or_a_minute() {
        let of = |value: &str| told(value, rate(&text(value))).map(|rate| rate.to_string());
        assert_eq!((of("100/s"), of("6000 / m")), (Ok("100/s".into()), Ok("6000/m".into())));
        for bad in ["100", "0/s", "-1/s", "1.5/s", "100/h", "4294967296/s", "/s"] {
            assert!(of(bad).is_err_and(|fault| fault.contains("is not a rate") && fault.contains("`100/s`")), "{bad}");
        }
    }

    #[test]
    fn a_probe_is_a_path_or_off() {
        let of = |value: &str| told(value, probe(&text(value))).map(|probe| probe.to_string());
        assert_eq!((of("off"), of("/health")), (Ok("off".into()), Ok("/health".into())));
        assert!(of("health").is_err_and(|fault| fault.contains("m:1:1: error: `health` is not a path")));
        assert!(of("/a/../b").is_err_and(|fault| fault.contains("m:1:4: error: the path may leave its stage")));
    }

    #[test]
    fn an_endpoint_must_be_one_of_the_settings() {
        let known = ["shared".to_owned()];
        let of = |value: &str, known| told(value, endpoint(&text(value), known));
        assert_eq!(of("shared", Some(&known[..])), Ok(Some("shared".into())));
        assert_eq!(of("default", Some(&known[..])), Ok(None));
        assert_eq!(of("other", None), Ok(Some("other".into())), "whoever has no settings cannot tell");
        assert!(of("shard", Some(&known[..])).is_err_and(|fault| fault.contains("did you mean `shared`?")));
        assert!(of("a b", None).is_err_and(|fault| fault.contains("is not an endpoint's name")));
    }
}
