//! What is wrong with a mapping: what, where, the text it is about, how to fix it.

mod code;
pub(crate) mod nearest;

pub use code::{Code, Severity};

use std::fmt::{self, Write as _};

use serde::Serialize;

/// The most faults that are kept and printed; those beyond are counted. A file with more is wrong
/// in one way many times over, and a page of it shows which.
pub const MAX_FAULTS: usize = 10_000;

/// The most errors that are counted. Beyond them the rest of the file is not read.
const MAX_COUNTED: usize = 10 * MAX_FAULTS;

/// What is said of a file without a mapping in it.
pub(crate) const NOTHING: &str = "the mapping is empty";

/// The most characters of the mapping that one fault quotes.
const MAX_QUOTE: usize = 160;

/// How far from a place its line is searched for its start and its end. A longer line is shown from the place.
const MAX_LINE: usize = 1_024;

/// The most characters of what is said about it, names taken from the mapping included.
const MAX_SAID: usize = 480;

/// One error or warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong, in one line.
    pub what: String,
    /// The offending text as it may be printed: on one line, shortened, control characters escaped.
    pub text: String,
    /// How to fix it, in one line.
    pub help: String,
    /// Whether it keeps the file from being used.
    pub severity: Severity,
    /// Its kind.
    pub code: Code,
}

/// Every error of a mapping, or every warning, in the order of their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    file: Box<str>,
    list: Vec<Diagnostic>,
    more: usize,
}

impl Diagnostics {
    /// The one fault of a file that cannot be read as text, at the place where that shows.
    pub(crate) fn of_file(code: Code, file: &str, (line, column): (u32, u32), what: String, help: &str) -> Diagnostics {
        let (text, severity) = (String::new(), Severity::Error);
        let error = Diagnostic { line, column, what, text, help: help.into(), severity, code };
        Diagnostics { file: file.into(), list: vec![error], more: 0 }
    }

    /// Errors of whole entries, in the order of their lines; as many as are kept, and how many more.
    pub(crate) fn of_entries(file: &str, mut list: Vec<Diagnostic>) -> Diagnostics {
        let more = list.len().saturating_sub(MAX_FAULTS);
        list.truncate(MAX_FAULTS);
        Diagnostics { file: file.into(), list, more }
    }

    /// Removes those that a condition does not hold for.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Diagnostic) -> bool) {
        self.list.retain(keep);
    }

    /// Changes the columns: `column_of` gets a line and the column, and returns another.
    pub(crate) fn shift(&mut self, column_of: impl Fn(u32, u32) -> u32) {
        for found in &mut self.list {
            found.column = column_of(found.line, found.column);
        }
    }

    /// Takes those of the same file in, in the order of their places.
    pub(crate) fn join(&mut self, others: Diagnostics) {
        self.list.extend(others.list);
        self.more += others.more;
        self.list.sort_by_key(|found| (found.line, found.column));
    }

    /// What is wrong, by the name it has in every fault.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How many faults there are, those beyond [`MAX_FAULTS`] included.
    pub fn len(&self) -> usize {
        self.list.len() + self.more
    }

    /// Whether there is none; what the compiler of a mapping returns never is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all that is wrong is that there is nothing.
    pub fn is_of_nothing(&self) -> bool {
        self.list.len() == 1 && self.list[0].what == NOTHING
    }

    /// As all of them are shown, but only the first `most`, and how many more there are.
    pub fn first(&self, most: usize) -> impl fmt::Display + '_ {
        First { all: self, most, hint: "" }
    }

    /// As [`Diagnostics::first`]; where some are left out that are kept, `hint` follows their number.
    pub fn first_with_hint<'d>(&'d self, most: usize, hint: &'d str) -> impl fmt::Display + 'd {
        First { all: self, most, hint }
    }

    /// Changes every text that is quoted, what is said of it and how to fix it, before anybody sees them.
    pub(crate) fn with_texts(mut self, change: impl Fn(&str) -> String) -> Diagnostics {
        for error in &mut self.list {
            error.text = change(&error.text);
            error.what = change(&error.what);
            error.help = change(&error.help);
        }
        self
    }

    /// The faults that are kept, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }
}

/// All of them as `check` prints them, and how many; no line break at the end.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first(MAX_FAULTS + 1).fmt(f)
    }
}

/// The first ones, and how many there are in all.
struct First<'d> {
    all: &'d Diagnostics,
    most: usize,
    hint: &'d str,
}

impl fmt::Display for First<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for found in self.all.list.iter().take(self.most) {
            writeln!(f, "{}:{}:{}: {}: {}", self.all.file, found.line, found.column, found.severity, found.what)?;
            if !found.text.is_empty() {
                writeln!(f, "    {}", found.text)?;
            }
            writeln!(f, "  help: {}", found.help)?;
        }
        let kept = self.all.list.len();
        let more = self.all.len() - kept.min(self.most);
        let hint = if kept > self.most { self.hint } else { "" };
        if more > 0 {
            writeln!(f, "and {more} more{hint}")?;
        }
        let severity = self.all.list.first().map(|found| found.severity).unwrap_or_default();
        match self.all.len() {
            1 => write!(f, "1 {severity}"),
            n => write!(f, "{n} {severity}s"),
        }
    }
}

impl std::error::Error for Diagnostics {}

/// A place in the text of a mapping: line, then column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A fault whose text has not been looked up yet.
#[derive(Debug)]
pub(crate) struct Fault {
    at: Place,
    what: String,
    help: String,
    /// The value it is about and the byte of it where the fault lies; without one, the line is quoted.
    value: Option<(String, usize)>,
    severity: Severity,
    code: Code,
}

impl Fault {
    /// A fault at a place, quoting its line.
    pub(crate) fn at(at: Place, what: impl Into<String>, help: impl Into<String>) -> Fault {
        Fault {
            at,
            what: what.into(),
            help: help.into(),
            value: None,
            severity: Severity::Error,
            code: Code::default(),
        }
    }

    /// Says of which kind it is.
    pub(crate) fn code(self, code: Code) -> Fault {
        Fault { code, ..self }
    }

    /// Whether it is of this kind.
    pub(crate) fn is(&self, code: Code) -> bool {
        self.code == code
    }

    /// Makes it a warning.
    pub(crate) fn into_warning(self) -> Fault {
        Fault { severity: Severity::Warning, ..self }
    }

    /// A fault at a byte of a value that starts at a place, quoting the value.
    pub(crate) fn in_value(
        at: Place,
        value: &str,
        offset: usize,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Fault {
        Fault { value: Some((value.to_owned(), offset)), ..Fault::at(at, what, help) }
    }
}

/// Collects faults while the text is read.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    kept: Vec<Fault>,
    more: usize,
}

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        if self.kept.len() < MAX_FAULTS {
            self.kept.push(fault);
        } else {
            self.more += 1;
        }
    }

    /// A fault that ends the reading: kept whatever came before it.
    pub(crate) fn push_last(&mut self, fault: Fault) {
        self.kept.push(fault);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The same, quoting nothing.
    pub(crate) fn without_text(mut self) -> Faults {
        for fault in &mut self.kept {
            fault.value = Some((String::new(), 0));
        }
        self
    }

    /// Whether the limit of counted errors is reached, so that reading can stop.
    pub(crate) fn is_full(&self) -> bool {
        self.more >= MAX_COUNTED
    }

    /// Looks the faults' texts up, in one pass over the mapping.
    pub(crate) fn locate(mut self, text: &str, file: &str) -> Diagnostics {
        self.kept.sort_by_key(|fault| fault.at);
        let mut cursor = Cursor::new(text);
        let list = self.kept.into_iter().map(|fault| cursor.diagnose(fault)).collect::<Vec<_>>();
        let mut found = Diagnostics { file: file.into(), list, more: self.more };
        // A place inside a value may lie behind the start of the next fault's.
        found.list.sort_by_key(|fault| (fault.line, fault.column));
        found
    }
}

/// Walks forward through a text by lines and columns, counted as the YAML reader counts them.
struct Cursor<'t> {
    text: &'t str,
    at: Place,
    byte: usize,
    line_start: usize,
}

impl<'t> Cursor<'t> {
    fn new(text: &'t str) -> Self {
        Cursor { text, at: Place { line: 1, column: 1 }, byte: 0, line_start: 0 }
    }

    fn advance(&mut self, to: Place) {
        // Whole lines first; what is left is one.
        while self.at.line < to.line {
            let rest = &self.text.as_bytes()[self.byte..];
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else { break };
            self.byte += end + if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
            self.at = Place { line: self.at.line + 1, column: 1 };
            self.line_start = self.byte;
        }
        let mut chars = self.text[self.byte..].chars().peekable();
        while self.at < to {
            let Some(c) = chars.next() else { return };
            let ends_line = c == '\n' || (c == '\r' && chars.peek() != Some(&'\n'));
            if ends_line && self.at.line == to.line {
                return;
            }
            self.byte += c.len_utf8();
            if ends_line {
                self.at = Place { line: self.at.line + 1, column: 1 };
                self.line_start = self.byte;
            } else {
                self.at.column += 1;
            }
        }
    }

    fn diagnose(&mut self, fault: Fault) -> Diagnostic {
        self.advance(fault.at);
        let here = &self.text[self.byte..];
        let (shift, text) = match &fault.value {
            Some((value, offset)) => (shift_in_source(here, value, *offset), printable(value, MAX_QUOTE)),
            None => (0, self.line_text()),
        };
        Diagnostic {
            line: fault.at.line,
            column: fault.at.column + shift,
            what: printable(&fault.what, MAX_SAID),
            text,
            help: printable(&fault.help, MAX_SAID),
            severity: fault.severity,
            code: fault.code,
        }
    }

    /// The line, or of a very long one what follows the place.
    fn line_text(&self) -> String {
        // A whole mapping may be one line: whoever looked for its end once for each fault would never be done.
        let mut end = self.text.len().min(self.byte + MAX_LINE);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let end = self.text[self.byte..end].find(['\n', '\r']).map_or(end, |found| self.byte + found);
        let is_near = self.byte - self.line_start <= MAX_LINE;
        let line = if is_near { self.text[self.line_start..end].trim() } else { "" };
        let shown = if is_near && line.len() <= MAX_QUOTE { line } else { self.text[self.byte..end].trim() };
        printable(shown, MAX_QUOTE)
    }
}

/// How many characters after the start of a scalar's source its value's byte `offset` stands. 0
/// where the source is not spelled as the value: escapes, folded lines, block scalars.
fn shift_in_source(source: &str, value: &str, offset: usize) -> u32 {
    let quote = usize::from(source.starts_with(['"', '\'']));
    match (source[quote..].starts_with(value), value.get(..offset)) {
        (true, Some(before)) => (before.chars().count() + quote) as u32,
        _ => 0,
    }
}

/// The name of a file as a terminal and a workflow's log may be shown it. A name may hold any character.
pub fn printable_name(name: &str) -> String {
    printable(name, usize::MAX)
}

/// Text of the mapping as a terminal may be shown it: on one line, shortened, and without the
/// characters that move the cursor, turn the direction of writing around or cannot be seen.
fn printable(text: &str, most: usize) -> String {
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == most {
            out.push('…');
            break;
        }
        let turns =
            matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        // What cannot be seen, or told from a space.
        let hides = matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{ad}') || (c.is_whitespace() && c != ' ');
        if c.is_control() || turns || hides {
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: u32, column: u32) -> Place {
        Place { line, column }
    }

    fn one(text: &str, fault: Fault) -> Diagnostic {
        let mut faults = Faults::default();
        faults.push(fault);
        faults.locate(text, "m").list.remove(0)
    }

    #[test]
    fn faults_stand_in_the_order_of_their_places() {
        let mut faults = Faults::default();
        faults.push(Fault::at(place(3, 1), "late", "h"));
        faults.push(Fault::in_value(place(1, 4), "value", 2, "early", "h"));
        let want = "m:1:6: error: early\n    value\n  help: h\nm:3:1: error: late\n    c\n  help: h\n2 errors";
        assert_eq!(faults.locate("a: value\nb\nc\n", "m").to_string(), want);
    }

    #[test]
    fn lines_end_as_yaml_ends_them() {
        for text in ["a\nb\n  c", "a\r\nb\r\n  c\r\n", "a\rb\r  c\r"] {
            assert_eq!(one(text, Fault::at(place(3, 3), "w", "h")).text, "c", "{text:?}");
        }
    }

    #[test]
    fn a_place_after_the_end_has_no_text() {
        for at in [place(2, 1), place(9, 9)] {
            assert_eq!(one("a\n", Fault::at(at, "w", "h")).text, "");
        }
        assert_eq!(one("a\nb", Fault::at(place(1, 9), "w", "h")).text, "a");
    }

    #[track_caller]
    fn column(text: &str, value: &str, offset: usize, want: u32) {
        assert_eq!(one(text, Fault::in_value(place(1, 4), value, offset, "w", "h")).column, want, "{text}");
    }

    #[test]
    fn columns_point_inside_values_spelled_as_they_are() {
        column("k: abc", "abc", 1, 5);
        column("k: \"abc\"", "abc", 1, 6);
        column("k: 'äbc'", "äbc", 2, 6);
        column("k: \"\\x61bc\"", "abc", 1, 4);
        column("k: a\n  b", "a b", 2, 4);
    }

    #[test]
    fn beyond_the_most_they_are_counted_but_the_last_is_kept() {
        let mut faults = Faults::default();
        for line in 1..=MAX_FAULTS as u32 + 7 {
            faults.push(Fault::at(place(line, 1), "w", "h"));
        }
        faults.push_last(Fault::at(place(99_999, 1), "the end", "h"));
        let found = faults.locate("", "m");
        assert_eq!((found.len(), found.list.len()), (MAX_FAULTS + 8, MAX_FAULTS + 1));
        assert!(found.to_string().ends_with("error: the end\n  help: h\nand 7 more\n10008 errors"));
        assert_eq!(found.first(1).to_string(), "m:1:1: error: w\n  help: h\nand 10007 more\n10008 errors");
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(printable("a\u{1b}[2J\u{202e}\tb", MAX_QUOTE), "a\\u{1b}[2J\\u{202e}\\tb");
        assert_eq!(printable(&"x".repeat(9_999), MAX_QUOTE).chars().count(), MAX_QUOTE + 1);
    }
}
