//! The text of a settings file, or of a file of owners, as a tree of nodes with places.
//!
//! The reader is the mapping's. Such a file is small, so that all of it may be in memory; aliases are written out, and
//! the nodes they make are counted.

use std::collections::HashMap;

use crate::diagnostic::nearest::did_you_mean;
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::mapping::document::{self, Nodes, Reader, Stop};

/// The most keys and values of a settings file, those that aliases stand for included: 100 endpoints have about 3,000.
const MAX_NODES: usize = 100_000;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) shape: Shape,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// A scalar.
    Text(Scalar),
    /// Values in their order.
    List(Vec<Node>),
    /// Keys with values in their order, duplicates included.
    Map(Vec<(Name, Node)>),
    /// A value whose error has been reported already.
    Reported,
}

/// A scalar as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// What YAML reads it as, where that is not text.
    pub(crate) other_type: Option<&'static str>,
    /// Without quotes and empty, `~` or `null`.
    pub(crate) is_null: bool,
}

/// A key with its place.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) at: Place,
    pub(crate) text: String,
}

/// Returns the keys without those that stand a second time, which are errors, and without those that are not `known`.
pub(crate) fn unique<'n>(keys: &'n [(Name, Node)], known: &[&str], faults: &mut Faults) -> Vec<&'n (Name, Node)> {
    let mut kept: Vec<&(Name, Node)> = Vec::new();
    for pair in keys {
        let name = &pair.0;
        if !known.contains(&name.text.as_str()) {
            let (what, help) = (format!("unknown key `{}`", name.text), did_you_mean(&name.text, known));
            faults.push(Fault::at(name.at, what, help).code(Code::UnknownKey));
        } else if let Some((first, _)) = kept.iter().find(|(other, _)| other.text == name.text) {
            let what = format!("`{}` is already on line {}", name.text, first.at.line);
            faults.push(Fault::at(name.at, what, "keep one of the two").code(Code::DuplicateKey));
        } else {
            kept.push(pair);
        }
    }
    kept
}

impl Shape {
    /// What it is, as errors call it.
    pub(crate) fn called(&self) -> &'static str {
        match self {
            Shape::Text(scalar) if scalar.is_null => "nothing",
            Shape::Text(scalar) => scalar.other_type.unwrap_or("text"),
            Shape::List(_) => "a list",
            Shape::Map(_) => "keys with values",
            Shape::Reported => "an error",
        }
    }
}

/// Reads a text. `None` where it has no value at all, or none that can be read; the errors tell which.
pub(crate) fn read(text: &str) -> (Option<Node>, Faults) {
    read_with(Reader::of_settings(text), MAX_NODES)
}

/// As [`read`], of a file of owners.
pub(crate) fn read_owners(text: &str) -> (Option<Node>, Faults) {
    read_with(Reader::of_owners(text), MAX_NODES)
}

/// As [`read`], of a file of tests, which may have `most` keys and values.
pub(crate) fn read_tests(text: &str, most: usize) -> (Option<Node>, Faults) {
    read_with(Reader::of_tests(text), most)
}

/// As [`read`], of a file of accounts.
pub(crate) fn read_accounts(text: &str) -> (Option<Node>, Faults) {
    read_with(Reader::of_accounts(text), MAX_NODES)
}

fn read_with(reader: Reader<'_>, most: usize) -> (Option<Node>, Faults) {
    let mut tree = Tree { reader, anchors: HashMap::new(), nodes: 0, most };
    let root = tree.root().unwrap_or(None);
    (root, tree.reader.into_faults())
}

struct Tree<'t> {
    reader: Reader<'t>,
    /// The nodes with anchors that are complete, and how many nodes each has.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    /// The most of them.
    most: usize,
}

impl<'t> Tree<'t> {
    fn root(&mut self) -> Result<Option<Node>, Stop> {
        let Some(first) = self.reader.open()? else { return Ok(None) };
        let root = self.node(first)?;
        self.reader.close()?;
        Ok(Some(root))
    }

    fn node(&mut self, node: document::Node<'t>) -> Result<Node, Stop> {
        let properties = self.reader.properties();
        let before = self.nodes;
        let node = match node {
            document::Node::Text(text) => {
                self.count(1, text.at)?;
                let (other_type, is_null) = (text.other_type(), text.is_null());
                let scalar = Scalar { text: text.value.into_owned(), other_type, is_null };
                Node { at: text.at, shape: Shape::Text(scalar) }
            }
            document::Node::List(at) => {
                self.count(1, at)?;
                Node { at, shape: Shape::List(self.items()?) }
            }
            document::Node::Map(at) => {
                self.count(1, at)?;
                Node { at, shape: Shape::Map(self.keys()?) }
            }
            document::Node::Reported if properties.alias > 0 => self.alias(properties.alias)?,
            // A list's and a map's ends are taken by `items` and `keys`.
            document::Node::Reported | document::Node::Close => {
                Node { at: Place { line: 1, column: 1 }, shape: Shape::Reported }
            }
        };
        if properties.anchor > 0 {
            self.anchors.insert(properties.anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn items(&mut self) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        loop {
            match self.reader.node()? {
                document::Node::Close => return Ok(items),
                node => items.push(self.node(node)?),
            }
        }
    }

    fn keys(&mut self) -> Result<Vec<(Name, Node)>, Stop> {
        let mut keys = Vec::new();
        loop {
            let name = match self.reader.node()? {
                document::Node::Close => return Ok(keys),
                document::Node::Text(text) => Some(Name { at: text.at, text: text.value.into_owned() }),
                node => {
                    let at = match &node {
                        document::Node::List(at) | document::Node::Map(at) => Some(*at),
                        _ => None,
                    };
                    self.reader.skip(&node)?;
                    if let Some(at) = at {
                        let help = "write `key: value`; for a placeholder, put its value";
                        self.reader.faults().push(Fault::at(at, "a key must be text", help));
                    }
                    None
                }
            };
            let value = self.reader.value()?;
            let value = self.node(value)?;
            keys.extend(name.map(|name| (name, value)));
        }
    }

    /// What an alias stands for, with the place where that is written.
    fn alias(&mut self, anchor: usize) -> Result<Node, Stop> {
        match self.anchors.get(&anchor).cloned() {
            Some((node, nodes)) => {
                self.count(nodes, node.at)?;
                Ok(node)
            }
            // A node that contains itself: it has no end.
            None => {
                let at = Place { line: 1, column: 1 };
                self.reader.faults().push_last(Fault::at(
                    at,
                    "an alias stands for a value that contains it",
                    "delete it",
                ));
                Err(Stop)
            }
        }
    }

    fn count(&mut self, more: usize, at: Place) -> Result<(), Stop> {
        self.nodes += more;
        if self.nodes <= self.most {
            return Ok(());
        }
        let what = format!("over {} keys and values, those that aliases stand for included", self.most);
        self.reader.faults().push_last(Fault::at(
            at,
            what,
            "check the path: the file is too large for one of its kind",
        ));
        Err(Stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(node: &Node) -> String {
        match &node.shape {
            Shape::Text(scalar) => scalar.text.clone(),
            Shape::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
            Shape::Map(keys) => {
                let keys = keys.iter().map(|(name, node)| format!("{}:{}", name.text, shown(node)));
                format!("{{{}}}", keys.collect::<Vec<_>>().join(" "))
            }
            Shape::Reported => "!".into(),
        }
    }

    #[test]
    fn aliases_are_written_out() {
        let (root, errors) = read("a: &nets [x, y]\nb: *nets\nc: {d: &t z, e: *t}\n");
        assert!(errors.is_empty());
        assert_eq!(shown(&root.expect("a tree")), "{a:[x y] b:[x y] c:{d:z e:z}}");
    }

    #[track_caller]
    fn error(text: &str, want: &str) {
        let found = read(text).1.locate(text, "f").to_string();
        assert!(found.contains(want), "{found}");
    }

    #[test]
    fn what_would_be_endless_ends() {
        let bomb = (1..9).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
            let alias = format!("*a{}", n - 1);
            text + &format!("a{n}: &a{n} [{}]\n", [alias.as_str(); 9].join(", "))
        });
        error(&bomb, "over 100000 keys and values");
        error("a: &a [*a]\n", "contains it");
        error(&"[".repeat(99), "nested deeper than 16 levels");
    }

    #[test]
    fn what_settings_cannot_have_says_so() {
        error("a: *nowhere\n", "no anchor above has this name");
        error("a: !secret x\n", "which a settings file cannot have");
        error("a: 1\n---\nb: 2\n", "keep all keys in one document");
        error("? {a: b}\n: c\n", "a key must be text");
    }
}
