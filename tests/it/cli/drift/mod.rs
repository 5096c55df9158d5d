//! `nameplate drift`: what it finds, what it cannot look at, and what it says.

mod accounts;
mod against_moto;
mod aws;
mod kinds;
mod output;
mod rights;
mod unknown;

use serde_json::Value;
use tempfile::TempDir;

use self::aws::Aws;
use super::policy::{Ran, run};
use crate::harness::aws::{FakeAws, HUB, SECRET};

/// The region of the stories.
const REGION: &str = "eu-west-1";

const VPCE: &str = "vpce-0123456789abcdef0";

/// Two APIs, one of them with two stages.
const MAPPING: &str = "\
APIS:
  - CUSTOM_DOMAIN_URL: pay.in.example.com
    PRIVATE_API_URL: https://abc111.execute-api.eu-west-1.amazonaws.com/dev/a
    VERBS: [GET]
  - CUSTOM_DOMAIN_URL: orders.in.example.com
    PRIVATE_API_URL: https://abc111.execute-api.eu-west-1.amazonaws.com/prod
  - CUSTOM_DOMAIN_URL: shop.in.example.com
    PRIVATE_API_URL: https://def222.execute-api.eu-west-1.amazonaws.com/v1
";

/// A folder with the mapping, and an AWS that it is compared with.
struct Story {
    folder: TempDir,
    aws: FakeAws,
}

impl Story {
    /// With an AWS that differs from the mapping in this.
    fn with(change: impl FnOnce(&mut Aws)) -> Story {
        Story::across(HUB, change)
    }

    /// With the APIs in this account.
    fn across(account: &str, change: impl FnOnce(&mut Aws)) -> Story {
        let story = Story { folder: tempfile::tempdir().expect("a directory"), aws: FakeAws::start() };
        story.file("mapping.yaml", MAPPING);
        let mut aws = Aws::faithful();
        change(&mut aws);
        aws.put(account, &story.aws);
        story
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    /// Compares, with the region of the credentials.
    fn drift(&self, more: &[&str]) -> Ran {
        self.run(&[&["drift", "mapping.yaml", "--vpce", VPCE], more].concat(), &[("AWS_REGION", REGION)])
    }

    fn run(&self, words: &[&str], more: &[(&str, &str)]) -> Ran {
        let environment = self.aws.environment();
        let mut environment: Vec<_> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
        environment.extend(more);
        let ran = run(self.folder.path(), words, &environment);
        assert!(!ran.out.contains(SECRET) && !ran.err.contains(SECRET), "{ran:?}");
        ran
    }
}

/// The kinds of findings that a run printed as JSON, each with its severity.
fn kinds(ran: &Ran) -> Vec<String> {
    let printed: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran:#?}"));
    let findings = printed["findings"].as_array().expect("findings").iter();
    findings.map(|of| format!("{} {}", of["severity"], of["kind"]).replace('"', "")).collect()
}
