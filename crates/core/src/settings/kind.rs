//! What a setting's value may be: how it is checked, and what errors and editors call it.

use std::time::Duration;

use super::host_name::shown;
use super::problem::Wrong;
use super::values::{LONGEST, read_duration, read_size, write_duration, write_size};

/// A key, and everything that is known of it.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) value: Value,
    /// The default as YAML. `None`: the machine's own, or nothing; such a key may also be `null`.
    pub(super) default: Option<&'static str>,
    /// What it sets, in sentences.
    pub(super) doc: &'static str,
    /// Why its limits are what they are, for the help of a value outside of them.
    pub(super) why: Option<&'static str>,
}

/// The keys of one map.
#[derive(Debug)]
pub(super) struct Keys {
    /// The name that the JSON Schema has it by.
    pub(super) name: &'static str,
    pub(super) keys: &'static [Key],
    /// Those that must be there.
    pub(super) required: &'static [&'static str],
    /// Checks which keys are there.
    pub(super) together: Option<Together>,
}

/// Checks which keys a map has.
pub(super) type Together = fn(&[&str]) -> Result<(), Wrong>;

/// What a value is.
#[derive(Debug)]
pub(super) enum Value {
    /// Keys that are known.
    Keys(&'static Keys),
    /// Names of the operator's own, each with the same keys.
    Named(&'static Keys, Names),
    /// Names of the operator's own, each with a text.
    Texts(Names, Text),
    /// A list.
    List(List),
    /// A scalar.
    One(Scalar),
}

/// Names of the operator's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    pub(super) check: fn(&str) -> Result<(), Wrong>,
    /// What the JSON Schema requires of one.
    pub(super) pattern: &'static str,
}

/// A list of scalars or maps.
#[derive(Debug)]
pub(super) struct List {
    pub(super) item: &'static Value,
    /// How to fill an empty list, where it may not be empty.
    pub(super) at_least_one: Option<&'static str>,
    /// A list as an example.
    pub(super) example: &'static str,
}

/// A scalar.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer {
        /// The least.
        least: u64,
        /// The most; from `u32::MAX`, there is none that anybody would reach.
        most: u64,
    },
    /// A number from 0 to 100, fractions included.
    Percent,
    /// A duration, with a unit or in seconds.
    Duration {
        /// Whether 0 is allowed even though `least` is more.
        zero: bool,
        least: Duration,
        most: Duration,
    },
    /// A number of bytes, with a unit or without.
    Size { least: u64, most: u64 },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text with a form of its own.
    Text(Text),
}

/// Text with a form of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    /// What errors call it: `an IP address with a port`.
    pub(super) called: &'static str,
    pub(super) example: &'static str,
    /// What the JSON Schema requires; wider than `check` at times, and never narrower.
    pub(super) pattern: Option<&'static str>,
    pub(super) check: fn(&str) -> Result<(), Wrong>,
}

/// A duration from 1 ms to a day.
pub(super) const SOME_TIME: Scalar = Scalar::Duration { zero: false, least: MILLISECOND, most: LONGEST };

/// As [`SOME_TIME`], and 0.
pub(super) const TIME_OR_NONE: Scalar = Scalar::Duration { zero: true, least: MILLISECOND, most: LONGEST };

pub(super) const MILLISECOND: Duration = Duration::from_millis(1);

/// From here on, a limit is only the size of a field.
const UNREACHED: u64 = u32::MAX as u64;

impl Value {
    /// A value that is taken, as YAML on one line.
    pub(super) fn example(&self) -> String {
        match self {
            Value::Keys(_) | Value::Named(..) | Value::Texts(..) => "{}".into(),
            Value::List(list) => list.example.into(),
            Value::One(scalar) => scalar.example(),
        }
    }
}

impl Scalar {
    /// What errors call it.
    pub(super) fn called(&self) -> &'static str {
        match self {
            Scalar::Flag => "true or false",
            Scalar::Integer { .. } => "a whole number",
            Scalar::Percent => "a number",
            Scalar::Duration { .. } => "a duration",
            Scalar::Size { .. } => "a size",
            Scalar::Choice(_) => "text",
            Scalar::Text(text) => text.called,
        }
    }

    /// A value that is taken.
    pub(super) fn example(&self) -> String {
        match self {
            Scalar::Flag => "true".into(),
            Scalar::Integer { least, .. } => least.max(&1).to_string(),
            Scalar::Percent => "100".into(),
            Scalar::Duration { least, most, .. } => write_duration(Duration::from_secs(30).clamp(*least, *most)),
            Scalar::Size { least, most } => write_size((64 << 20).clamp(*least, *most)),
            Scalar::Choice(words) => words.first().copied().unwrap_or_default().into(),
            Scalar::Text(text) => text.example.into(),
        }
    }

    /// How to write a value.
    pub(super) fn how(&self) -> String {
        match self {
            Scalar::Flag => "write `true` or `false`".into(),
            Scalar::Integer { least, most } if *most >= UNREACHED => format!("write a number of at least {least}"),
            Scalar::Integer { least, most } => format!("write a number from {least} to {most}"),
            Scalar::Percent => "write a number from 0 to 100".into(),
            Scalar::Duration { zero, least, most } => {
                let never = if *zero && *least > MILLISECOND { "`0s`, or " } else { "" };
                format!(
                    "write {never}`{}` to `{}`",
                    write_duration(if *zero && never.is_empty() { Duration::ZERO } else { *least }),
                    write_duration(*most)
                )
            }
            Scalar::Size { least, most } if *most >= UNREACHED => format!("write at least `{}`", write_size(*least)),
            Scalar::Size { least, most } => format!("write `{}` to `{}`", write_size(*least), write_size(*most)),
            Scalar::Choice(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                match quoted.split_last() {
                    Some((last, rest)) if !rest.is_empty() => format!("write {} or {last}", rest.join(", ")),
                    _ => format!("write {}", quoted.join("")),
                }
            }
            Scalar::Text(text) => format!("write {}, for example `{}`", text.called, text.example),
        }
    }

    /// Whether YAML may read the value as a number, too.
    pub(super) fn may_be_number(&self) -> bool {
        matches!(self, Scalar::Integer { .. } | Scalar::Percent | Scalar::Duration { .. } | Scalar::Size { .. })
    }

    /// Whether the value must not be quoted.
    pub(super) fn must_be_plain(&self) -> bool {
        matches!(self, Scalar::Flag | Scalar::Integer { .. } | Scalar::Percent)
    }

    /// Checks a value. `why` tells the reason for its limits, where it is outside of them.
    pub(super) fn check(&self, text: &str, why: Option<&str>) -> Result<(), Wrong> {
        match self {
            Scalar::Flag => check_flag(text),
            Scalar::Integer { least, most } => self.check_integer((text, why), *least, *most),
            Scalar::Percent => match text.parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(()),
                _ => Err(Wrong::new(format!("`{}` is not a percentage", shown(text)), self.how())),
            },
            Scalar::Duration { zero, least, most } => {
                let duration = read_duration(text)?;
                if duration.is_zero() && *zero {
                    return Ok(());
                }
                self.within((duration, *least, *most), (text, why), write_duration)
            }
            Scalar::Size { least, most } => self.within((read_size(text)?, *least, *most), (text, why), write_size),
            Scalar::Choice(words) if words.contains(&text) => Ok(()),
            Scalar::Choice(words) => {
                let what = format!("`{}` is not one of its values", shown(text));
                Err(Wrong::new(what, crate::diagnostic::nearest::did_you_mean(text, words)))
            }
            Scalar::Text(form) => (form.check)(text),
        }
    }

    fn check_integer(&self, (text, why): (&str, Option<&str>), least: u64, most: u64) -> Result<(), Wrong> {
        match text.parse::<u64>() {
            Ok(number) => self.within((number, least, most), (text, why), |limit| limit.to_string()),
            Err(_) => {
                let digits: String = text.chars().filter(|c| !"_, '".contains(*c)).collect();
                let help = match digits.parse::<u64>() {
                    Ok(number) => format!("write `{number}`"),
                    Err(_) => self.how(),
                };
                Err(Wrong::new(format!("`{}` is not a whole number", shown(text)), help))
            }
        }
    }

    fn within<T: PartialOrd + Copy>(
        &self,
        (value, least, most): (T, T, T),
        (text, why): (&str, Option<&str>),
        write: impl Fn(T) -> String,
    ) -> Result<(), Wrong> {
        let side = match value {
            value if value < least => format!("under {}", write(least)),
            value if value > most => format!("over {}", write(most)),
            _ => return Ok(()),
        };
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        Err(Wrong::new(format!("`{}` is {side}", shown(text)), self.how() + &why))
    }
}

fn check_flag(text: &str) -> Result<(), Wrong> {
    if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") {
        return Ok(());
    }
    let help = match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "1" | "true" => "write `true`",
        "no" | "off" | "0" | "false" => "write `false`",
        _ => "write `true` or `false`",
    };
    Err(Wrong::new(format!("`{}` is not true or false", shown(text)), help))
}
