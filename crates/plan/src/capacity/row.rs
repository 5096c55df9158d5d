//! One row of a load: a time and how many requests a second there are then.

use std::fmt;
use std::time::UNIX_EPOCH;

/// The form of a time. All rows of a load have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// `09:30`, `09:30:15`.
    TimeOfDay,
    /// RFC 3339, with `Z`, an offset or neither, which is UTC.
    Date,
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::TimeOfDay => "hours and minutes",
            Unit::Date => "dates",
            Unit::Seconds => "seconds",
            Unit::Milliseconds => "milliseconds",
            Unit::Microseconds => "microseconds",
            Unit::Nanoseconds => "nanoseconds",
        })
    }
}

/// Reports whether a row is a heading: it has columns, and none of them is a value.
pub(super) fn is_heading(line: &str) -> bool {
    let [time, load, others @ ..] = &columns(line)[..] else { return false };
    let is_name = |text: &&str| text.parse::<f64>().is_err() && text.starts_with(|first: char| first.is_alphabetic());
    seconds(time).is_none() && [time, load].into_iter().chain(others).all(is_name)
}

/// Reads a row: seconds, and the load.
pub(super) fn row(line: &str) -> Result<((f64, f64), Unit), String> {
    let help = "help: write `time,requests_per_second`, for example `09:00,120`";
    let [time, load] = columns(line)[..] else {
        return Err(match columns(line).len() {
            1 => format!("`{line}` is no row\n  {help}"),
            count => format!("`{line}` has {count} columns\n  {help}; a number has no separators but a decimal point"),
        });
    };
    let (seconds, unit) = seconds(time).ok_or_else(|| {
        format!(
            "`{time}` is no time\n  help: write seconds, milliseconds since 1970, `09:30`, `09:30:15`, \
             `2026-01-31T09:30:00Z` or `2026-01-31T10:30:00+01:00`"
        )
    })?;
    let requests = load.parse().ok().filter(|load: &f64| load.is_finite() && *load >= 0.0);
    let requests = requests.ok_or_else(|| {
        format!("`{load}` is no number of requests a second\n  help: write a number from 0 on, for example `120`")
    })?;
    Ok(((seconds, requests), unit))
}

/// The columns of a row, without the quotes around them. No time and no number has a comma inside.
fn columns(line: &str) -> Vec<&str> {
    line.split(',').map(|column| unquoted(column.trim()).trim()).collect()
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

fn seconds(text: &str) -> Option<(f64, Unit)> {
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then(|| since_1970(number));
    }
    if let Some(time) = date(text) {
        return Some((time, Unit::Date));
    }
    let parts: Vec<u32> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let seconds = match parts[..] {
        [hours, minutes] if hours <= 24 && minutes < 60 => hours * 3_600 + minutes * 60,
        [hours, minutes, seconds] if hours <= 24 && minutes < 60 && seconds < 60 => {
            hours * 3_600 + minutes * 60 + seconds
        }
        _ => return None,
    };
    Some((f64::from(seconds), Unit::TimeOfDay))
}

/// A bare number is seconds, unless it would be a date after the year 5000: then it is a date of today in a smaller unit.
fn since_1970(number: f64) -> (f64, Unit) {
    const YEAR_5000: f64 = 1e11;
    match number {
        number if number < YEAR_5000 => (number, Unit::Seconds),
        number if number < YEAR_5000 * 1e3 => (number / 1e3, Unit::Milliseconds),
        number if number < YEAR_5000 * 1e6 => (number / 1e6, Unit::Microseconds),
        number => (number / 1e9, Unit::Nanoseconds),
    }
}

/// A date of RFC 3339 in seconds since 1970.
fn date(text: &str) -> Option<f64> {
    const DAY: usize = "2026-01-31".len();
    let (day, time) = text.split_at_checked(DAY)?;
    let (time, offset) = match time.rfind(['+', '-']) {
        Some(sign) => (&time[..sign], offset(&time[sign..])?),
        None => (time.trim_end_matches("UTC").trim_end_matches(['Z', 'z']), 0.0),
    };
    let local = humantime::parse_rfc3339_weak(&format!("{day}{}", time.trim_end())).ok()?;
    Some(local.duration_since(UNIX_EPOCH).ok()?.as_secs_f64() - offset)
}

/// An offset in seconds: `+01:00`, `-0530`, `+01`.
fn offset(text: &str) -> Option<f64> {
    let (sign, digits) = text.split_at_checked(1)?;
    let digits = digits.replacen(':', "", 1);
    let is_number = matches!(digits.len(), 2 | 4) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let (hours, minutes) = digits.split_at_checked(2).filter(|_| is_number)?;
    let (hours, minutes): (u32, u32) =
        (hours.parse().ok()?, if minutes.is_empty() { 0 } else { minutes.parse().ok()? });
    let seconds = f64::from(hours * 3_600 + minutes * 60);
    (hours < 24 && minutes < 60).then_some(if sign == "-" { -seconds } else { seconds })
}
