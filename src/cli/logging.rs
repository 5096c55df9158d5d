//! The operational log: lines on standard error that never make a request wait.
//!
//! Text until the settings have been read, for they may be at fault; then as they say. `NAMEPLATE_LOG`
//! outranks their level.

use std::fmt::{Arguments, Write as _};
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use env_filter::Filter;
use log::{Level as Severity, Metadata, Record};
use serde::Serialize;

use super::environment::{self, Misused};
use crate::telemetry::lines::{Lines, Log};
use nameplate_core::settings::log::{Format, Level, Log as Settings};

/// The variable of the environment that outranks `log: level`.
const VARIABLE: &str = "NAMEPLATE_LOG";

/// What continues a message of several lines begins with, in text.
const INDENT: &str = "    ";

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// The one log of the process.
struct Logger {
    lines: Arc<Lines>,
    filter: ArcSwap<Filter>,
    json: AtomicBool,
}

/// Starts the log, in text and at its usual level, or at that of `NAMEPLATE_LOG`.
pub(super) fn start() {
    // Without the thread nothing would read the queue; the log is then silent, and the proxy still runs.
    let Ok(lines) = Lines::start(Log::Operational, Box::new(io::stderr()), Some(note)) else { return };
    let filter = ArcSwap::from_pointee(filter(&Level::default()));
    let logger = LOGGER.get_or_init(|| Logger { lines, filter, json: AtomicBool::new(false) });
    let _ = log::set_logger(logger);
    // One that is no level is reported with the settings.
    logger.set_level(&from_environment().ok().flatten().unwrap_or_default());
}

/// From now on, as the settings say. Fails where `NAMEPLATE_LOG` is no level.
pub(super) fn configure(settings: &Settings) -> Result<(), Misused> {
    let level = from_environment()?;
    if let Some(logger) = LOGGER.get() {
        logger.json.store(settings.format == Format::Json, Ordering::Relaxed);
        logger.set_level(level.as_ref().unwrap_or(&settings.level));
    }
    Ok(())
}

/// Whether the environment sets the level, whatever the settings say.
pub(super) fn is_set_by_environment() -> bool {
    from_environment().is_ok_and(|level| level.is_some())
}

/// Another level, which the log tells of in either case.
pub(super) fn change_level(level: &Level) {
    if let Some(logger) = LOGGER.get() {
        logger.set_level(level);
        // In one expression: Rust 1.88 lets arguments in a binding of their own live no longer than their statement.
        logger.write(
            &Record::builder()
                .level(Severity::Info)
                .target(module_path!())
                .args(format_args!("log level is now {level}"))
                .build(),
        );
    }
}

fn from_environment() -> Result<Option<Level>, Misused> {
    environment::or_variable(None, VARIABLE, str::parse)
}

/// Waits until what was logged so far has been written, but not for long.
pub(super) fn flush() {
    if let Some(logger) = LOGGER.get() {
        logger.lines.flush();
    }
}

fn filter(level: &Level) -> Filter {
    let mut filter = env_filter::Builder::new();
    for (target, level) in level.directives() {
        filter.filter(target, level);
    }
    filter.build()
}

impl Logger {
    fn set_level(&self, level: &Level) {
        let filter = filter(level);
        // What the facade lets through first, or a record could be lost that the new filter wants.
        let most = filter.filter();
        log::set_max_level(most.max(log::max_level()));
        self.filter.store(Arc::new(filter));
        log::set_max_level(most);
    }

    fn write(&self, record: &Record<'_>) {
        let mut line = self.lines.buffer();
        let time = SystemTime::now();
        match self.json.load(Ordering::Relaxed) {
            true => json(&mut line, time, record),
            false => text(&mut line, time, record),
        }
        self.lines.push(line);
    }
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.load().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.filter.load().matches(record) {
            self.write(record);
        }
    }

    fn flush(&self) {
        self.lines.flush();
    }
}

/// `[2026-01-02T03:04:05Z INFO ] what there is to say`
fn text(line: &mut Vec<u8>, time: SystemTime, record: &Record<'_>) {
    let time = humantime::format_rfc3339_seconds(time);
    // Writing to memory does not fail.
    let _ = write!(line, "[{time} {:<5}] ", record.level());
    let _ = Indented(line).write_fmt(*record.args());
    line.push(b'\n');
}

/// Text whose further lines are set back.
struct Indented<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Indented<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for (at, part) in text.split('\n').enumerate() {
            if at > 0 {
                self.0.push(b'\n');
                self.0.extend_from_slice(INDENT.as_bytes());
            }
            self.0.extend_from_slice(part.as_bytes());
        }
        Ok(())
    }
}

/// A line in JSON.
#[derive(Serialize)]
struct Object<'a> {
    time: String,
    level: &'a str,
    target: &'a str,
    message: &'a Arguments<'a>,
}

fn json(line: &mut Vec<u8>, time: SystemTime, record: &Record<'_>) {
    let object = Object {
        time: humantime::format_rfc3339_millis(time).to_string(),
        level: record.level().as_str(),
        target: record.target(),
        message: record.args(),
    };
    // Only a message that cannot be written fails, and half of its line must not stay.
    if serde_json::to_writer(&mut *line, &object).is_err() {
        line.clear();
        return;
    }
    line.push(b'\n');
}

/// What stands where lines are missing.
fn note(missed: u64) -> String {
    let is_json = LOGGER.get().is_some_and(|logger| logger.json.load(Ordering::Relaxed));
    note_in(if is_json { Format::Json } else { Format::Text }, missed)
}

fn note_in(format: Format, missed: u64) -> String {
    let told = format!("log: {missed} lines were dropped because standard error was not read");
    match format {
        Format::Text => told + "\n",
        Format::Json => {
            let mut line = Vec::new();
            json(
                &mut line,
                SystemTime::now(),
                &Record::builder().level(Severity::Warn).target(module_path!()).args(format_args!("{told}")).build(),
            );
            String::from_utf8(line).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn at() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_767_323_045_678)
    }

    #[track_caller]
    fn written(form: fn(&mut Vec<u8>, SystemTime, &Record<'_>), message: &str) -> String {
        let mut line = Vec::new();
        let args = format_args!("{message}");
        form(&mut line, at(), &Record::builder().level(Severity::Warn).target("nameplate::app").args(args).build());
        String::from_utf8(line).expect("UTF-8")
    }

    #[test]
    fn text_sets_further_lines_back() {
        assert_eq!(written(text, "one"), "[2026-01-02T03:04:05Z WARN ] one\n");
        assert_eq!(written(text, "one\n two\n"), "[2026-01-02T03:04:05Z WARN ] one\n     two\n    \n");
    }

    #[test]
    fn json_is_one_line_whatever_is_in_the_message() {
        let start = r#"{"time":"2026-01-02T03:04:05.678Z","level":"WARN","target":"nameplate::app","message":"#;
        assert_eq!(written(json, "one"), format!("{start}\"one\"}}\n"));
        for message in ["a\nb\r\n", "\"quoted\" \\ {}", "\u{1b}[31m\0", "größer\u{2028}"] {
            let line = written(json, message);
            assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
            let object: serde_json::Value = serde_json::from_str(&line).expect(&line);
            assert_eq!(object["message"], message);
        }
    }

    #[test]
    fn what_is_missing_is_told_in_the_form_of_the_log() {
        let told = "log: 7 lines were dropped because standard error was not read";
        assert_eq!(note_in(Format::Text, 7), format!("{told}\n"));
        let object: serde_json::Value = serde_json::from_str(&note_in(Format::Json, 7)).expect("JSON");
        assert_eq!((&object["message"], &object["level"]), (&told.into(), &"WARN".into()));
    }

    #[test]
    fn a_filter_lets_through_what_its_level_says() {
        let passes = |level: &str, target: &str, severity| {
            let filter = filter(&level.parse().expect("a level"));
            let metadata = Metadata::builder().level(severity).target(target).build();
            filter.enabled(&metadata)
        };
        assert!(passes("info", "nameplate::live", Severity::Info) && !passes("info", "h2", Severity::Info));
        assert!(passes("debug", "nameplate::live", Severity::Debug) && passes("debug", "h2", Severity::Warn));
        assert!(!passes("debug", "pingora_core::server", Severity::Error));
        assert!(passes("warn,pingora_core=debug", "pingora_core::server", Severity::Debug));
        assert!(!passes("off", "nameplate", Severity::Error));
        let most = filter(&"warn,h2=trace".parse().expect("a level")).filter();
        assert_eq!(most, log::LevelFilter::Trace);
    }
}
