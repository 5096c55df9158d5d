//! The text of a mapping to a table, or to every fault in it.
//!
//! **Invariant:** a table comes out only of a text without a single fault. The text is read once,
//! entry by entry; what one entry gets wrong keeps no other from being checked.

use std::collections::HashMap;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::custom_domain::CustomDomain;
use super::diagnostic::{Diagnostics, Fault, Place};
use super::document::{Node, Reader, Stop, Text};
use super::entry::{HOST, Key, REFERER, RESPONSE, VerbList, choice, unknown_key};
use super::nearest::{did_you_mean, nearest};
use crate::domain::api::PrivateApi;
use crate::domain::host::Host;
use crate::domain::route::{Choices, Route};
use crate::domain::table::MappingTable;
use crate::domain::verbs::VerbSet;

/// The largest mapping that is read: well over a million entries. What is larger is another file.
pub const MAX_FILE: u64 = 256 * 1024 * 1024;

/// Why a mapping file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadFault {
    /// The file could not be opened or read.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The file was read, and is no mapping.
    #[error("{0}")]
    Invalid(Diagnostics),
}

/// Compiles a mapping file.
pub fn compile_file(path: &Path) -> Result<MappingTable, LoadFault> {
    let io = |error| LoadFault::Io { path: path.into(), error };
    let file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let name = path.display().to_string();
    if size > MAX_FILE {
        return Err(LoadFault::Invalid(too_large(&name, &format!("it has {size} bytes, and "))));
    }
    compile_sized(file, &name, size as usize).map_err(io)?.map_err(LoadFault::Invalid)
}

/// Compiles what a reader gives; `file` is how faults name it. Reads no more than [`MAX_FILE`].
pub fn compile_reader(reader: impl Read, file: &str) -> io::Result<Result<MappingTable, Diagnostics>> {
    compile_sized(reader, file, 0)
}

fn compile_sized(reader: impl Read, file: &str, size: usize) -> io::Result<Result<MappingTable, Diagnostics>> {
    Ok(match read_up_to(MAX_FILE, reader, size)? {
        Some(bytes) => compile_bytes(&bytes, file),
        None => Err(too_large(file, "")),
    })
}

/// Everything a reader gives, unless that is over `limit` bytes. `expected` bytes are made room for
/// at once: grown by doubling, the buffer of a large file would leave twice its size behind.
fn read_up_to(limit: u64, reader: impl Read, expected: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(expected + 1);
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Compiles bytes that must be UTF-8.
pub fn compile_bytes(bytes: &[u8], file: &str) -> Result<MappingTable, Diagnostics> {
    let text = std::str::from_utf8(bytes).map_err(|fault| not_text(bytes, fault.valid_up_to(), file))?;
    compile(text, file)
}

/// Compiles the text of a mapping; `file` is how faults name it.
pub fn compile(text: &str, file: &str) -> Result<MappingTable, Diagnostics> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The YAML reader would take a NUL for the end of the text.
    if let Some(at) = text.find('\0') {
        return Err(not_text(text.as_bytes(), at, file));
    }
    let mut compiler = Compiler::new(text);
    match compiler.document() {
        Ok(()) if compiler.reader.faults.is_empty() => Ok(MappingTable::new(compiler.routes)),
        _ => Err(compiler.reader.faults.locate(text, file)),
    }
}

fn too_large(file: &str, size: &str) -> Diagnostics {
    let what = format!("the file is too large: {size}{MAX_FILE} bytes are the most");
    Diagnostics::of_file(file, (1, 1), what, "check the path: a mapping of 100,000 entries has about 15 MB")
}

fn not_text(bytes: &[u8], at: usize, file: &str) -> Diagnostics {
    let before = String::from_utf8_lossy(&bytes[..at]);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
    let what = match bytes[at] {
        0 => "the file holds a NUL byte".to_owned(),
        byte => format!("the file is not UTF-8 text: byte 0x{byte:02x}"),
    };
    Diagnostics::of_file(file, (line as u32, column as u32), what, "save it as UTF-8")
}

/// Reads a document into routes.
struct Compiler<'t> {
    reader: Reader<'t>,
    routes: Vec<Route>,
    /// The routes by domain: their places in `routes`.
    claims: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The domains of entries that made no route, with their lines.
    broken: HashMap<String, u32>,
}

/// What has been read of an entry.
#[derive(Default)]
struct Entry {
    /// The line of each key, by [`Key`].
    lines: [Option<u32>; Key::NAMES.len()],
    /// The keys that unknown ones were probably meant to be.
    meant: [bool; Key::NAMES.len()],
    domain: Option<(Text, Host, String)>,
    api: Option<PrivateApi>,
    choices: Choices,
}

const APIS: &str = "APIS";
const ENTRY_HELP: &str = "write `- CUSTOM_DOMAIN_URL: ...`, and PRIVATE_API_URL under it";
const LIST_HELP: &str = "write `APIS:`, and under it one entry for each domain, starting with `- CUSTOM_DOMAIN_URL: `";

impl<'t> Compiler<'t> {
    fn new(text: &'t str) -> Compiler<'t> {
        Compiler {
            reader: Reader::new(text),
            routes: Vec::new(),
            claims: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            broken: HashMap::new(),
        }
    }

    fn fault(&mut self, at: Place, what: impl Into<String>, help: impl Into<String>) {
        self.reader.faults.push(Fault::at(at, what, help));
    }

    fn document(&mut self) -> Result<(), Stop> {
        match self.reader.open()? {
            None => self.fault(Place { line: 1, column: 1 }, "the mapping is empty", LIST_HELP),
            Some(Node::Text(text)) if text.is_null() => self.fault(text.at, "the mapping is empty", LIST_HELP),
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
    fn key(&mut self) -> Result<Option<Text>, Stop> {
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
        let mut meant = false;
        while let Some(key) = self.key()? {
            let value = self.reader.value()?;
            if key.value != APIS {
                meant |= nearest(&key.value, &[APIS]).is_some();
                let help = did_you_mean(&key.value, &[APIS]);
                self.fault(key.at, format!("unknown key `{}`", key.value), help);
                self.reader.skip(&value)?;
            } else if let Some(line) = first {
                self.duplicate_key(&key, line, "move its entries there, and delete it");
                self.reader.skip(&value)?;
            } else {
                first = Some(key.at.line);
                self.entries(&key, value)?;
            }
        }
        if first.is_none() && !meant {
            self.fault(at, "the key `APIS` is missing", LIST_HELP);
        }
        Ok(())
    }

    fn entries(&mut self, key: &Text, list: Node) -> Result<(), Stop> {
        match list {
            Node::List(_) => {}
            Node::Text(text) if text.is_null() => {
                self.fault(key.at, "APIS has no value", LIST_HELP);
                return Ok(());
            }
            node => {
                self.wrong_type(APIS, "must be", "a list", &node, LIST_HELP);
                return self.reader.skip(&node);
            }
        }
        let mut count = 0_usize;
        loop {
            match self.reader.node()? {
                Node::Close => break,
                Node::Map(at) => self.entry(at)?,
                Node::Text(text) if text.is_null() => self.fault(text.at, "an entry is empty", ENTRY_HELP),
                node => {
                    self.wrong_type("an entry", "must be", "keys with values", &node, ENTRY_HELP);
                    self.reader.skip(&node)?;
                }
            }
            count += 1;
        }
        if count == 0 {
            self.fault(key.at, "APIS lists no entry", LIST_HELP);
        }
        Ok(())
    }

    fn entry(&mut self, at: Place) -> Result<(), Stop> {
        let mut entry = Entry::default();
        while let Some(name) = self.key()? {
            let value = self.reader.value()?;
            match Key::named(&name.value) {
                None => {
                    if let Some(meant) = nearest(&name.value, &Key::NAMES).and_then(Key::named) {
                        entry.meant[meant as usize] = true;
                    }
                    self.reader.faults.push(unknown_key(&name));
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
                self.fault(at, format!("the entry has no {}", key.name()), key.help());
            }
        }
        self.claim(entry);
        Ok(())
    }

    fn value(&mut self, entry: &mut Entry, key: Key, name: &Text, value: Node) -> Result<(), Stop> {
        if let (Key::Verbs, Node::List(_)) = (key, &value) {
            return self.verb_list(entry, name);
        }
        let text = match value {
            Node::Text(text) if text.is_null() || text.value.is_empty() => {
                self.fault(name.at, format!("{} has no value", key.name()), key.help());
                return Ok(());
            }
            Node::Text(text) if text.other_type().is_none() => text,
            node => {
                let want = if key == Key::Verbs { "text or a list" } else { "text" };
                self.wrong_type(key.name(), "must be", want, &node, key.help());
                return self.reader.skip(&node);
            }
        };
        if let Err(fault) = self.text(entry, key, name, text) {
            self.reader.faults.push(fault);
        }
        Ok(())
    }

    fn text(&mut self, entry: &mut Entry, key: Key, name: &Text, text: Text) -> Result<(), Fault> {
        let value = &*text.value;
        match key {
            Key::Domain => {
                let CustomDomain { host, base } = CustomDomain::parse(value)
                    .map_err(|fault| Fault::in_value(text.at, value, fault.offset, fault.what, fault.help))?;
                let base = base.to_owned();
                entry.domain = Some((text, host, base));
            }
            Key::Api => {
                let api = PrivateApi::parse(value).map_err(|fault| {
                    Fault::in_value(text.at, value, fault.range.start, fault.kind.to_string(), fault.kind.help())
                })?;
                entry.api = Some(api);
            }
            Key::Verbs => {
                let mut list = VerbList::new();
                list.add_all(&text, |fault| self.reader.faults.push(fault));
                entry.choices.verbs = list.finish(name.at)?;
            }
            Key::Referer => entry.choices.referer = choice(key, &text, &REFERER)?,
            Key::Host => entry.choices.host = choice(key, &text, &HOST)?,
            Key::Response => entry.choices.response = choice(key, &text, &RESPONSE)?,
        }
        Ok(())
    }

    fn verb_list(&mut self, entry: &mut Entry, name: &Text) -> Result<(), Stop> {
        let mut list = VerbList::new();
        let mut reported = false;
        loop {
            match self.reader.node()? {
                Node::Close => break,
                Node::Text(verb) if !verb.is_null() && verb.other_type().is_none() => {
                    if let Err(fault) = list.add(&verb, 0, &verb.value) {
                        self.reader.faults.push(fault);
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
            Err(fault) => self.reader.faults.push(fault),
        }
        Ok(())
    }

    /// Makes the entry's route, unless its domain is mapped already.
    fn claim(&mut self, entry: Entry) {
        let Some((text, host, base)) = entry.domain else { return };
        let Compiler { reader, routes, claims, hasher, broken } = self;
        let key = |route: &Route| hasher.hash_one((route.host(), route.base()));
        let hash = hasher.hash_one((host.as_str(), &*base));
        let same = |at: &u32| (routes[*at as usize].host(), routes[*at as usize].base()) == (host.as_str(), &*base);
        let of_route = claims.find(hash, same).map(|at| routes[*at as usize].line);
        let domain = || format!("{host}{base}");
        let of_broken = || if broken.is_empty() { None } else { broken.get(&domain()).copied() };
        if let Some(line) = of_route.or_else(of_broken) {
            let what = format!("`{host}{base}` is already mapped on line {line}");
            let help = "delete one of the two entries: a domain with its base path stands for one API";
            reader.faults.push(Fault::in_value(text.at, &text.value, 0, what, help));
            return;
        }
        let Some(api) = entry.api else {
            broken.insert(domain(), text.at.line);
            return;
        };
        let at = routes.len() as u32;
        routes.push(Route::new(&host, &base, &api, entry.choices, text.at.line));
        claims.insert_unique(hash, at, |at| key(&routes[*at as usize]));
    }

    fn duplicate_key(&mut self, key: &Text, line: u32, help: &str) {
        self.fault(key.at, format!("`{}` is already on line {line}", key.value), help);
    }

    fn key_is_no_text(&mut self, node: &Node) -> Result<(), Stop> {
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

    fn wrong_type(&mut self, subject: &str, must: &str, want: &str, node: &Node, help: &str) {
        let (at, found) = match node {
            Node::Text(text) => (text.at, if text.is_null() { "empty" } else { text.other_type().unwrap_or("text") }),
            Node::List(at) => (*at, "a list"),
            Node::Map(at) => (*at, "keys with values"),
            Node::Close | Node::Reported => return,
        };
        self.fault(at, format!("{subject} {must} {want}, and this is {found}"), help);
    }
}

#[cfg(test)]
mod tests;
