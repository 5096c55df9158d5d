//! The YAML of a mapping as a stream of nodes with places.
//!
//! **Invariant:** reading takes memory for one entry, not for the file. Nothing is expanded:
//! anchors, aliases and tags are faults; depth is bounded; and so is how far the YAML parser may
//! run ahead, which it does to the end of a bracket that could turn out to be a key.

use std::borrow::Cow;
use std::cell::Cell;
use std::iter::Chain;
use std::rc::Rc;
use std::str::Chars;

use saphyr_parser::{BufferedInput, Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::file_kind::Kind;
use super::syntax::{Broken, explain};
use crate::diagnostic::{Code, Fault, Faults, Place};

/// A mapping is 4 deep; what is nested deeper than this is not one.
pub(super) const MAX_DEPTH: usize = 16;

/// The longest text that is read as a key or a value; the longest URL API Gateway takes.
pub(crate) const MAX_TEXT: usize = 8_192;

/// How many brackets, commas and colons the parser may take in before it hands out a node. An entry
/// has about ten; comments count too, and 30,000 entries commented out in a row still pass.
pub(super) const MAX_AHEAD: u32 = 262_144;

/// How many characters of any kind it may take in. The parser reads some megabytes a second, so it refuses a text that does
/// not end within seconds, and still takes 50,000 entries commented out in a row.
pub(super) const MAX_CHARACTERS: u32 = 8 * 1_024 * 1_024;

/// What counts for the first of the two.
pub(super) fn is_counted(c: char) -> bool {
    matches!(c, ',' | ':' | '[' | ']' | '{' | '}')
}

/// Opens a document on the line of its content. There, YAML allows no key without `?`, so the
/// parser hands out a JSON document's parts at once instead of after its last bracket.
const DOCUMENT_START: &str = "--- ";

/// A piece of the document.
#[derive(Debug)]
pub(crate) enum Node<'t> {
    /// A key or a value.
    Text(Text<'t>),
    /// The start of a list.
    List(Place),
    /// The start of keys with values.
    Map(Place),
    /// The end of the innermost list or map.
    Close,
    /// An alias or a tag or another thing that has been reported already; it stands for a value.
    Reported,
}

/// A scalar.
#[derive(Debug)]
pub(crate) struct Text<'t> {
    pub(crate) at: Place,
    pub(crate) value: Cow<'t, str>,
    /// Written without quotes, so that YAML may read it as more than text.
    pub(crate) plain: bool,
}

impl Text<'_> {
    /// Whether YAML reads it as nothing (YAML 1.2.2 section 10.3.2).
    pub(crate) fn is_null(&self) -> bool {
        self.plain && matches!(&*self.value, "" | "~" | "null" | "Null" | "NULL")
    }

    /// What YAML reads it as instead of text, if so.
    pub(crate) fn other_type(&self) -> Option<&'static str> {
        let number = || self.value.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        match &*self.value {
            _ if !self.plain => None,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Some("a truth value"),
            value if number() && value.parse::<f64>().is_ok() => Some("a number"),
            _ => None,
        }
    }
}

/// Reading cannot go on; the fault that stopped it is among the faults.
#[derive(Debug)]
pub(crate) struct Stop;

/// Hands out a document's nodes one by one.
pub(crate) trait Nodes<'t> {
    /// The node the document consists of. `None` if there is no document.
    fn open(&mut self) -> Result<Option<Node<'t>>, Stop>;

    /// Sees the document end, and no other after it.
    fn close(&mut self) -> Result<(), Stop>;

    /// The next key, value, or end of a list or map.
    fn node(&mut self) -> Result<Node<'t>, Stop>;

    /// The value of a key. Every key has one; YAML reads a missing one as null.
    fn value(&mut self) -> Result<Node<'t>, Stop>;

    /// Reads past the rest of a node.
    fn skip(&mut self, node: &Node<'t>) -> Result<(), Stop>;

    /// Where faults are collected.
    fn faults(&mut self) -> &mut Faults;
}

type Source<'t> = Chain<Chars<'static>, Chars<'t>>;

/// How far the parser may read at present: by what [`is_counted`], and by every character.
struct Ahead {
    counted: Cell<u32>,
    characters: Cell<u32>,
}

impl Ahead {
    /// Lets the parser read on.
    fn reset(&self) {
        self.counted.set(MAX_AHEAD);
        self.characters.set(MAX_CHARACTERS);
    }

    fn is_used_up(&self) -> bool {
        self.counted.get() == 0 || self.characters.get() == 0
    }
}

/// The text, up to where the parser may read at present.
struct Guarded<'t> {
    source: Source<'t>,
    ahead: Rc<Ahead>,
}

impl Iterator for Guarded<'_> {
    type Item = char;

    #[inline]
    fn next(&mut self) -> Option<char> {
        let c = self.source.next()?;
        // The parser takes this for the end of the text, and comes back to the reader.
        self.ahead.characters.set(self.ahead.characters.get().checked_sub(1)?);
        if is_counted(c) {
            self.ahead.counted.set(self.ahead.counted.get().checked_sub(1)?);
        }
        Some(c)
    }
}

/// The YAML properties of the node that was handed out last; 0 is none. Kept for settings alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Properties {
    /// The anchor that names the node.
    pub(crate) anchor: usize,
    /// The anchor of another node, for which this one stands; the node itself is [`Node::Reported`].
    pub(crate) alias: usize,
}

/// Reads all of YAML that a mapping may have, and says of everything else where it stands.
pub(crate) struct Reader<'t> {
    /// All of it.
    text: &'t str,
    parser: Parser<'t, BufferedInput<Guarded<'t>>>,
    ahead: Rc<Ahead>,
    /// Where the parser's first line starts: its line and column are added to the parser's own.
    origin: (u32, i64),
    depth: usize,
    faults: Faults,
    kind: Kind,
    properties: Properties,
}

impl<'t> Reader<'t> {
    /// Reads a settings file, which may have anchors and aliases: [`Reader::properties`].
    pub(crate) fn of_settings(text: &'t str) -> Reader<'t> {
        Reader { kind: Kind::Settings, ..Reader::new(text) }
    }

    /// Reads a file of owners, as freely as settings.
    pub(crate) fn of_owners(text: &'t str) -> Reader<'t> {
        Reader { kind: Kind::Owners, ..Reader::new(text) }
    }

    /// Reads a file of tests, as a settings file is read.
    pub(crate) fn of_tests(text: &'t str) -> Reader<'t> {
        Reader { kind: Kind::Tests, ..Reader::new(text) }
    }

    /// Reads a file of accounts, as a settings file is read.
    pub(crate) fn of_accounts(text: &'t str) -> Reader<'t> {
        Reader { kind: Kind::Accounts, ..Reader::new(text) }
    }

    /// The anchor or alias of the node that was handed out last.
    pub(crate) fn properties(&self) -> Properties {
        self.properties
    }

    /// All errors, when reading has ended.
    pub(crate) fn into_faults(self) -> Faults {
        self.faults
    }

    pub(super) fn new(text: &'t str) -> Reader<'t> {
        let whole = text;
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let blank = text.bytes().take(MAX_CHARACTERS as usize).take_while(|byte| is_blank(byte)).count();
        let content = &text[blank..];
        let (start, text, origin) = if content.starts_with(['{', '[']) {
            let before = &text[..text.len() - content.len()];
            let lines = before.replace("\r\n", "\n").matches(['\n', '\r']).count();
            let columns = before.len() - before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
            (DOCUMENT_START, content, (lines as u32, columns as i64 - DOCUMENT_START.len() as i64))
        } else {
            ("", text, (0, 0))
        };
        let ahead = Rc::new(Ahead { counted: Cell::new(MAX_AHEAD), characters: Cell::new(MAX_CHARACTERS) });
        let source = Guarded { source: start.chars().chain(text.chars()), ahead: Rc::clone(&ahead) };
        let parser = Parser::new_from_iter(source);
        Reader {
            text: whole,
            parser,
            ahead,
            origin,
            depth: 0,
            faults: Faults::default(),
            kind: Kind::Mapping,
            properties: Properties::default(),
        }
    }

    fn node_of(&mut self, event: Event<'t>, span: Span) -> Result<Node<'t>, Stop> {
        let at = self.place(span.start);
        self.properties = Properties::default();
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                self.refuse_properties(at, anchor, tag.is_some());
                if value.len() > MAX_TEXT {
                    let what = format!("a text of {} bytes; {MAX_TEXT} is the most", value.len());
                    let help = "shorten it; look for a quote that is not closed";
                    self.faults.push(Fault::at(at, what, help).code(Code::TooLarge));
                    return Ok(Node::Reported);
                }
                Ok(Node::Text(Text { at, value, plain: style == ScalarStyle::Plain }))
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_properties(at, anchor, tag.is_some());
                self.descend(span).map(|()| Node::List(at))
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_properties(at, anchor, tag.is_some());
                self.descend(span).map(|()| Node::Map(at))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.depth = self.depth.saturating_sub(1);
                Ok(Node::Close)
            }
            Event::Alias(anchor) if self.kind != Kind::Mapping && anchor > 0 => {
                self.properties.alias = anchor;
                Ok(Node::Reported)
            }
            Event::Alias(_) if self.kind != Kind::Mapping => {
                let help = "quote a text that starts with `*`, or name an anchor that stands above";
                self.faults.push(Fault::at(at, "`*` starts a YAML alias, and no anchor above has this name", help));
                Ok(Node::Reported)
            }
            Event::Alias(_) => {
                let help = "quote a wildcard: `\"*.example.com\"`; write a shared value out in each entry";
                let what = "`*` starts a YAML alias, which a mapping cannot have";
                self.faults.push(Fault::at(at, what, help).code(Code::YamlFeature));
                Ok(Node::Reported)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                self.stop_early(at)
            }
        }
    }

    fn refuse_properties(&mut self, at: Place, anchor: usize, tagged: bool) {
        if self.kind != Kind::Mapping {
            self.properties.anchor = anchor;
        } else if anchor > 0 {
            let help = "delete it, and write a shared value out in each entry";
            let what = "`&` starts a YAML anchor, which a mapping cannot have";
            self.faults.push(Fault::at(at, what, help).code(Code::YamlFeature));
        }
        if tagged {
            let file = self.kind.called();
            let what = format!("`!` starts a YAML tag, which {file} cannot have");
            self.faults.push(Fault::at(at, what, "delete it").code(Code::YamlFeature));
        }
    }

    fn descend(&mut self, span: Span) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let what = format!("nested deeper than {MAX_DEPTH} levels");
            let help = self.kind.help_for_depth();
            return self.stop(self.place(span.start), &what, help);
        }
        Ok(())
    }

    fn event(&mut self) -> Result<(Event<'t>, Span), Stop> {
        self.ahead.reset();
        let event = self.parser.next_event();
        if self.ahead.is_used_up() {
            let at = self.place(event.map_or_else(Marker::default, |event| match event {
                Ok((_, span)) => span.start,
                Err(fault) => *fault.marker(),
            }));
            let help = "write each entry on lines of its own, starting with `- `; or the whole file as JSON";
            let what = match self.ahead.counted.get() {
                0 => "a bracket or a comment that holds too much",
                _ => "a text or a comment without an end",
            };
            return self.stop(at, what, help);
        }
        match event {
            Some(Ok(event)) => Ok(event),
            // The parser has moved past the alias, so the rest of the file can still be checked.
            Some(Err(fault)) if fault.info().contains("unknown anchor") => {
                Ok((Event::Alias(0), Span::empty(*fault.marker())))
            }
            Some(Err(fault)) => self.stop_at_broken(&fault),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn stop_at_broken<T>(&mut self, fault: &ScanError) -> Result<T, Stop> {
        let Broken { at, what, help } = explain(fault.info(), self.place(*fault.marker()), self.text);
        let help = self.kind.help_for_broken(help);
        self.stop(at, &format!("broken YAML: {what} ({})", fault.info()), help)
    }

    fn stop_early<T>(&mut self, at: Place) -> Result<T, Stop> {
        self.stop(at, "broken YAML: the document ends too early", "complete the entry")
    }

    fn stop<T>(&mut self, at: Place, what: &str, help: &str) -> Result<T, Stop> {
        self.faults.push_last(Fault::at(at, what, help).code(Code::BrokenYaml));
        Err(Stop)
    }

    fn place(&self, mark: Marker) -> Place {
        let (lines, columns) = self.origin;
        let shift = if mark.line() <= 1 { columns } else { 0 };
        Place {
            line: u32::try_from(mark.line().max(1)).unwrap_or(u32::MAX).saturating_add(lines),
            column: u32::try_from((mark.col() as i64 + 1 + shift).max(1)).unwrap_or(u32::MAX),
        }
    }
}

impl<'t> Nodes<'t> for Reader<'t> {
    fn open(&mut self) -> Result<Option<Node<'t>>, Stop> {
        loop {
            match self.event()? {
                (Event::StreamStart | Event::DocumentStart(_), _) => {}
                (Event::StreamEnd, _) => return Ok(None),
                (event, span) => return self.node_of(event, span).map(Some),
            }
        }
    }

    fn close(&mut self) -> Result<(), Stop> {
        loop {
            match self.event()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), span) => {
                    let help = self.kind.help_for_documents();
                    return self.stop(self.place(span.start), "a second YAML document starts here", help);
                }
                _ => {}
            }
        }
    }

    fn node(&mut self) -> Result<Node<'t>, Stop> {
        let (event, span) = self.event()?;
        self.node_of(event, span)
    }

    fn value(&mut self) -> Result<Node<'t>, Stop> {
        let (event, span) = self.event()?;
        match event {
            Event::SequenceEnd | Event::MappingEnd => self.stop_early(self.place(span.start)),
            event => self.node_of(event, span),
        }
    }

    fn skip(&mut self, node: &Node<'t>) -> Result<(), Stop> {
        if !matches!(node, Node::List(_) | Node::Map(_)) {
            return Ok(());
        }
        let outside = self.depth - 1;
        while self.depth > outside {
            let (event, span) = self.event()?;
            match event {
                Event::SequenceStart(..) | Event::MappingStart(..) => self.descend(span)?,
                Event::SequenceEnd | Event::MappingEnd => self.depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<(u32, u32, String)> {
        let mut reader = Reader::new(source);
        let mut found = Vec::new();
        let mut next = reader.open().expect("well-formed");
        while let Some(node) = next {
            if let Node::Text(text) = node {
                found.push((text.at.line, text.at.column, text.value.into_owned()));
            }
            next = if reader.depth == 0 { None } else { Some(reader.node().expect("well-formed")) };
        }
        reader.close().expect("well-formed");
        found
    }

    #[test]
    fn places_count_characters_from_one() {
        let want = [(1, 1, "a"), (1, 5, "ä"), (1, 10, "b"), (2, 1, "c"), (2, 4, "d")];
        let want: Vec<_> = want.map(|(line, column, text)| (line, column, text.to_owned())).into();
        assert_eq!(texts("a: [ä  , b]\nc: d\n"), want);
    }

    #[test]
    fn json_keeps_its_places() {
        for (source, line, column) in
            [("{\"a\": \"b\"}", 1, 2), ("\r\n\n  {\"a\": \"b\"}", 3, 4), ("\n{\n\"a\": \"b\"\n}\n", 3, 1)]
        {
            assert_eq!(texts(source)[0], (line, column, "a".into()), "{source:?}");
        }
    }

    #[test]
    fn json_is_handed_out_as_it_is_read() {
        let long = format!("{{\"APIS\": [{}{{}}]}}", "{\"a\": [1, 2]},\n".repeat(200_000));
        let mut reader = Reader::new(&long);
        for _ in 0..4 {
            reader.open().expect("well-formed");
        }
        let read = MAX_AHEAD - reader.ahead.counted.get();
        assert!(read < 100, "the parser read {read} brackets, commas and colons ahead");
    }

    #[test]
    fn how_far_a_bracket_that_could_be_a_key_is_read_is_bounded() {
        let opens = |items: usize| {
            let text = format!("a:\n  [{}]", "b, ".repeat(items));
            let mut reader = Reader::new(&text);
            (0..3).all(|_| reader.open().is_ok())
        };
        assert!(opens(MAX_AHEAD as usize - 10));
        assert!(!opens(MAX_AHEAD as usize + 10));
    }

    #[test]
    fn skipping_passes_over_a_node_and_nothing_else() {
        let mut reader = Reader::new("- {a: [b, {c: d}]}\n- e\n");
        assert!(matches!(reader.open(), Ok(Some(Node::List(_)))));
        let node = reader.node().expect("well-formed");
        reader.skip(&node).expect("well-formed");
        assert!(matches!(reader.node(), Ok(Node::Text(text)) if text.value == "e"));
    }

    #[test]
    fn depth_is_bounded() {
        for deep in ["[".repeat(100), "- ".repeat(100) + "a", "{a: ".repeat(100), "? ".repeat(100)] {
            let mut reader = Reader::new(&deep);
            let mut nodes = 0;
            let mut going = reader.open().is_ok();
            while going {
                nodes += 1;
                going = reader.node().is_ok();
            }
            assert!(nodes < 100 && !reader.faults.is_empty(), "{deep}");
        }
    }
}
