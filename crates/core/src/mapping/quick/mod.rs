//! The form nearly every mapping has, read without the generality of YAML.
//!
//! **Invariant:** what this reads to its end, [`super::document::Reader`] reads alike, node for node.
//! At whatever it is not sure of it gives up, without a word: the other reader then starts anew, and
//! says what is wrong and where. A property test holds the two together.
//!
//! A parser of all of YAML looks at every character several times. Of a mapping of 100,000 entries
//! that was most of the time from a changed file to a changed table.

mod block;
mod json;

use super::document::{MAX_TEXT, Node, Nodes, Stop};
use crate::diagnostic::{Faults, Place};
use block::Block;
use json::Json;

/// Reads a mapping in block form, or as JSON.
pub(super) struct Quick<'t> {
    form: Form<'t>,
    faults: Faults,
}

enum Form<'t> {
    Block(Block<'t>),
    Json(Json<'t>),
}

impl<'t> Quick<'t> {
    /// `None` where the first line already is another form.
    pub(super) fn new(text: &'t str) -> Option<Quick<'t>> {
        let form =
            if text.starts_with('{') { Form::Json(Json::new(text)) } else { Form::Block(Block::new(text).ok()?) };
        Some(Quick { form, faults: Faults::default() })
    }
}

impl<'t> Nodes<'t> for Quick<'t> {
    fn open(&mut self) -> Result<Option<Node<'t>>, Stop> {
        match &mut self.form {
            Form::Block(_) => Ok(Some(Node::Map(on_line(1)))),
            Form::Json(json) => json.value().map(Some),
        }
    }

    fn close(&mut self) -> Result<(), Stop> {
        match &mut self.form {
            Form::Block(block) => block.end(),
            Form::Json(json) => json.end(),
        }
    }

    fn node(&mut self) -> Result<Node<'t>, Stop> {
        match &mut self.form {
            Form::Block(block) => block.node(),
            Form::Json(json) => json.node(),
        }
    }

    fn value(&mut self) -> Result<Node<'t>, Stop> {
        match &mut self.form {
            Form::Block(block) => block.node(),
            Form::Json(json) => json.node(),
        }
    }

    fn skip(&mut self, _node: &Node<'t>) -> Result<(), Stop> {
        // Only what is at fault is passed over.
        Err(Stop)
    }

    fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }
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
        let mut reader = Quick::new(text)?;
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
    fn json_is_read() {
        let text = "{\"APIS\":[\n{\"A\": \"b\",\n \"V\":[\"G\" , \"P\"]}, {}\n]}\n";
        let want = "1:{ 1:APIS 1:[ 2:{ 2:A 2:b 3:V 3:[ 3:G 3:P end end 3:{ end end end";
        assert_eq!(nodes(text).expect("JSON").join(" "), want);
    }

    #[test]
    fn whatever_is_not_sure_is_given_up() {
        for text in [
            "",
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
            "{\"APIS\": [{\"A\": 1}]}",
            "{\"APIS\": [{\"A\" : \"b\"}]}",
            "{\"APIS\": [{\"A\": \"b\"},]}",
            "{\"APIS\": [{\"A\": \"b\"}]} x",
            "{\"APIS\": [{\"A\": \"\\u0041\"}]}",
        ] {
            assert_eq!(nodes(text), None, "{text:?}");
        }
    }
}
