//! A folder that commands run in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::server::nameplate;

/// A folder with a mapping in it.
pub(super) struct Folder(pub(super) TempDir);

impl Folder {
    pub(super) fn with(mapping: &str) -> Folder {
        let folder = Folder(tempfile::tempdir().expect("a folder"));
        folder.write("mapping.yaml", mapping);
        folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Runs a command line; a word that starts with `@` is a file of the folder.
    pub(super) fn run(&self, words: &str) -> Output {
        let path = |word: &str| match word.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => word.to_owned(),
        };
        let words: Vec<String> = words.split_whitespace().map(path).collect();
        nameplate(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What standard error says, without the folder.
    pub(super) fn said(&self, output: &Output) -> String {
        self.without_its_path(&output.stderr)
    }

    /// A text in which the folder's files go by their names.
    pub(super) fn without_its_path(&self, text: &[u8]) -> String {
        String::from_utf8_lossy(text).replace(&format!("{}/", self.0.path().display()), "")
    }

    /// Plans; the plan is on standard output.
    #[track_caller]
    pub(super) fn plan(&self, words: &str) -> Value {
        let output = self.run(&format!("plan {words} --format json"));
        assert_eq!(output.status.code(), Some(0), "{words}: {}", self.said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Everything in the folder.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("a folder");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name().into_string().unwrap();
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }
}

/// A file of the repository.
pub(super) fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
