//! Where an API is probed: PROBE of an entry, `probes: path` of the settings.

use std::fmt;

/// The longest path.
pub const MAX_PATH: usize = 1_024;

/// Whether, and where, the API of an entry is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Never.
    Off,
    /// At this path below the stage, query included.
    Path(Box<str>),
}

/// What is wrong with a PROBE, and the byte where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeError {
    /// A byte of the text.
    pub offset: usize,
    /// In words.
    pub what: String,
}

impl Probe {
    /// Reads `off` or a path.
    pub fn parse(text: &str) -> Result<Probe, ProbeError> {
        if text == "off" {
            return Ok(Probe::Off);
        }
        check_path(text).map(|()| Probe::Path(text.into()))
    }
}

/// As a mapping writes it.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Off => f.write_str("off"),
            Probe::Path(path) => f.write_str(path),
        }
    }
}

/// Checks that a request can carry a path, and that it stays below what it is appended to.
pub fn check_path(text: &str) -> Result<(), ProbeError> {
    let wrong = |offset: usize, what: String| Err(ProbeError { offset, what });
    if !text.starts_with('/') {
        return wrong(0, format!("`{text}` is not a path"));
    }
    if text.len() > MAX_PATH {
        return wrong(0, format!("the path is longer than {MAX_PATH} bytes"));
    }
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&b);
    if let Some((at, odd)) = text.char_indices().find(|(_, c)| !u8::try_from(*c).is_ok_and(fine)) {
        return wrong(at, format!("a path has no `{}`", odd.escape_default()));
    }
    let is_hex = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_hexdigit);
    if let Some((at, _)) = text.match_indices('%').find(|(at, _)| !(is_hex(at + 1) && is_hex(at + 2))) {
        return wrong(at, "`%` is not followed by two hexadecimal digits".into());
    }
    let path = text.split('?').next().unwrap_or(text);
    let mut at = 0;
    for segment in path.split('/') {
        // What an API, or a server behind it, may decode to a dot segment.
        let decoded = segment.to_ascii_lowercase().replace("%2e", ".");
        if matches!(&*decoded, "." | "..") || decoded.contains("%2f") || decoded.contains("%5c") {
            return wrong(at, "the path may leave its stage".into());
        }
        at += segment.len() + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_and_paths_are_read_and_written_alike() {
        for text in ["off", "/", "/health", "/v1/health?deep=1&x=%20", "//x", "/a.b/..c/~(x)"] {
            assert_eq!(Probe::parse(text).map(|probe| probe.to_string()), Ok(text.into()));
        }
    }

    #[test]
    fn what_is_no_path_below_the_stage_is_placed() {
        let long = format!("/{}", "a".repeat(MAX_PATH));
        for (text, offset, what) in [
            ("", 0, "is not a path"),
            ("health", 0, "is not a path"),
            ("no", 0, "is not a path"),
            ("https://a.example/x", 0, "is not a path"),
            ("/a b", 2, "a path has no ` `"),
            ("/a\r\nX: y", 2, "a path has no `\\r`"),
            ("/ä", 1, "a path has no `\\u{e4}`"),
            ("/a#b", 2, "a path has no `#`"),
            ("/a%2", 2, "two hexadecimal digits"),
            ("/a/../b", 3, "may leave its stage"),
            ("/a/%2E.", 3, "may leave its stage"),
            ("/.%2fb", 1, "may leave its stage"),
            (&long, 0, "longer than 1024 bytes"),
        ] {
            let error = Probe::parse(text).expect_err(text);
            assert!(error.offset == offset && error.what.contains(what), "{text}: {error:?}");
        }
    }
}
