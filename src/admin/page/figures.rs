//! Numbers and times as the page writes them.

use std::time::{Duration, SystemTime};

use maud::{Markup, html};

use super::super::page_response::rfc3339;

/// `1,234,567`.
pub(super) fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `3 entries`, `1 entry`.
pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A number of something a second, with a decimal where it is small.
pub(super) fn rate(each_second: f64) -> String {
    match each_second {
        0.0 => "0".into(),
        small if small < 0.05 => "< 0.1".into(),
        few if few < 99.95 => format!("{few:.1}"),
        many => count(many.round() as u64),
    }
}

/// A share of a whole.
pub(super) fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub(super) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |(large, its), (small, other)| match small {
        0 => format!("{large} {its}"),
        _ => format!("{large} {its} {small} {other}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 => two((hours, "h"), (minutes % 60, "min")),
        _ => two((days, "d"), (hours % 24, "h")),
    }
}

/// How long ago it was, and when.
pub(super) fn ago(at: SystemTime, now: SystemTime) -> Markup {
    html! { (age(now.duration_since(at).unwrap_or_default())) " ago " span.when { "(" (time(at)) ")" } }
}

/// A name that may be broken after its dots, where it is too long for a line.
pub(super) fn name(name: &str) -> Markup {
    html! { @for part in name.split_inclusive('.') { (part) wbr; } }
}

/// When it was, to the second, in UTC.
pub(super) fn time(at: SystemTime) -> Markup {
    let machine = rfc3339(at);
    let people = machine.replace('T', " ").replace('Z', " UTC");
    html! { time datetime=(machine) { (people) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_have_commas() {
        let written = [0, 7, 999, 1_000, 123_456, 1_234_567].map(|number: u64| count(number));
        assert_eq!(written, ["0", "7", "999", "1,000", "123,456", "1,234,567"]);
        assert_eq!(
            (counted(1, "entry", "entries"), counted(0, "entry", "entries")),
            ("1 entry".into(), "0 entries".into())
        );
    }

    #[test]
    fn small_rates_have_a_decimal() {
        assert_eq!(
            [0.0, 0.01, 0.1, 12.34, 99.94, 99.96, 1_234.5].map(rate),
            ["0", "< 0.1", "0.1", "12.3", "99.9", "100", "1,235"]
        );
    }

    #[test]
    fn an_age_has_two_units_at_most() {
        let seconds = [0, 59, 60, 3_599, 3_600, 11_100, 86_400, 187_200 + 59];
        let written = seconds.map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(written, ["0 s", "59 s", "1 min", "59 min", "1 h", "3 h 5 min", "1 d", "2 d 4 h"]);
    }
}
