//! Resource policies: what they let in, what the command says, and how they are put in force.

mod access;
mod against_moto;
mod all;
mod allows;
mod any_text;
mod apply;
mod apply_fails;
mod credentials;
mod foreign_policies;
pub mod gateway;
mod iam;
mod policy_cases;
mod refuses;
mod verify;

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// What a run said, and its exit code.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    #[track_caller]
    pub fn expect(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    pub fn says(self, what: &str) -> Ran {
        assert!(self.out.contains(what) || self.err.contains(what), "{what:?} is not in\n{}\n{}", self.out, self.err);
        self
    }
}

/// Runs the binary in a folder, with nothing of this environment.
pub fn run(folder: &Path, words: &[&str], environment: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
    command.args(words).current_dir(folder).env_clear().envs(environment.iter().copied());
    let ran = command.output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ran { code: ran.status.code().expect("a code"), out: text(ran.stdout), err: text(ran.stderr) }
}

/// The VPC endpoint of the stories.
pub const VPCE: &str = "vpce-0123456789abcdef0";

/// A folder with a mapping, and an API Gateway that `apply` is pointed at.
pub struct Story {
    folder: TempDir,
    url: String,
}

impl Story {
    pub fn new(url: &str, mapping: &str) -> Story {
        let story = Story { folder: tempfile::tempdir().expect("a directory"), url: url.to_owned() };
        story.save(mapping);
        story
    }

    pub fn save(&self, mapping: &str) {
        std::fs::write(self.folder.path().join("mapping.yaml"), mapping).expect("written");
    }

    /// Applies the policy of an API to a stage.
    pub fn apply(&self, api: &str, stage: &str, more: &[&str]) -> Ran {
        let credentials = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
        self.apply_as(&credentials, api, stage, more)
    }

    /// Applies it with credentials that this environment leads to.
    pub fn apply_as(&self, environment: &[(&str, &str)], api: &str, stage: &str, more: &[&str]) -> Ran {
        let words = ["apply", "mapping.yaml", "--vpce", VPCE, "--api-id", api, "--stage", stage];
        self.policy_as(environment, &[&words, more].concat())
    }

    /// Runs a `policy` command.
    pub fn policy(&self, words: &[&str]) -> Ran {
        self.policy_as(&[("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)], words)
    }

    fn policy_as(&self, environment: &[(&str, &str)], words: &[&str]) -> Ran {
        let always = [("AWS_ENDPOINT_URL", &*self.url), ("AWS_EC2_METADATA_DISABLED", "true")];
        let ran = run(self.folder.path(), &[&["policy"], words].concat(), &[&always, environment].concat());
        assert!(!ran.out.contains(SECRET) && !ran.err.contains(SECRET), "{ran:?}");
        ran
    }

    /// What a file of the folder holds.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("a file")
    }

    /// Writes a file into the folder; gives its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }
}

/// What no run may say.
pub const SECRET: &str = "a-secret-that-nobody-may-see";

/// A mapping of entries: domain, what follows `https://{api}`, verbs.
pub fn mapping(entries: &[(&str, &str, &str)]) -> String {
    let entry = |(domain, api, verbs): &(&str, &str, &str)| {
        let (id, path) = api.split_once('/').expect("an API and a stage");
        format!(
            "  - CUSTOM_DOMAIN_URL: {domain}\n    PRIVATE_API_URL: \
             https://{id}.execute-api.us-east-1.amazonaws.com/{path}\n    VERBS: {verbs}\n"
        )
    };
    format!("APIS:\n{}", entries.iter().map(entry).collect::<String>())
}
