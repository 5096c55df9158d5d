//! Commands that read AWS accounts: `discover` and `import`.

mod discover;
mod import;
mod merge;
mod page;
mod rights;

use std::path::PathBuf;

use tempfile::TempDir;

use super::policy::{Ran, run};
use crate::harness::aws::{FakeAws, SECRET};

/// The region of the stories.
pub const REGION: &str = "eu-west-1";

/// A folder, and an AWS that commands are pointed at.
pub struct Story {
    folder: TempDir,
    pub aws: FakeAws,
}

impl Story {
    pub fn new() -> Story {
        Story { folder: tempfile::tempdir().expect("a directory"), aws: FakeAws::start() }
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        let environment = self.aws.environment();
        let environment: Vec<_> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
        let ran = run(self.folder.path(), words, &environment);
        assert!(!ran.out.contains(SECRET) && !ran.err.contains(SECRET), "{ran:?}");
        ran
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }
}

/// The id of one of many accounts.
pub fn account(number: usize) -> String {
    format!("{:012}", 111_100_000_000_u64 + number as u64)
}

pub fn role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/nameplate-read")
}
