//! A mapping in parts: an error of one part, or a claim to another one's names, takes nothing from anybody.

mod cache;
mod command_line;
mod isolation;
mod page;
mod s3;
mod verified;

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::server::{ServerBuilder, mapping, replace};

/// The series of the parts in a state.
fn parts(state: &str) -> String {
    format!("nameplate_mapping_parts{{state=\"{state}\"}}")
}

/// A folder of parts that a server reads every second.
struct Folder(PathBuf);

impl Folder {
    fn of(builder: &ServerBuilder) -> Folder {
        let path = builder.path("parts");
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    /// Puts a part in its place, whole.
    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        replace(&path, text);
    }

    /// As [`Folder::write`], a part that maps this domain to this stage.
    fn map(&self, name: &str, domain: &str, stage: &str) {
        self.write(name, &mapping(&[(domain, stage)]));
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("removed");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn root(&self) -> &Path {
        &self.0
    }
}

/// Reads the parts, and nothing of a cache.
const SETTINGS: &str = "mapping: parts\nreload: { poll: 1s, cache: '' }";

const OWNERS: &str = "OWNERS:
  - OWNER: pay
    CONTACT: '#pay'
    DOMAINS: [pay.example.com, shop.example.com/pay]
  - OWNER: web
    DOMAINS: [shop.example.com, '*.example.com']
";
