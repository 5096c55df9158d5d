//! The text of a mapping to a table, or to every fault in it.
//!
//! **Invariant:** a table comes out only of a text without a single fault. The text is read once,
//! entry by entry; what one entry gets wrong keeps no other from being checked.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::marker::PhantomData;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::characters::{first_odd, odd_in_value};
use super::custom_domain::CustomDomain;
use super::damage::Damage;
use super::document::{Node, Nodes, Reader, Stop, Text};
use super::encoding::without_mark;
use super::entry::{HOST, Key, OBSOLETE, REFERER, RESPONSE, VerbList, choice, meant_key, unknown_key};
use super::head::{Head, HeadKey};
use super::other_files;
use super::overrides;
use super::placeholder;
use super::quick::Quick;
use crate::diagnostic::nearest::nearest;
use crate::diagnostic::{Code, Diagnostics, Fault, Faults, NOTHING, Place};
use crate::domain::api::PrivateApi;
use crate::domain::base_path::BasePath;
use crate::domain::host::Host;
use crate::domain::overrides::Overrides;
use crate::domain::pace::Pace;
use crate::domain::route::{Choices, Drafts, Route};
use crate::domain::table::MappingTable;
use crate::domain::verbs::VerbSet;

/// What the text of a mapping, or of one part of it, says.
#[derive(Debug, Default)]
pub struct PartText {
    /// Its entries, in their order.
    pub routes: Vec<Route>,
    /// Who answers for them, where it says so.
    pub head: Head,
}

/// Compiles the text of a mapping; `file` is how faults name it. `endpoints` are the names that
/// ENDPOINT may have, where the settings are at hand.
pub fn compile(text: &str, file: &str, endpoints: Option<&[String]>) -> Result<MappingTable, Diagnostics> {
    compile_paced(text, file, endpoints, Pace::default())
}

/// As [`compile`], in short steps.
pub(super) fn compile_paced(
    text: &str,
    file: &str,
    endpoints: Option<&[String]>,
    pace: Pace,
) -> Result<MappingTable, Diagnostics> {
    compile_part_paced(text, file, endpoints, pace).map(|part| MappingTable::new_paced(part.routes, pace))
}

/// As [`compile`], in short steps, and without a table.
pub(super) fn compile_part_paced(
    text: &str,
    file: &str,
    endpoints: Option<&[String]>,
    pace: Pace,
) -> Result<PartText, Diagnostics> {
    let text = without_mark(text, file)?;
    if let Some(fault) = other_files::by_start(text) {
        let mut faults = Faults::default();
        faults.push(fault);
        return Err(faults.locate(text, file));
    }
    match quickly(text, endpoints, pace) {
        Some(part) => Ok(part),
        None => with_places(text, file, endpoints, pace),
    }
}

/// Compiles a mapping in the block form nearly every mapping has, in a third of the time. `None` where it
/// has another form or any fault: [`with_places`] then has the word.
fn quickly(text: &str, endpoints: Option<&[String]>, pace: Pace) -> Option<PartText> {
    let mut compiler = Compiler::new(Quick::new(text).ok()?, text.len(), endpoints, pace);
    let read = compiler.document();
    (read.is_ok() && compiler.faults().is_empty()).then(|| compiler.finish())
}

/// Compiles whatever a mapping may be, or says where it is at fault.
fn with_places(text: &str, file: &str, endpoints: Option<&[String]>, pace: Pace) -> Result<PartText, Diagnostics> {
    let found = match undamaged(text, file, endpoints, pace) {
        Err(found) => found,
        part => return part,
    };
    let Some(damage) = Damage::of(text) else { return Err(found) };
    let others = undamaged(&damage.repaired, file, endpoints, pace).err();
    Err(damage.diagnose(text, file, others))
}

/// As [`with_places`]; takes every line as it is.
fn undamaged(text: &str, file: &str, endpoints: Option<&[String]>, pace: Pace) -> Result<PartText, Diagnostics> {
    let mut compiler = Compiler::new(Reader::new(text), text.len(), endpoints, pace);
    match compiler.document() {
        Ok(()) if compiler.faults().is_empty() => Ok(compiler.finish()),
        _ => Err(std::mem::take(compiler.faults()).locate(text, file)),
    }
}

/// Reads a document into routes.
struct Compiler<'t, N> {
    reader: N,
    drafts: Drafts,
    /// The drafts by domain: their places in `drafts`.
    claims: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The domains of entries that made no route, with their lines.
    broken: HashMap<String, u32>,
    endpoints: Option<&'t [String]>,
    pace: Pace,
    head: Head,
    text: PhantomData<&'t str>,
}

/// What has been read of an entry.
#[derive(Default)]
struct Entry<'t> {
    /// The line of each key, by [`Key`].
    lines: [Option<u32>; Key::NAMES.len()],
    /// The keys that unknown ones were probably meant to be.
    meant: [bool; Key::NAMES.len()],
    domain: Option<(Text<'t>, Host, BasePath)>,
    api: Option<PrivateApi>,
    choices: Choices,
    overrides: Overrides,
}

/// Entries read between two offers of the core.
const ENTRIES_READ: u32 = 64;

const APIS: &str = "APIS";
const ENTRY_HELP: &str = "write `- CUSTOM_DOMAIN_URL: ...`, and PRIVATE_API_URL under it";
const LIST_HELP: &str = "write `APIS:`, and under it one entry for each domain, starting with `- CUSTOM_DOMAIN_URL: `";

impl<'t, N: Nodes<'t>> Compiler<'t, N> {
    fn new(reader: N, size: usize, endpoints: Option<&'t [String]>, pace: Pace) -> Compiler<'t, N> {
        let drafts = Drafts::of_file(size);
        Compiler {
            reader,
            claims: HashTable::with_capacity(drafts.room()),
            drafts,
            hasher: DefaultHashBuilder::default(),
            broken: HashMap::new(),
            endpoints,
            pace,
            head: Head::default(),
            text: PhantomData,
        }
    }

    fn finish(self) -> PartText {
        PartText { routes: self.drafts.finish(), head: self.head }
    }

    fn faults(&mut self) -> &mut Faults {
        self.reader.faults()
    }

    fn fault(&mut self, code: Code, at: Place, what: impl Into<String>, help: impl Into<String>) {
        self.faults().push(Fault::at(at, what, help).code(code));
    }

    fn document(&mut self) -> Result<(), Stop> {
        match self.reader.open()? {
            None => self.fault(Code::EmptyFile, Place { line: 1, column: 1 }, NOTHING, LIST_HELP),
            Some(Node::Text(text)) if text.is_null() => self.fault(Code::EmptyFile, text.at, NOTHING, LIST_HELP),
            Some(Node::Map(at)) => self.top_level(at)?,
            Some(node) => {
                self.wrong_type("the mapping", "must start with", "the key `APIS`", &node, LIST_HELP);
                self.reader.skip(&node)?;
            }
        }
        self.reader.close()
    }

    /// The next key of the keys and values that are open; `None` where they end. One that is no text
    /// is reported and passed over.
    fn key(&mut self) -> Result<Option<Text<'t>>, Stop> {
        loop {
            match self.reader.node()? {
                Node::Close => return Ok(None),
                Node::Text(key) => return Ok(Some(key)),
                node => self.key_is_no_text(&node)?,
            }
        }
    }

    fn top_level(&mut self, at: Place) -> Result<(), Stop> {
        let mut first: Option<u32> = None;
        let mut unknown = Vec::new();
        while let Some(key) = self.key()? {
            let value = self.reader.value()?;
            if let Some(named) = HeadKey::named(&key.value) {
                self.head_key(named, &key, &value)?;
            } else if key.value != APIS {
                self.reader.skip(&value)?;
                unknown.push(key);
            } else if let Some(line) = first {
                self.duplicate_key(&key, line, "move its entries there, and delete it");
                self.reader.skip(&value)?;
            } else {
                first = Some(key.at.line);
                self.entries(&key, value)?;
            }
        }
        let names = || unknown.iter().map(|key| &*key.value);
        if first.is_none() {
            if let Some(fault) = unknown.first().and_then(|key| other_files::by_keys(key.at, names())) {
                self.faults().push(fault);
                return Ok(());
            }
            if !names().any(|name| nearest(name, &[APIS]).is_some() || first_odd(name).is_some() || name.contains(APIS))
            {
                self.fault(Code::MissingKey, at, "the key `APIS` is missing", LIST_HELP);
            }
        }
        for key in &unknown {
            self.faults().push(unknown_key(key, &[APIS, "OWNER", "CONTACT"]));
        }
        Ok(())
    }

    /// A key that stands beside `APIS`.
    fn head_key(&mut self, named: HeadKey, key: &Text<'t>, value: &Node<'t>) -> Result<(), Stop> {
        if let Some(line) = self.head.line_of(named) {
            self.duplicate_key(key, line, "keep one of the two");
        } else if let Node::Text(text) = value
            && !text.is_null()
        {
            if let Err(fault) = self.head.read(named, text) {
                let fault = plainer(text, &fault).unwrap_or(fault);
                self.faults().push(fault);
            }
        } else if matches!(value, Node::Text(_)) {
            self.fault(Code::MissingValue, key.at, format!("{} has no value", named.name()), named.help());
        } else {
            self.wrong_type(named.name(), "must be", "text", value, named.help());
        }
        self.reader.skip(value)
    }

    fn entries(&mut self, key: &Text<'t>, list: Node<'t>) -> Result<(), Stop> {
        match list {
            Node::List(_) => {}
            Node::Text(text) if text.is_null() => {
                self.fault(Code::MissingValue, key.at, "APIS has no value", LIST_HELP);
                return Ok(());
            }
            node => {
                self.wrong_type(APIS, "must be", "a list", &node, LIST_HELP);
                return self.reader.skip(&node);
            }
        }
        let mut count = 0_usize;
        let mut steps = self.pace.every(ENTRIES_READ);
        loop {
            steps.step();
            if self.faults().is_full() {
                return Err(Stop);
            }
            match self.reader.node()? {
                Node::Close => break,
                Node::Map(at) => self.entry(at)?,
                Node::Text(text) if text.is_null() => {
                    self.fault(Code::MissingValue, text.at, "an entry is empty", ENTRY_HELP);
                }
                node => {
                    self.wrong_type("an entry", "must be", "keys with values", &node, ENTRY_HELP);
                    self.reader.skip(&node)?;
                }
            }
            count += 1;
        }
        if count == 0 {
            self.fault(Code::MissingValue, key.at, "APIS lists no entry", LIST_HELP);
        }
        Ok(())
    }

    fn entry(&mut self, at: Place) -> Result<(), Stop> {
        let mut entry = Entry::default();
        while let Some(name) = self.key()? {
            let value = self.reader.value()?;
            match Key::named(&name.value) {
                None if name.value == OBSOLETE => self.reader.skip(&value)?,
                None => {
                    if let Some(meant) = meant_key(&name.value) {
                        entry.meant[meant as usize] = true;
                    }
                    self.faults().push(unknown_key(&name, &Key::NAMES));
                    self.reader.skip(&value)?;
                }
                Some(key) => match entry.lines[key as usize] {
                    Some(line) => {
                        self.duplicate_key(&name, line, "keep one; an entry without it starts with `- `");
                        self.reader.skip(&value)?;
                    }
                    None => {
                        entry.lines[key as usize] = Some(name.at.line);
                        self.value(&mut entry, key, &name, value)?;
                    }
                },
            }
        }
        for key in [Key::Domain, Key::Api] {
            if entry.lines[key as usize].is_none() && !entry.meant[key as usize] {
                self.fault(Code::MissingKey, at, format!("the entry has no {}", key.name()), key.help());
            }
        }
        self.claim(entry);
        Ok(())
    }

    fn value(&mut self, entry: &mut Entry<'t>, key: Key, name: &Text<'t>, value: Node<'t>) -> Result<(), Stop> {
        if let (Key::Verbs, Node::List(_)) = (key, &value) {
            return self.verb_list(entry, name);
        }
        let text = match value {
            Node::Text(text) if text.is_null() || text.value.is_empty() => {
                self.fault(Code::MissingValue, name.at, format!("{} has no value", key.name()), key.help());
                return Ok(());
            }
            // What is a number to YAML may be a timeout to us, and says what is wrong with it otherwise.
            Node::Text(text) if text.other_type().is_none() || key.reads_any() => text,
            node => {
                let want = if key == Key::Verbs { "text or a list" } else { "text" };
                self.wrong_type(key.name(), "must be", want, &node, key.help());
                return self.reader.skip(&node);
            }
        };
        match self.text(entry, key, name, &text) {
            Ok(Some((host, base))) => entry.domain = Some((text, host, base)),
            Ok(None) => {}
            Err(fault) => {
                let fault = plainer(&text, &fault).unwrap_or(fault);
                self.faults().push(fault);
            }
        }
        Ok(())
    }

    /// Reads the value of a key. Returns what CUSTOM_DOMAIN_URL says, and puts every other one into its entry.
    fn text(
        &mut self,
        entry: &mut Entry<'t>,
        key: Key,
        name: &Text<'t>,
        text: &Text<'t>,
    ) -> Result<Option<(Host, BasePath)>, Fault> {
        let value = &*text.value;
        match key {
            Key::Domain => {
                let CustomDomain { host, base } = CustomDomain::parse(value).map_err(|fault| {
                    Fault::in_value(text.at, value, fault.offset, fault.what, fault.help).code(fault.code)
                })?;
                return Ok(Some((host, base)));
            }
            Key::Api => {
                let api = PrivateApi::parse(value).map_err(|fault| {
                    let (what, help) = (fault.kind.to_string(), fault.kind.help());
                    Fault::in_value(text.at, value, fault.range.start, what, help).code(fault.kind.code())
                })?;
                entry.api = Some(api);
            }
            Key::Verbs => {
                let mut list = VerbList::new();
                list.add_all(text, |fault| self.faults().push(fault));
                entry.choices.verbs = list.finish(name.at)?;
            }
            Key::Referer => entry.choices.referer = choice(key, text, &REFERER)?,
            Key::Host => entry.choices.host = choice(key, text, &HOST)?,
            Key::Response => entry.choices.response = choice(key, text, &RESPONSE)?,
            Key::Endpoint => entry.overrides.endpoint = overrides::endpoint(text, self.endpoints)?,
            Key::Timeout => entry.overrides.timeouts = overrides::timeouts(text)?,
            Key::RateLimit => entry.overrides.rate = Some(overrides::rate(text)?),
            Key::Probe => entry.overrides.probe = Some(overrides::probe(text)?),
        }
        Ok(None)
    }

    fn verb_list(&mut self, entry: &mut Entry<'t>, name: &Text<'t>) -> Result<(), Stop> {
        let mut list = VerbList::new();
        let mut reported = false;
        loop {
            match self.reader.node()? {
                Node::Close => break,
                Node::Text(verb) if !verb.is_null() && verb.other_type().is_none() => {
                    if let Err(fault) = list.add(&verb, 0, &verb.value) {
                        self.faults().push(fault);
                    }
                }
                node => {
                    reported = true;
                    self.wrong_type("a verb", "must be", "text", &node, Key::Verbs.help());
                    self.reader.skip(&node)?;
                }
            }
        }
        match list.finish(name.at) {
            Ok(verbs) => entry.choices.verbs = verbs,
            Err(_) if reported => entry.choices.verbs = VerbSet::NONE,
            Err(fault) => self.faults().push(fault),
        }
        Ok(())
    }

    /// Makes the entry's route, unless its domain is mapped already.
    fn claim(&mut self, entry: Entry<'t>) {
        let Some((text, host, base)) = entry.domain else { return };
        let Compiler { drafts, claims, hasher, broken, .. } = self;
        let wanted = (host.as_str().as_bytes(), base.as_str().as_bytes());
        let hash = hasher.hash_one(wanted);
        let of_draft = claims.find(hash, |at| drafts.domain(*at) == wanted).map(|at| drafts.line(*at));
        let domain = || format!("{host}{base}");
        let of_broken = || if broken.is_empty() { None } else { broken.get(&domain()).copied() };
        if let Some(line) = of_draft.or_else(of_broken) {
            let what = format!("`{host}{base}` is already mapped on line {line}");
            let help = "delete one of the two entries: a domain with its base path stands for one API";
            let fault = Fault::in_value(text.at, &text.value, 0, what, help).code(Code::DuplicateDomain);
            return self.faults().push(fault);
        }
        let Some(api) = entry.api else {
            broken.insert(domain(), text.at.line);
            return;
        };
        let at = drafts.len() as u32;
        drafts.push_with(&host, &base, &api, (entry.choices, entry.overrides), text.at.line);
        claims.insert_unique(hash, at, |at| hasher.hash_one(drafts.domain(*at)));
    }

    fn duplicate_key(&mut self, key: &Text<'t>, line: u32, help: &str) {
        self.fault(Code::DuplicateKey, key.at, format!("`{}` is already on line {line}", key.value), help);
    }

    fn key_is_no_text(&mut self, node: &Node<'t>) -> Result<(), Stop> {
        self.wrong_type(
            "a key",
            "must be",
            "text",
            node,
            "write `KEY: value`; quote a value that starts with `{` or `[`",
        );
        self.reader.skip(node)?;
        let value = self.reader.value()?;
        self.reader.skip(&value)
    }

    fn wrong_type(&mut self, subject: &str, must: &str, want: &str, node: &Node<'t>, help: &str) {
        if let Node::Text(text) = node
            && let Some(fault) = placeholder::in_value(text.at, &text.value, false)
        {
            return self.faults().push(fault);
        }
        let (at, found) = match node {
            Node::Text(text) => (text.at, if text.is_null() { "empty" } else { text.other_type().unwrap_or("text") }),
            Node::List(at) => (*at, "a list"),
            Node::Map(at) => (*at, "keys with values"),
            Node::Close | Node::Reported => return,
        };
        self.fault(Code::WrongType, at, format!("{subject} {must} {want}, and this is {found}"), help);
    }
}

/// What is wrong with a value before whatever its key's own rules say: a character that is not what it looks like, or a
/// placeholder. Without either, `None`.
fn plainer(text: &Text<'_>, fault: &Fault) -> Option<Fault> {
    let is_key = |word: &&str| Key::named(word).is_some();
    if let Some(key) = text.value.split([' ', '\n']).skip(1).find(is_key).filter(|_| text.plain) {
        let what = format!("the line of {key} is read as part of this value");
        let help = "indent it like the keys above, or start it with `- `";
        return Some(Fault::in_value(text.at, &text.value, 0, what, help).code(Code::BrokenYaml));
    }
    let braces = !fault.is(Code::BadPath);
    odd_in_value(text.at, &text.value).or_else(|| placeholder::in_value(text.at, &text.value, braces))
}

#[cfg(test)]
mod tests;
