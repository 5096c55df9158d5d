//! The form nearly every mapping has, read without the generality of YAML.
//!
//! **Invariant:** what this reads to its end, [`super::document::Reader`] reads alike, node for node.
//! At whatever it is not sure of it gives up, without a word: the other reader then starts anew, and
//! says what is wrong and where. A property test holds the two together.
//!
//! A parser of all of YAML looks at every character several times. Of a mapping of 100,000 entries
//! that was most of the time from a changed file to a changed table: 0.6 s, and 0.2 s with this.

use std::borrow::Cow;

use super::document::{MAX_AHEAD, MAX_CHARACTERS, MAX_TEXT, Node, Nodes, Stop, Text, is_counted};
use crate::diagnostic::{Faults, Place};

/// A line with something on it.
#[derive(Clone, Copy)]
struct Line<'t> {
    number: u32,
    indent: usize,
    /// From its first character that is no space, up to the end of the line.
    text: &'t str,
}

impl<'t> Line<'t> {
    /// What follows `- `, as a line of its own.
    fn item(self) -> Option<Line<'t>> {
        let text = self.text.strip_prefix("- ")?.trim_start_matches(' ');
        Some(Line { indent: self.indent + self.text.len() - text.len(), text, ..self })
    }
}

/// What stands in the block form next.
#[derive(Clone, Copy)]
enum Stage {
    /// `APIS:`, or a key that may stand before it.
    Top,
    /// What stands behind such a key.
    Head,
    /// The list behind it.
    List,
    /// `- ` of an entry, or the end of the list.
    Entry,
    /// A key of an entry, or the entry's end.
    Key,
    /// What stands behind a key.
    Value,
    /// `- ` of a list that stands under its key, that far in, or the end of that list.
    Item(usize),
    /// A piece of a list in brackets, or its end.
    Flow { first: bool },
    /// The end of the keys at the top.
    End,
}

/// Reads a mapping in block form: keys, values and lists by their indentation, a line at a time.
pub(super) struct Quick<'t> {
    rest: &'t str,
    /// The number of the last line taken from `rest`.
    number: u32,
    /// The line that is not handed out yet.
    next: Option<Line<'t>>,
    /// What is left of the line that is being handed out, and its number.
    left: &'t str,
    line: u32,
    stage: Stage,
    /// How far in the entries stand, and the keys of the present one.
    entries: usize,
    keys: usize,
    /// None: whatever is at fault ends this reading.
    faults: Faults,
}

impl<'t> Quick<'t> {
    /// Gives up where the first line already is another form.
    pub(super) fn new(text: &'t str) -> Result<Quick<'t>, Stop> {
        let (left, stage) = ("", Stage::Top);
        let faults = Faults::default();
        let mut block = Quick { rest: text, number: 0, next: None, left, line: 0, stage, entries: 0, keys: 0, faults };
        block.advance()?;
        if block.next.is_some_and(|line| line.indent == 0 && line.text.trim_end_matches(' ') == "---") {
            block.advance()?;
        }
        Ok(block)
    }

    /// Takes the next line that has something on it.
    fn advance(&mut self) -> Result<(), Stop> {
        self.next = None;
        let (mut ahead, before) = (0, self.rest.len());
        while !self.rest.is_empty() {
            let (line, rest) = match memchr::memchr(b'\n', self.rest.as_bytes()) {
                Some(end) => {
                    let line = &self.rest[..end];
                    (line.strip_suffix('\r').unwrap_or(line), &self.rest[end + 1..])
                }
                None => (self.rest, ""),
            };
            self.rest = rest;
            self.number += 1;
            if line.len() >= MAX_CHARACTERS as usize / 2 {
                return Err(Stop);
            }
            let text = line.trim_start_matches(' ');
            if is_blank(text)? {
                // The other reader does not look ahead any further, so this one does not either.
                ahead += text.bytes().filter(|byte| is_counted(char::from(*byte))).count();
                if ahead >= MAX_AHEAD as usize || before - self.rest.len() >= MAX_CHARACTERS as usize / 2 {
                    return Err(Stop);
                }
            } else {
                self.next = Some(Line { number: self.number, indent: line.len() - text.len(), text });
                break;
            }
        }
        Ok(())
    }

    fn next_node(&mut self) -> Result<Node<'t>, Stop> {
        match self.stage {
            Stage::Top => {
                let key = self.next.filter(|line| line.indent == 0).ok_or(Stop)?;
                self.stage = if key.text.starts_with("APIS:") { Stage::List } else { Stage::Head };
                self.key(key)
            }
            Stage::Head => {
                // Behind an empty value, the next line may be part of it.
                let value = Some(self.left).filter(|left| !left.is_empty()).ok_or(Stop)?;
                self.stage = Stage::Top;
                self.text(value)
            }
            Stage::List => {
                let first = self.next.filter(|line| line.item().is_some() && self.left.is_empty()).ok_or(Stop)?;
                self.entries = first.indent;
                self.stage = Stage::Entry;
                Ok(Node::List(on_line(self.line)))
            }
            Stage::Entry => self.entry(),
            Stage::Key => match self.next {
                Some(line) if line.indent == self.keys => {
                    self.stage = Stage::Value;
                    self.key(line)
                }
                Some(line) if line.indent != self.entries => Err(Stop),
                _ => {
                    self.stage = Stage::Entry;
                    Ok(Node::Close)
                }
            },
            Stage::Value => self.value_of_key(),
            Stage::Item(indent) => match self.next.filter(|line| line.indent == indent).map(|line| (line, line.item()))
            {
                Some((line, Some(item))) => {
                    self.line = line.number;
                    self.advance()?;
                    self.text(item.text)
                }
                _ => {
                    self.stage = Stage::Key;
                    Ok(Node::Close)
                }
            },
            Stage::Flow { first } => self.flow(first),
            Stage::End => Ok(Node::Close),
        }
    }

    fn entry(&mut self) -> Result<Node<'t>, Stop> {
        let Some(line) = self.next else {
            self.stage = Stage::End;
            return Ok(Node::Close);
        };
        let first = line.item().filter(|_| line.indent == self.entries).ok_or(Stop)?;
        self.keys = first.indent;
        self.next = Some(first);
        self.stage = Stage::Key;
        Ok(Node::Map(on_line(line.number)))
    }

    /// A key; what follows it on its line is left for its value.
    fn key(&mut self, line: Line<'t>) -> Result<Node<'t>, Stop> {
        let end = line.text.bytes().position(|b| !b.is_ascii_uppercase() && b != b'_').ok_or(Stop)?;
        let (key, rest) = line.text.split_at(end);
        let rest = rest.strip_prefix(':').filter(|rest| !key.is_empty() && (rest.is_empty() || rest.starts_with(' ')));
        let rest = rest.ok_or(Stop)?;
        let value = rest.trim_start_matches(' ');
        // A comment needs a space before it, and has one: what follows a key's colon starts with one.
        self.left = if is_blank(value)? { "" } else { value };
        self.line = line.number;
        self.advance()?;
        Ok(Node::Text(Text { at: on_line(line.number), value: Cow::Borrowed(key), plain: true }))
    }

    fn value_of_key(&mut self) -> Result<Node<'t>, Stop> {
        let left = self.left;
        if let Some(list) = left.strip_prefix('[') {
            self.left = list;
            self.stage = Stage::Flow { first: true };
            return Ok(Node::List(on_line(self.line)));
        }
        if !left.is_empty() {
            self.stage = Stage::Key;
            return self.text(left);
        }
        let first = self.next.filter(|line| line.item().is_some() && line.indent >= self.keys).ok_or(Stop)?;
        self.stage = Stage::Item(first.indent);
        Ok(Node::List(on_line(self.line)))
    }

    /// A whole text, up to the end of its line.
    fn text(&self, left: &'t str) -> Result<Node<'t>, Stop> {
        let is_quoted = left.starts_with(['"', '\'']);
        let (text, rest) = if is_quoted { quoted(left)? } else { plain(left)? };
        ends_here(rest)?;
        Ok(Node::Text(Text { at: on_line(self.line), value: Cow::Borrowed(text), plain: !is_quoted }))
    }

    fn flow(&mut self, first: bool) -> Result<Node<'t>, Stop> {
        let mut left = self.left.trim_start_matches(' ');
        if let Some(rest) = left.strip_prefix(']') {
            ends_here(rest)?;
            self.stage = Stage::Key;
            return Ok(Node::Close);
        }
        if !first {
            left = left.strip_prefix(',').ok_or(Stop)?.trim_start_matches(' ');
        }
        let is_quoted = left.starts_with(['"', '\'']);
        let (text, rest) = if is_quoted {
            quoted(left)?
        } else {
            left.split_at(left.bytes().position(|b| !b.is_ascii_alphabetic()).ok_or(Stop)?)
        };
        // Anything else behind it could make it a longer text, or a key.
        if text.is_empty() || !rest.trim_start_matches(' ').starts_with([',', ']']) {
            return Err(Stop);
        }
        self.left = rest;
        self.stage = Stage::Flow { first: false };
        Ok(Node::Text(Text { at: on_line(self.line), value: Cow::Borrowed(text), plain: !is_quoted }))
    }
}

impl<'t> Nodes<'t> for Quick<'t> {
    fn open(&mut self) -> Result<Option<Node<'t>>, Stop> {
        Ok(Some(Node::Map(on_line(1))))
    }

    fn close(&mut self) -> Result<(), Stop> {
        self.next.is_none().then_some(()).ok_or(Stop)
    }

    fn node(&mut self) -> Result<Node<'t>, Stop> {
        self.next_node()
    }

    fn value(&mut self) -> Result<Node<'t>, Stop> {
        self.next_node()
    }

    fn skip(&mut self, _node: &Node<'t>) -> Result<(), Stop> {
        // Only what is at fault is passed over.
        Err(Stop)
    }

    fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }
}

/// Whether nothing but a comment is left. Gives up at a comment that holds what YAML takes for a
/// line break or does not allow at all.
fn is_blank(text: &str) -> Result<bool, Stop> {
    if text.is_empty() {
        return Ok(true);
    }
    if !text.starts_with('#') {
        return Ok(false);
    }
    let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    if text.chars().any(odd) { Err(Stop) } else { Ok(true) }
}

/// Nothing follows on the line but a comment, with the space before it that makes it one.
fn ends_here(rest: &str) -> Result<(), Stop> {
    let comment = rest.trim_start_matches(' ');
    let is_apart = rest.is_empty() || comment.len() < rest.len();
    if is_apart && is_blank(comment)? { Ok(()) } else { Err(Stop) }
}

/// A text without quotes that can be nothing but text; and what follows it.
fn plain(text: &str) -> Result<(&str, &str), Stop> {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b"-._~/:,=+@%&*$!()?".contains(&b);
    let end = text.bytes().position(|b| !is_part(b)).unwrap_or(text.len());
    let (text, rest) = text.split_at(end);
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/') || text.ends_with(':') || end > MAX_TEXT {
        return Err(Stop);
    }
    Ok((text, rest))
}

/// Nobody is shown a column of this reader's.
fn on_line(line: u32) -> Place {
    Place { line, column: 1 }
}

/// A text in quotes, without an escape; and what follows it.
fn quoted(text: &str) -> Result<(&str, &str), Stop> {
    let quote = text.as_bytes()[0];
    let inside = &text[1..];
    let end = inside.bytes().position(|b| b == quote || b == b'\\' || !(b' '..=b'~').contains(&b)).ok_or(Stop)?;
    let rest = &inside[end..];
    // Behind a doubled quote the text goes on; behind anything but the quote it is no simple one.
    if rest.as_bytes()[0] != quote || rest.as_bytes().get(1) == Some(&quote) || end > MAX_TEXT {
        return Err(Stop);
    }
    Ok((&inside[..end], &rest[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nodes of a whole document, or `None` where the reader gives up.
    fn nodes(text: &str) -> Option<Vec<String>> {
        let mut reader = Quick::new(text).ok()?;
        let mut found = Vec::new();
        let mut depth = 0;
        let mut next = reader.open().ok()??;
        loop {
            found.push(match next {
                Node::Text(text) => format!("{}:{}", text.at.line, text.value),
                Node::Map(at) => format!("{}:{{", at.line),
                Node::List(at) => format!("{}:[", at.line),
                Node::Close => "end".into(),
                Node::Reported => return None,
            });
            match found.last()?.as_bytes().last()? {
                b'{' | b'[' => depth += 1,
                b'd' if found.last()? == "end" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            next = reader.node().ok()?;
        }
        reader.close().ok().map(|()| found)
    }

    #[test]
    fn the_usual_form_is_read() {
        let text = "# a\nAPIS:\n\n  - A: b.c # d\n    V: [G, \"P\"]\n  -   A: 'x'\n      V:\n      - G\n      - H\n";
        let want = "1:{ 2:APIS 2:[ 4:{ 4:A 4:b.c 5:V 5:[ 5:G 5:P end end 6:{ 6:A 6:x 7:V 7:[ 8:G 9:H end end end end";
        assert_eq!(nodes(text).expect("the usual form").join(" "), want);
        assert_eq!(nodes(&text.replace('\n', "\r\n")).expect("with CR LF").join(" "), want);
    }

    #[test]
    fn whatever_is_not_sure_is_given_up() {
        for text in [
            "",
            "{\"APIS\": [{\"A\": \"b\"}]}",
            "APIS: []\n",
            "APIS:\n",
            "APIS:\n  - A: b\n   V: c\n",
            "APIS:\n  - A: b\n      c\n",
            "APIS:\n  - A: b c\n",
            "APIS:\n  - A: b: c\n",
            "APIS:\n  - A: *b\n",
            "APIS:\n  - A: \"b\\n\"\n",
            "APIS:\n  - A: 'b''c'\n",
            "APIS:\n  - A: 'b'c\n",
            "APIS:\n  - A: b#c\n",
            "APIS:\n  - A: [b c]\n",
            "APIS:\n  - A: [b,]\n",
            "APIS:\n  - A: [b]c\n",
            "APIS:\n  - A:\n  - A: b\n",
            "APIS:\n\t- A: b\n",
            "APIS:\n  - A: b\r  - A: c\n",
            "APIS:\n  - A: b\n...\n",
            "APIS:\n  - A: b\nX: y\n",
            "APIS:\n  - A: b # \u{85}\n",
        ] {
            assert_eq!(nodes(text), None, "{text:?}");
        }
    }
}
