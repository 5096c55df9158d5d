//! The modules of some crates, and the file that a path leads to.

use std::collections::{BTreeMap, BTreeSet};

use syn::Item;
use syn::visit::Visit;

use super::paths::{How, Named, Paths, attributes, is_test, name};

/// How many imports and globs a name is followed through.
const MOST_STEPS: usize = 6;

/// One module, in a file of its own or inline.
struct Module {
    file: String,
    root: usize,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    named: Vec<Named>,
}

/// What a path leads to: a module, or something that a module defines.
#[derive(Clone, Copy)]
enum Place {
    Module(usize),
    Item(usize),
}

/// One file uses something of another, or of a library.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) from: String,
    pub(super) line: usize,
    pub(super) path: String,
    /// The file that defines what is used; `None` for a library.
    pub(super) to: Option<String>,
}

/// All modules of the crates, with tests or without.
pub(super) struct Modules<'r> {
    read: &'r dyn Fn(&str) -> Option<String>,
    tests: bool,
    all: Vec<Module>,
    /// The first module of each crate, by the name that other crates use.
    crates: BTreeMap<String, usize>,
}

impl<'r> Modules<'r> {
    /// Reads crates, each a name and its first file, by what `read` gives for a path.
    pub(super) fn of(crates: &[(String, String)], tests: bool, read: &'r dyn Fn(&str) -> Option<String>) -> Self {
        let mut modules = Modules { read, tests, all: Vec::new(), crates: BTreeMap::new() };
        for (name, file) in crates {
            let root = modules.add(file, None);
            modules.crates.insert(name.clone(), root);
            modules.fill_from_file(root);
        }
        modules
    }

    fn add(&mut self, file: &str, parent: Option<usize>) -> usize {
        let at = self.all.len();
        self.all.push(Module {
            file: file.to_owned(),
            root: parent.map_or(at, |parent| self.all[parent].root),
            parent,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            imports: BTreeMap::new(),
            globs: Vec::new(),
            named: Vec::new(),
        });
        at
    }

    fn fill_from_file(&mut self, at: usize) {
        let file = self.all[at].file.clone();
        let text = (self.read)(&file).unwrap_or_else(|| panic!("no file {file}"));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut folder = file.trim_end_matches(".rs").to_owned();
        if let Some((before, "mod" | "lib" | "main")) = folder.rsplit_once('/') {
            folder = before.to_owned();
        }
        self.fill(at, &folder, &parsed.items);
    }

    /// Adds what the items define, import and name; files of modules in it stand in `folder`.
    fn fill(&mut self, at: usize, folder: &str, items: &[Item]) {
        let tests = self.tests;
        for item in items.iter().filter(|item| tests || !is_test(attributes(item))) {
            self.all[at].items.extend(name(item));
            if let Item::Mod(module) = item {
                self.child(at, folder, module);
            }
            let mut paths = Paths { tests, found: Vec::new() };
            paths.visit_item(item);
            for named in paths.found {
                let module = &mut self.all[at];
                match &named.how {
                    How::Import(name) => drop(module.imports.insert(name.clone(), named.path.clone())),
                    How::Glob => module.globs.push(named.path.clone()),
                    How::Code => {}
                }
                module.named.push(named);
            }
        }
    }

    fn child(&mut self, at: usize, folder: &str, module: &syn::ItemMod) {
        let inner = format!("{folder}/{}", module.ident);
        let file = match &module.content {
            Some(_) => self.all[at].file.clone(),
            None => [format!("{inner}.rs"), format!("{inner}/mod.rs")]
                .into_iter()
                .find(|file| (self.read)(file).is_some())
                .unwrap_or_else(|| panic!("no file for module {inner}")),
        };
        let child = self.add(&file, Some(at));
        self.all[at].children.insert(module.ident.to_string(), child);
        match &module.content {
            Some((_, items)) => self.fill(child, &inner, items),
            None => self.fill_from_file(child),
        }
    }

    /// Every use of another file or of a library. The import of a module is none by itself: what is used
    /// through it is.
    pub(super) fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        for (at, module) in self.all.iter().enumerate() {
            for named in &module.named {
                let to = match (self.place(at, &named.path, 0), &named.how) {
                    (Some(Place::Module(_)), How::Import(_)) => continue,
                    (Some(Place::Module(to) | Place::Item(to)), _) => Some(self.all[to].file.clone()),
                    (None, _) => None,
                };
                if to.as_ref() != Some(&module.file) {
                    uses.push(Use { from: module.file.clone(), line: named.line, path: named.path.join("::"), to });
                }
            }
        }
        uses
    }

    /// Where a path leads that a module names; `None` out of these crates.
    fn place(&self, from: usize, path: &[String], steps: usize) -> Option<Place> {
        let [first, rest @ ..] = path else { return None };
        let start = match first.as_str() {
            "crate" => Place::Module(self.all[from].root),
            "self" => Place::Module(from),
            "super" => Place::Module(self.all[from].parent?),
            name => match self.lookup(from, name, !rest.is_empty(), steps) {
                Some(place) => place,
                None => Place::Module(*self.crates.get(name)?),
            },
        };
        let (Place::Module(mut at), mut rest) = (start, rest) else { return Some(start) };
        while let [name, tail @ ..] = rest {
            at = match name.as_str() {
                "super" => self.all[at].parent?,
                name => match self.lookup(at, name, !tail.is_empty(), steps) {
                    Some(Place::Module(module)) => module,
                    Some(item) => return Some(item),
                    None => return Some(Place::Item(at)),
                },
            };
            rest = tail;
        }
        Some(Place::Module(at))
    }

    /// What a name is in a module. Of a module and an item with one name, `deeper` prefers the module.
    fn lookup(&self, at: usize, name: &str, deeper: bool, steps: usize) -> Option<Place> {
        let module = &self.all[at];
        let child = module.children.get(name).map(|child| Place::Module(*child));
        let item = module.items.contains(name).then_some(Place::Item(at));
        let here = if deeper { child.or(item) } else { item.or(child) };
        if here.is_some() || steps == MOST_STEPS {
            return here;
        }
        if let Some(path) = module.imports.get(name) {
            return self.place(at, path, steps + 1);
        }
        module.globs.iter().find_map(|path| match self.place(at, path, steps + 1)? {
            Place::Module(there) if there != at => self.lookup(there, name, deeper, steps + 1),
            _ => None,
        })
    }
}
