//! `nameplate plan` as it is run: what it prints, what it writes, and what it says of what it refuses.

mod changes;
mod files;
mod plan_cases;
mod schema;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::server::nameplate;

/// A folder with a mapping in it.
struct Folder(TempDir);

/// A mapping of these domains.
fn mapping(domains: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let entry = |domain: &str| {
        format!(
            "  - CUSTOM_DOMAIN_URL: \"{domain}\"\n    \
             PRIVATE_API_URL: https://abc123.execute-api.eu-west-1.amazonaws.com/prod\n"
        )
    };
    let entries: String = domains.into_iter().map(|domain| entry(domain.as_ref())).collect();
    format!("APIS:\n{entries}")
}

impl Folder {
    fn with(mapping: &str) -> Folder {
        let folder = Folder(tempfile::tempdir().expect("a folder"));
        folder.write("mapping.yaml", mapping);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Runs a command line; a word that starts with `@` is a file of the folder.
    fn run(&self, words: &str) -> Output {
        let path = |word: &str| match word.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => word.to_owned(),
        };
        let words: Vec<String> = words.split_whitespace().map(path).collect();
        nameplate(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What standard error says, without the folder.
    fn said(&self, output: &Output) -> String {
        String::from_utf8_lossy(&output.stderr).replace(&format!("{}/", self.0.path().display()), "")
    }

    /// Plans; the plan is on standard output.
    #[track_caller]
    fn plan(&self, words: &str) -> Value {
        let output = self.run(&format!("plan {words}"));
        assert_eq!(output.status.code(), Some(0), "{words}: {}", self.said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Everything in the folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("a folder");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name().into_string().unwrap();
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }
}

/// A file of the repository.
fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
