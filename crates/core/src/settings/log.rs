//! The operational log: its form, and what is in it.

use std::str::FromStr;

use log::LevelFilter;
use serde::Deserialize;

/// The level of Nameplate's own lines, unless the settings or `NAMEPLATE_LOG` say otherwise: what
/// changes, and what fails. No line is for a request that went well.
pub const LEVEL: &str = "info";
/// What a level alone lets through of the libraries. They say at `info` and below what only their authors
/// can use.
const LIBRARIES: LevelFilter = LevelFilter::Warn;
/// Libraries whose every line has one of ours beside it, which knows more.
const SILENT: [&str; 2] = ["pingora_core", "pingora_proxy"];
/// What targets of our own lines begin with.
const OWN: &str = "nameplate";

/// What the operational log, on standard error, looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Text or JSON. Default text.
    pub format: Format,
    /// What is logged. Default [`LEVEL`]. Read again on SIGHUP.
    pub level: Level,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people; a message of several lines stays so.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// What is logged: a level, `info`, or one for each target, `warn,nameplate=debug`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Level(String);

impl Default for Level {
    fn default() -> Self {
        Level(LEVEL.to_owned())
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Level, String> {
        match parts(text).find_map(Result::err) {
            Some(fault) => Err(fault),
            None if parts(text).next().is_none() => Err(format!("it is empty; write a level: {LEVELS}")),
            None => Ok(Level(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Level {
    type Error = String;

    fn try_from(text: String) -> Result<Level, String> {
        text.parse()
    }
}

/// All levels.
pub(super) const NAMES: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

const LEVELS: &str = "`off`, `error`, `warn`, `info`, `debug` or `trace`";

impl Level {
    /// The most that each target may say; `None` stands for all that are not named.
    ///
    /// A level alone is Nameplate's. Where targets are named it is taken as it is.
    pub fn directives(&self) -> Vec<(Option<&str>, LevelFilter)> {
        let parts: Vec<_> = parts(&self.0).filter_map(Result::ok).collect();
        let [(None, level)] = parts[..] else { return parts };
        let silent = SILENT.map(|target| (Some(target), LevelFilter::Off));
        [(None, level.min(LIBRARIES)), (Some(OWN), level)].into_iter().chain(silent).collect()
    }
}

/// Each part, or why it is none. The libraries' own reading takes a level that is misspelt for a target.
fn parts(text: &str) -> impl Iterator<Item = Result<(Option<&str>, LevelFilter), String>> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| {
        let (target, level) = match part.split_once('=') {
            None => (None, part),
            Some((target, level)) => (Some(target.trim()), level.trim()),
        };
        let is_target = |target: &str| {
            !target.is_empty() && target.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:-".contains(&b))
        };
        if !target.is_none_or(is_target) {
            return Err(format!("`{part}` names no target; write one like `nameplate=debug`"));
        }
        let level = level.parse().map_err(|_| {
            format!("`{level}` is not a level; write {LEVELS}, or one for each target: `warn,nameplate=debug`")
        })?;
        Ok((target, level))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use LevelFilter::{Debug, Error, Info, Off, Trace, Warn};

    #[track_caller]
    fn means(text: &str, want: &[(Option<&str>, LevelFilter)]) {
        let level: Level = text.parse().expect(text);
        assert_eq!(level.directives(), want, "{text}");
    }

    #[test]
    fn a_level_alone_is_ours() {
        let silent = [(Some("pingora_core"), Off), (Some("pingora_proxy"), Off)];
        for (text, ours, theirs) in [
            ("info", Info, Warn),
            ("DEBUG", Debug, Warn),
            (" trace ", Trace, Warn),
            ("error", Error, Error),
            ("off", Off, Off),
        ] {
            means(text, &[&[(None, theirs), (Some("nameplate"), ours)], &silent[..]].concat());
        }
        assert_eq!(Level::default(), "info".parse().expect("a level"));
    }

    #[test]
    fn targets_are_taken_as_they_are() {
        means("warn,nameplate=debug", &[(None, Warn), (Some("nameplate"), Debug)]);
        means("nameplate::app = trace, off,", &[(Some("nameplate::app"), Trace), (None, Off)]);
        means("warn,info", &[(None, Warn), (None, Info)]);
    }

    #[track_caller]
    fn fault(text: &str, want: &str) {
        let found = text.parse::<Level>().expect_err(text);
        assert!(found.contains(want), "{text}: {found}");
    }

    #[test]
    fn what_is_no_level_is_a_fault_that_says_how_to_write_one() {
        fault("inof", "`inof` is not a level; write `off`, `error`");
        fault("nameplate", "`nameplate` is not a level");
        fault("nameplate=loud", "`loud` is not a level");
        fault("warn,=debug", "`=debug` names no target");
        fault("a b=debug", "`a b=debug` names no target");
        fault("info/regex", "`info/regex` is not a level");
        fault("a=b=debug", "`b=debug` is not a level");
        for empty in ["", " ", ",,"] {
            fault(empty, "it is empty");
        }
    }
}
