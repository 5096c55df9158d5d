//! A tree of a settings file against what its keys may be: every error, and the values.

use std::collections::HashMap;

use serde_yaml::{Mapping, Value as Yaml};

use super::host_name::shown;
use super::keys::{SETTINGS, places_of, split_key};
use super::kind::{Key, Keys, List, Names, Scalar, Text, Value};
use super::problem::{Problem, Wrong};
use super::tree::{Name, Node, Shape};
use crate::diagnostic::nearest::{did_you_mean, nearest};
use crate::diagnostic::{Fault, Faults, Place};

/// The key that editors write and Nameplate ignores.
const SCHEMA: &str = "$schema";

/// A tree that has been read.
pub(super) struct Checked {
    /// The values, those with errors left out or replaced by one that is allowed.
    pub(super) value: Yaml,
    pub(super) faults: Faults,
    /// Where each key that is set stands: its own place where the value is a list or a map, else the value's.
    places: Vec<(String, Place)>,
    /// The keys with errors.
    wrong: Vec<String>,
    /// Whether errors quote whole lines, or only what they are about.
    quotes_lines: bool,
}

impl Checked {
    /// Checks a tree. Lines are only quoted of a file: what the environment holds may be secret.
    pub(super) fn of(root: Option<&Node>, faults: Faults, is_file: bool) -> Checked {
        let (places, wrong) = (Vec::new(), Vec::new());
        let faults = if is_file { faults } else { faults.without_text() };
        let mut checked = Checked { value: Yaml::Null, faults, places, wrong, quotes_lines: is_file };
        checked.value = match root {
            Some(root) => checked.root(root),
            None => Yaml::Mapping(Mapping::new()),
        };
        checked
    }

    /// Adds a problem at the place of its key, unless something it depends on is wrong already.
    pub(super) fn add(&mut self, problem: &Problem) {
        if !problem.is_about(&self.wrong) {
            let Problem { key, wrong: Wrong { what, help }, .. } = problem;
            let at = self.place(key);
            self.error(at, "", format!("{key}: {what}"), help.as_str());
        }
    }

    /// The place of a key, or of the next one around it that is set.
    pub(super) fn place(&self, key: &str) -> Place {
        place_in(&self.places, key)
    }

    /// The places of all keys.
    pub(super) fn into_places(self) -> Vec<(String, Place)> {
        self.places
    }

    fn root(&mut self, root: &Node) -> Yaml {
        match &root.shape {
            Shape::Text(scalar) if scalar.is_null => Yaml::Mapping(Mapping::new()),
            Shape::Map(keys) if keys.iter().any(|(name, _)| name.text == "APIS") => {
                let at = keys.iter().find(|(name, _)| name.text == "APIS").map_or(root.at, |(name, _)| name.at);
                let help = "name it with `mapping`, or on the command line; settings look like conf/nameplate.yaml";
                self.error(at, "", "this is a mapping, and settings are needed".into(), help);
                Yaml::Mapping(Mapping::new())
            }
            Shape::Map(keys) => self.keys(keys, &SETTINGS, ""),
            shape => {
                let what = format!("settings must be keys with values, and this is {}", shape.called());
                self.error(root.at, "", what, "write keys as in conf/nameplate.yaml: `threads: 2`");
                Yaml::Mapping(Mapping::new())
            }
        }
    }

    fn keys(&mut self, found: &[(Name, Node)], table: &Keys, path: &str) -> Yaml {
        let mut values = Mapping::new();
        let mut names: Vec<&str> = Vec::new();
        for (name, node) in self.unique(found, path) {
            let Some(key) = table.keys.iter().find(|key| key.name == name.text) else {
                self.unknown(name, table, path);
                continue;
            };
            names.push(key.name);
            let at = join(path, key.name);
            self.places.push((at.clone(), if matches!(node.shape, Shape::Text(_)) { node.at } else { name.at }));
            if key.name == SCHEMA {
                continue;
            }
            if let Some(value) = self.key(node, key, &at) {
                values.insert(Yaml::String(key.name.into()), value);
            }
        }
        Yaml::Mapping(values)
    }

    /// The keys, without those that stand a second time.
    fn unique<'n>(&mut self, found: &'n [(Name, Node)], path: &str) -> Vec<&'n (Name, Node)> {
        let mut kept: Vec<&(Name, Node)> = Vec::new();
        let mut seen = HashMap::new();
        for pair in found {
            let name = &pair.0;
            match seen.get(name.text.as_str()) {
                None => {
                    seen.insert(name.text.as_str(), name.at.line);
                    kept.push(pair);
                }
                Some(line) => {
                    self.wrong.push(join(path, &name.text));
                    let what = format!("`{}` is already on line {line}", join(path, &name.text));
                    self.key_error(name, what, "keep one of the two");
                }
            }
        }
        kept
    }

    fn unknown(&mut self, name: &Name, table: &Keys, path: &str) {
        let known: Vec<&str> = table.keys.iter().map(|key| key.name).filter(|name| *name != SCHEMA).collect();
        let elsewhere = places_of(&name.text);
        let near = nearest(&name.text, &known);
        let split = split_key(&name.text).filter(|_| path.is_empty() && near.is_none());
        let help = match (near, &elsewhere[..]) {
            _ if name.text == "<<" => "write the keys out: settings have no merge keys".into(),
            (None, [one]) => format!("it is a key of `{one}`: indent it below that"),
            (None, [first, rest @ ..]) if !rest.is_empty() => {
                let rest: Vec<_> = rest.iter().map(|place| format!("`{place}`")).collect();
                format!("it is a key of `{first}` and of {}: indent it below one of them", rest.join(" and "))
            }
            _ => match split {
                Some((outer, inner)) => format!("write `{outer}:`, and `{inner}:` on a line below it, indented"),
                None => did_you_mean(&name.text, &known),
            },
        };
        let inside = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
        // What it was meant to be is not missing.
        self.wrong.push(join(path, near.unwrap_or(&name.text)));
        self.key_error(name, format!("unknown key `{}`{inside}", shown(&name.text)), help);
    }

    /// The value of a known key; `None` where it is left out.
    fn key(&mut self, node: &Node, key: &Key, at: &str) -> Option<Yaml> {
        if let Shape::Text(scalar) = &node.shape
            && scalar.is_null
        {
            // A map whose keys are all commented out is empty.
            let is_map = matches!(key.value, Value::Keys(_) | Value::Named(..) | Value::Texts(..));
            let default = key.default.filter(|_| !is_map)?;
            let help = format!("write a value, or delete the key for its default, `{default}`");
            self.wrong(at, (node.at, format!("{at} has no value"), help));
            return None;
        }
        self.value(node, &key.value, at, key.why)
    }

    fn value(&mut self, node: &Node, value: &Value, at: &str, why: Option<&'static str>) -> Option<Yaml> {
        match (value, &node.shape) {
            (_, Shape::Reported) => {
                self.wrong.push(at.to_owned());
                None
            }
            (Value::Keys(table), Shape::Map(keys)) => self.table(node, keys, table, at),
            (Value::Named(table, names), Shape::Map(keys)) => Some(self.named(keys, (table, names), at)),
            (Value::Texts(names, text), Shape::Map(keys)) => Some(self.texts(keys, (names, text), at)),
            (Value::List(list), Shape::List(items)) => self.list(node, items, list, at, why),
            (Value::One(scalar), _) => Some(self.scalar(node, scalar, at, why)),
            (Value::List(list), shape) => {
                let what = format!("{at} must be a list, and this is {}", shape.called());
                self.wrong(at, (node.at, what, format!("write `{}`", list.example)));
                None
            }
            (Value::Keys(_) | Value::Named(..) | Value::Texts(..), shape) => {
                let what = format!("{at} must be keys with values, and this is {}", shape.called());
                let keys = match value {
                    Value::Keys(table) => table.keys.first().map(|key| key.name),
                    _ => None,
                };
                let name = at.rsplit('.').next().unwrap_or(at);
                let help = match keys {
                    Some(key) => {
                        format!("write its keys on lines of their own below `{name}:`, the first of them `{key}:`")
                    }
                    None => format!("write names and values on lines of their own below `{name}:`"),
                };
                self.wrong(at, (node.at, what, help));
                None
            }
        }
    }

    fn table(&mut self, node: &Node, found: &[(Name, Node)], table: &Keys, at: &str) -> Option<Yaml> {
        let before = self.wrong.len();
        let value = self.keys(found, table, at);
        // A misspelt key has been reported, and is not missing besides.
        if self.wrong.len() > before && (!table.required.is_empty() || table.together.is_some()) {
            let has_required = table.required.iter().all(|key| value.get(key).is_some());
            return (has_required && table.together.is_none()).then_some(value);
        }
        if let Some(key) = table.required.iter().find(|key| value.get(key).is_none()) {
            let example = table.keys.iter().find(|known| known.name == *key).map(|key| key.value.example());
            let help = format!("add `{key}: {}`", example.unwrap_or_default());
            self.wrong(at, (node.at, format!("{at} has no `{key}`"), help));
            return None;
        }
        if let Some(together) = table.together {
            let has: Vec<&str> = found.iter().map(|(name, _)| name.text.as_str()).collect();
            if let Err(Wrong { what, help }) = together(&has) {
                self.wrong(at, (node.at, format!("{at}: {what}"), help));
                return None;
            }
        }
        Some(value)
    }

    /// A key that its writer chose: checks it, and returns its path.
    fn free_key(&mut self, name: &Name, names: &Names, path: &str) -> String {
        let at = join(path, &name.text);
        if let Err(Wrong { what, help }) = (names.check)(&name.text) {
            self.wrong.push(at.clone());
            self.key_error(name, format!("{path}: {what}"), help);
        }
        at
    }

    fn named(&mut self, found: &[(Name, Node)], (table, names): (&Keys, &Names), path: &str) -> Yaml {
        let mut values = Mapping::new();
        for (name, node) in self.unique(found, path) {
            let at = self.free_key(name, names, path);
            self.places.push((at.clone(), name.at));
            let value = match &node.shape {
                Shape::Map(keys) => self.table(node, keys, table, &at),
                Shape::Text(scalar) if scalar.is_null => Some(Yaml::Mapping(Mapping::new())),
                shape => {
                    let what = format!("{at} must be keys with values, and this is {}", shape.called());
                    self.wrong(&at, (node.at, what, "write `name: ` and the endpoint's DNS name below it"));
                    None
                }
            };
            if let Some(value) = value {
                values.insert(Yaml::String(name.text.clone()), value);
            }
        }
        Yaml::Mapping(values)
    }

    fn texts(&mut self, found: &[(Name, Node)], (names, text): (&Names, &Text), path: &str) -> Yaml {
        let mut values = Mapping::new();
        for (name, node) in self.unique(found, path) {
            let at = self.free_key(name, names, path);
            self.places.push((at.clone(), node.at));
            let value = self.scalar(node, &Scalar::Text(*text), &at, None);
            values.insert(Yaml::String(name.text.clone()), value);
        }
        Yaml::Mapping(values)
    }

    fn list(&mut self, node: &Node, items: &[Node], list: &List, at: &str, why: Option<&'static str>) -> Option<Yaml> {
        if let (true, Some(help)) = (items.is_empty(), list.at_least_one) {
            self.wrong(at, (node.at, format!("{at} is empty"), help));
            return None;
        }
        let mut values = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let at = format!("{at}[{number}]");
            self.places.push((at.clone(), item.at));
            values.extend(self.value(item, list.item, &at, why));
        }
        Some(Yaml::Sequence(values))
    }

    fn scalar(&mut self, node: &Node, scalar: &Scalar, at: &str, why: Option<&'static str>) -> Yaml {
        if let Some(Wrong { what, help }) = type_error(scalar, &node.shape, at) {
            self.wrong(at, (node.at, what, help));
            return example(scalar);
        }
        let text = match &node.shape {
            Shape::Text(found) => found.text.as_str(),
            _ => "",
        };
        match scalar.check(text, why) {
            Ok(()) => yaml(scalar, text),
            Err(Wrong { what, help }) => {
                self.wrong.push(at.to_owned());
                self.error(node.at, text, format!("{at}: {what}"), help);
                example(scalar)
            }
        }
    }

    /// An error of a key's value.
    fn wrong(&mut self, at: &str, (place, what, help): (Place, String, impl Into<String>)) {
        self.wrong.push(at.to_owned());
        self.error(place, "", what, help);
    }

    /// An error at a key.
    fn key_error(&mut self, name: &Name, what: String, help: impl Into<String>) {
        self.error(name.at, &name.text, what, help);
    }

    /// An error that quotes its line, or outside of files these words of it alone: the rest may be secret.
    fn error(&mut self, place: Place, words: &str, what: String, help: impl Into<String>) {
        self.faults.push(match self.quotes_lines {
            true => Fault::at(place, what, help),
            false => Fault::in_value(place, words, 0, what, help),
        });
    }
}

/// The place of a key, or of the next one around it that has one.
pub(super) fn place_in(places: &[(String, Place)], key: &str) -> Place {
    let mut key = key;
    loop {
        if let Some((_, at)) = places.iter().find(|(known, _)| known == key) {
            return *at;
        }
        match key.rfind(['.', '[']) {
            Some(end) => key = &key[..end],
            None => return Place { line: 1, column: 1 },
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// What is wrong with the type of a value, if anything is.
fn type_error(scalar: &Scalar, shape: &Shape, at: &str) -> Option<Wrong> {
    let must_be =
        |is: &str, help: String| Some(Wrong::new(format!("{at} must be {}, and this is {is}", scalar.called()), help));
    let Shape::Text(found) = shape else { return must_be(shape.called(), scalar.how()) };
    if found.is_null {
        return Some(Wrong::new(format!("{at} has no value"), scalar.how()));
    }
    let checked = scalar.check(&found.text, None);
    match (found.other_type, scalar) {
        (Some("a number"), _) if scalar.may_be_number() => None,
        // Its own error says more.
        (_, Scalar::Flag) if checked.is_err() || found.other_type.is_some() => None,
        (Some(other), Scalar::Text(_)) if checked.is_ok() => {
            must_be(other, format!("write it in quotes: `\"{}\"`", found.text))
        }
        (Some(other), _) => must_be(other, checked.err().map_or_else(|| scalar.how(), |wrong| wrong.help)),
        (None, _) if scalar.must_be_plain() && checked.is_ok() => {
            must_be("text", format!("write it without quotes: `{}`", found.text))
        }
        (None, _) => None,
    }
}

/// A value as serde reads it.
fn yaml(scalar: &Scalar, text: &str) -> Yaml {
    match scalar {
        Scalar::Flag => Yaml::Bool(text.eq_ignore_ascii_case("true")),
        Scalar::Integer { .. } => text.parse::<u64>().map_or(Yaml::Null, Yaml::from),
        Scalar::Percent => text.parse::<f64>().map_or(Yaml::Null, Yaml::from),
        _ => Yaml::String(text.to_owned()),
    }
}

fn example(scalar: &Scalar) -> Yaml {
    yaml(scalar, &scalar.example())
}
