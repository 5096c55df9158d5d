//! What a command says, as a terminal shows it: errors in colour and wrapped at its width.
//!
//! Commands write plain lines. On a terminal this writer paints the word `error:` or `warning:` at their head, and wraps
//! them and their help. Into a file or a pipe they go as they are. `NO_COLOR`, `CLICOLOR` and `TERM=dumb` are honoured.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSplitter};

/// Narrower than this, nothing is wrapped: a word a line helps nobody.
const NARROWEST: usize = 40;
const HELP: &str = "  help: ";

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const CURE: Style = AnsiColor::Cyan.on_default().bold();
const QUOTE: Style = Style::new().dimmed();

/// Standard error, for people.
pub(super) fn stderr() -> Painted<Box<dyn Write>> {
    let stderr = io::stderr();
    let width = if stderr.is_terminal() { terminal_size::terminal_size_of(&stderr) } else { None };
    let colour = AutoStream::choice(&stderr) != ColorChoice::Never;
    Painted::new(Box::new(stderr), colour, width.map(|(width, _)| usize::from(width.0)))
}

/// Paints and wraps whole lines.
pub(super) struct Painted<W: Write> {
    inner: W,
    colour: bool,
    width: Option<usize>,
    /// A line that has not ended yet.
    line: Vec<u8>,
}

impl<W: Write> Painted<W> {
    fn new(inner: W, colour: bool, width: Option<usize>) -> Painted<W> {
        let width = width.filter(|width| *width >= NARROWEST);
        Painted { inner, colour, width, line: Vec::new() }
    }

    fn write_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        match std::str::from_utf8(&line) {
            Ok(text) => self.inner.write_all(shown(text, self.colour, self.width).as_bytes()),
            Err(_) => self.inner.write_all(&line),
        }
    }
}

impl<W: Write> Write for Painted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.colour && self.width.is_none() {
            return self.inner.write(bytes);
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.write_line()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_line()?;
        self.inner.flush()
    }
}

impl<W: Write> Drop for Painted<W> {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// A line, its end included, as a terminal shows it.
fn shown(line: &str, colour: bool, width: Option<usize>) -> String {
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, ""),
    };
    let Some((head, style, word)) = head_of(text) else {
        let is_quote = colour && text.starts_with("    ") && !text.trim().is_empty();
        return if is_quote { format!("{QUOTE}{text}{QUOTE:#}{end}") } else { line.to_owned() };
    };
    let indent = if text.starts_with(HELP) { " ".repeat(HELP.len()) } else { "    ".to_owned() };
    let wrapped = match width {
        Some(width) => {
            let options = Options::new(width).subsequent_indent(&indent).break_words(false);
            textwrap::fill(text, options.word_splitter(WordSplitter::NoHyphenation))
        }
        None => text.to_owned(),
    };
    if colour && wrapped.starts_with(&format!("{head}{word}")) {
        let rest = &wrapped[head.len() + word.len()..];
        return format!("{head}{style}{word}{style:#}{rest}{end}");
    }
    wrapped + end
}

/// What stands before the word that is painted, its style, and the word.
fn head_of(text: &str) -> Option<(&str, Style, &'static str)> {
    if text.starts_with(HELP) {
        return Some(("  ", CURE, "help:"));
    }
    let found = [("error:", ERROR), ("warning:", WARNING)].into_iter().filter_map(|(word, style)| {
        let at = text.find(word)?;
        let head = &text[..at];
        (head.is_empty() || is_place(head)).then_some((head, style, word))
    });
    found.min_by_key(|(head, ..)| head.len())
}

/// Whether this is `FILE:LINE:COLUMN: `, or another place that a message is about.
fn is_place(head: &str) -> bool {
    head.strip_suffix(": ").is_some_and(|place| !place.contains(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(text: &str, colour: bool, width: Option<usize>) -> String {
        let mut bytes = Vec::new();
        let mut painted = Painted::new(&mut bytes, colour, width);
        for piece in text.as_bytes().chunks(3) {
            painted.write_all(piece).expect("written");
        }
        drop(painted);
        String::from_utf8(bytes).expect("text")
    }

    const SAID: &str = "m.yaml:3:7: error: `x` is an error: no\n    x: y\n  help: write `y`\n1 error";

    #[test]
    fn the_words_of_people_are_painted_and_nothing_else() {
        let red = "m.yaml:3:7: \u{1b}[1m\u{1b}[31merror:\u{1b}[0m `x` is an error: no\n";
        let grey = "\u{1b}[2m    x: y\u{1b}[0m\n";
        let cyan = "  \u{1b}[1m\u{1b}[36mhelp:\u{1b}[0m write `y`\n1 error";
        assert_eq!(painted(SAID, true, None), format!("{red}{grey}{cyan}"));
        for plain in ["an error: of somebody: error: else\n", "12 errors\n", "m: ok: 1 entry, help: none\n", "\n"] {
            assert_eq!(painted(plain, true, Some(80)), plain);
        }
        assert!(painted("error: no\n", true, None).starts_with("\u{1b}["), "without a place, too");
        assert!(painted("m:1:1: warning: no\n", true, None).contains("\u{1b}[33mwarning:"));
    }

    #[test]
    fn a_file_gets_every_byte_as_it_is() {
        assert_eq!(painted(SAID, false, None), SAID);
        assert_eq!(painted("error: long line of words that does not end\n", false, Some(10)).lines().count(), 1);
    }

    #[test]
    fn long_lines_are_wrapped_at_the_width_and_words_stay_whole() {
        let said = "m.yaml:3:7: error: `https://abc.example.com/a-very/long/one-that-fits-no-line` is a word of its own\n  \
                    help: write something shorter, or something else\n";
        let wrapped = painted(said, false, Some(40));
        let want = "m.yaml:3:7: error:\n    `https://abc.example.com/a-very/long/one-that-fits-no-line`\n    is a word of its \
                    own\n  help: write something shorter, or\n        something else\n";
        assert_eq!(wrapped, want);
        assert!(painted(said, true, Some(40)).contains("error:\u{1b}[0m\n    `https"));
    }
}
