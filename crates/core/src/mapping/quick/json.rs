//! JSON as programs write it.

use std::borrow::Cow;

use super::super::document::{Node, Stop, Text};
use super::{on_line, quoted};

/// What is open in JSON: what closes it, and whether anything has stood in it yet.
struct Open {
    end: u8,
    first: bool,
}

/// JSON as most programs write it: texts without escapes, objects and arrays.
pub(super) struct Json<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    open: Vec<Open>,
    after_key: bool,
}

/// A mapping is 4 deep in all.
const MOST_OPEN: usize = 8;

impl<'t> Json<'t> {
    pub(super) fn new(text: &'t str) -> Json<'t> {
        Json { text, at: 0, line: 1, open: Vec::new(), after_key: false }
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Result<u8, Stop> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ') => {}
                Some(b'\n') => self.line += 1,
                Some(b'\r') if bytes.get(self.at + 1) == Some(&b'\n') => {}
                Some(byte) => return Ok(*byte),
                None => return Err(Stop),
            }
            self.at += 1;
        }
    }

    fn take(&mut self, want: u8) -> Result<(), Stop> {
        if self.peek()? != want {
            return Err(Stop);
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<Node<'t>, Stop> {
        let at = on_line(self.line);
        let (text, rest) = quoted(&self.text[self.at..])?;
        self.at = self.text.len() - rest.len();
        Ok(Node::Text(Text { at, value: Cow::Borrowed(text), plain: false }))
    }

    /// A key, its value, an item, or the end of what is open.
    pub(super) fn node(&mut self) -> Result<Node<'t>, Stop> {
        if std::mem::take(&mut self.after_key) {
            return self.value();
        }
        let next = self.peek()?;
        let open = self.open.last_mut().ok_or(Stop)?;
        if next == open.end {
            self.open.pop();
            self.at += 1;
            return Ok(Node::Close);
        }
        let (first, in_array) = (std::mem::take(&mut open.first), open.end == b']');
        if !first {
            self.take(b',')?;
            // Behind a comma, YAML would take an end for an end and JSON for a fault.
            if matches!(self.peek()?, b']' | b'}') {
                return Err(Stop);
            }
        }
        if in_array {
            return self.value();
        }
        if self.peek()? != b'"' {
            return Err(Stop);
        }
        let key = self.string()?;
        if self.text.as_bytes().get(self.at) != Some(&b':') {
            return Err(Stop);
        }
        self.at += 1;
        self.after_key = true;
        Ok(key)
    }

    pub(super) fn value(&mut self) -> Result<Node<'t>, Stop> {
        let next = self.peek()?;
        let at = on_line(self.line);
        let (end, node) = match next {
            b'"' => return self.string(),
            b'{' => (b'}', Node::Map(at)),
            b'[' => (b']', Node::List(at)),
            _ => return Err(Stop),
        };
        if self.open.len() == MOST_OPEN {
            return Err(Stop);
        }
        self.open.push(Open { end, first: true });
        self.at += 1;
        Ok(node)
    }

    pub(super) fn end(&mut self) -> Result<(), Stop> {
        match self.peek() {
            Err(Stop) if self.at == self.text.len() => Ok(()),
            _ => Err(Stop),
        }
    }
}
