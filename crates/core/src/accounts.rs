//! `accounts.yaml`: the AWS accounts that a command reads, and how it gets into each.

use crate::diagnostic::nearest::did_you_mean;
use crate::diagnostic::{Code, Diagnostics, Fault, Faults, Place};
use crate::domain::host::MAX_LABEL;
use crate::domain::region::{RegionFault, check_form};
use crate::mapping::encoding::document_of;
use crate::settings::tree::{self, Name, Node, Shape};

/// An account. Without a profile and a role, it is the one of the credentials at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name, a DNS label.
    pub name: Option<String>,
    /// The profile whose credentials are used.
    pub profile: Option<String>,
    /// The ARN of a role to assume, with the credentials of the profile or those at hand.
    pub role: Option<String>,
    /// The external id that the role's trust policy asks for.
    pub external_id: Option<String>,
    /// The regions to read. Without any, the region of the credentials.
    pub regions: Vec<String>,
}

const KEYS: [&str; 5] = ["NAME", "PROFILE", "ROLE", "EXTERNAL_ID", "REGIONS"];
const LIST_HELP: &str = "write `ACCOUNTS:`, and under it an entry for each account, starting with `- ROLE: `";
const REGIONS_HELP: &str = "write a list: `[eu-west-1, us-east-1]`";
const ROLE_HELP: &str = "write `arn:aws:iam::111122223333:role/NAME`";
const NAME_HELP: &str = "write lower-case letters, digits and `-`: it becomes a label of domain names";

/// Reads the text of a file of accounts; `file` is how errors name it.
pub fn parse(bytes: &[u8], file: &str) -> Result<Vec<Account>, Diagnostics> {
    let text = document_of(bytes, file)?;
    let (root, errors) = tree::read_accounts(text);
    let mut reader = AccountsReader { errors, seen: Vec::new() };
    let accounts = reader.root(root.as_ref());
    if reader.errors.is_empty() { Ok(accounts) } else { Err(reader.errors.locate(text, file)) }
}

/// Checks that a text is the ARN of an IAM role. Returns what is wrong with it.
pub fn check_role(text: &str) -> Result<(), String> {
    let is_role = match text.split(':').collect::<Vec<_>>()[..] {
        ["arn", partition, "iam", "", account, role] => {
            partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|digit| digit.is_ascii_digit())
                && role.strip_prefix("role/").is_some_and(|name| !name.is_empty())
        }
        _ => false,
    };
    if is_role { Ok(()) } else { Err(format!("`{text}` is not the ARN of a role")) }
}

/// Checks that a text has the form of a region. Returns what is wrong with it, and how to fix it.
pub fn check_region(text: &str) -> Result<(), (String, String)> {
    let help = match check_form(text) {
        Ok(()) => return Ok(()),
        Err(RegionFault::Zone(region)) => format!("write `{region}`: a zone is a part of a region"),
        Err(RegionFault::Other(Some(near))) => format!("did you mean `{near}`?"),
        Err(RegionFault::Other(None)) => "write a region's name, for example `eu-west-1`".to_owned(),
    };
    Err((format!("`{text}` is not the name of a region"), help))
}

/// Checks that a name is a DNS label.
fn check_name(text: &str) -> Result<(), String> {
    let is_part = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let is_label = (1..=MAX_LABEL).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-');
    if is_label && text.bytes().all(is_part) { Ok(()) } else { Err(format!("`{text}` is not a DNS label")) }
}

/// Reads a tree into accounts.
struct AccountsReader {
    errors: Faults,
    /// Names, roles and profiles that have been read, each with its line: each may be there once.
    seen: Vec<(String, u32)>,
}

impl AccountsReader {
    fn error(&mut self, code: Code, at: Place, what: impl Into<String>, help: impl Into<String>) {
        self.errors.push(Fault::at(at, what, help).code(code));
    }

    fn root(&mut self, root: Option<&Node>) -> Vec<Account> {
        let Some(Node { at, shape }) = root else {
            if self.errors.is_empty() {
                self.error(Code::EmptyFile, Place { line: 1, column: 1 }, "it is empty", LIST_HELP);
            }
            return Vec::new();
        };
        let Shape::Map(keys) = shape else {
            let what = format!("a file of accounts must start with the key `ACCOUNTS`, and this is {}", shape.called());
            self.error(Code::WrongType, *at, what, LIST_HELP);
            return Vec::new();
        };
        let (mut accounts, mut regions, mut has_list) = (Vec::new(), Vec::new(), false);
        for (name, value) in self.unique(keys) {
            match (name.text.as_str(), &value.shape) {
                ("REGIONS", _) => regions = self.regions(value),
                ("ACCOUNTS", Shape::List(items)) => {
                    has_list = true;
                    accounts = items.iter().filter_map(|item| self.account(item)).collect();
                }
                ("ACCOUNTS", shape) => {
                    has_list = true;
                    let what = format!("ACCOUNTS must be a list, and this is {}", shape.called());
                    self.error(Code::WrongType, value.at, what, LIST_HELP);
                }
                _ => self.unknown(name, &["ACCOUNTS", "REGIONS"]),
            }
        }
        if !has_list && self.errors.is_empty() {
            self.error(Code::MissingKey, *at, "the key `ACCOUNTS` is missing", LIST_HELP);
        } else if accounts.is_empty() && self.errors.is_empty() {
            self.error(Code::EmptyFile, *at, "it lists no account", LIST_HELP);
        }
        for account in accounts.iter_mut().filter(|account: &&mut Account| account.regions.is_empty()) {
            account.regions.clone_from(&regions);
        }
        accounts
    }

    fn account(&mut self, node: &Node) -> Option<Account> {
        let Shape::Map(keys) = &node.shape else {
            let what = format!("an account must be keys with values, and this is {}", node.shape.called());
            self.error(Code::WrongType, node.at, what, LIST_HELP);
            return None;
        };
        let mut account = Account::default();
        let keys = self.unique(keys);
        for (name, value) in &keys {
            match name.text.as_str() {
                "NAME" => account.name = self.checked(name, value, check_name, NAME_HELP),
                "PROFILE" => account.profile = self.checked(name, value, |_| Ok(()), "write the profile's name"),
                "ROLE" => account.role = self.checked(name, value, check_role, ROLE_HELP),
                "EXTERNAL_ID" => account.external_id = self.checked(name, value, |_| Ok(()), "write the external id"),
                "REGIONS" => account.regions = self.regions(value),
                _ => self.unknown(name, &KEYS),
            }
        }
        let has = |key: &str| keys.iter().any(|(name, _)| name.text == key);
        if !has("PROFILE") && !has("ROLE") {
            let help = "add `ROLE: ` with the ARN of a role in the account, or `PROFILE: ` with a profile's name";
            self.error(Code::MissingKey, node.at, "an account has neither PROFILE nor ROLE", help);
        } else if has("EXTERNAL_ID") && !has("ROLE") {
            self.error(Code::BadValue, node.at, "EXTERNAL_ID stands without ROLE", "add ROLE, or delete EXTERNAL_ID");
        }
        self.claim_once(node.at, account.name.as_ref().map(|name| format!("the name `{name}`")));
        let way = match (&account.role, &account.profile) {
            (Some(role), _) => Some(format!("the role `{role}`")),
            (None, Some(profile)) => Some(format!("the profile `{profile}`")),
            (None, None) => None,
        };
        self.claim_once(node.at, way);
        Some(account)
    }

    fn claim_once(&mut self, at: Place, what: Option<String>) {
        let Some(what) = what else { return };
        match self.seen.iter().find(|(seen, _)| *seen == what).map(|(_, line)| *line) {
            Some(line) => {
                self.error(Code::DuplicateKey, at, format!("{what} is already on line {line}"), "keep one of the two");
            }
            None => self.seen.push((what, at.line)),
        }
    }

    fn regions(&mut self, node: &Node) -> Vec<String> {
        let Shape::List(items) = &node.shape else {
            let what = format!("REGIONS must be a list, and this is {}", node.shape.called());
            self.error(Code::WrongType, node.at, what, REGIONS_HELP);
            return Vec::new();
        };
        let mut regions: Vec<String> = Vec::new();
        for item in items {
            match &item.shape {
                Shape::Text(scalar) if !scalar.is_null => match check_region(&scalar.text) {
                    Ok(()) if regions.contains(&scalar.text) => {
                        let what = format!("`{}` is there twice", scalar.text);
                        self.error(Code::DuplicateKey, item.at, what, "delete one of the two");
                    }
                    Ok(()) => regions.push(scalar.text.clone()),
                    Err((what, help)) => self.error(Code::BadRegion, item.at, what, help),
                },
                Shape::Reported => {}
                shape => {
                    let what = format!("REGIONS lists text, and this is {}", shape.called());
                    self.error(Code::WrongType, item.at, what, REGIONS_HELP);
                }
            }
        }
        if items.is_empty() {
            self.error(Code::MissingValue, node.at, "REGIONS lists no region", REGIONS_HELP);
        }
        regions
    }

    /// A text, or a number that is meant as one.
    fn checked(
        &mut self,
        name: &Name,
        node: &Node,
        check: fn(&str) -> Result<(), String>,
        help: &str,
    ) -> Option<String> {
        match &node.shape {
            Shape::Text(scalar) if !scalar.is_null && !scalar.text.is_empty() => {
                if let Err(what) = check(&scalar.text) {
                    self.error(Code::BadValue, node.at, format!("{}: {what}", name.text), help);
                    return None;
                }
                Some(scalar.text.clone())
            }
            Shape::Reported => None,
            Shape::Text(_) => {
                self.error(Code::MissingValue, node.at, format!("{} has no value", name.text), help);
                None
            }
            shape => {
                let what = format!("{} must be text, and this is {}", name.text, shape.called());
                self.error(Code::WrongType, node.at, what, help);
                None
            }
        }
    }

    /// The keys, without those that stand a second time.
    fn unique<'n>(&mut self, keys: &'n [(Name, Node)]) -> Vec<&'n (Name, Node)> {
        let mut kept: Vec<&(Name, Node)> = Vec::new();
        for pair in keys {
            match kept.iter().find(|(name, _)| name.text == pair.0.text) {
                None => kept.push(pair),
                Some((first, _)) => {
                    let what = format!("`{}` is already on line {}", first.text, first.at.line);
                    self.error(Code::DuplicateKey, pair.0.at, what, "keep one of the two");
                }
            }
        }
        kept
    }

    fn unknown(&mut self, name: &Name, known: &[&str]) {
        let what = format!("unknown key `{}`", name.text);
        self.error(Code::UnknownKey, name.at, what, did_you_mean(&name.text, known));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/nameplate-read";

    #[test]
    fn an_account_has_its_own_regions_or_those_of_the_file() {
        let text = format!(
            "REGIONS: [eu-west-1, us-east-1]\nACCOUNTS:\n  - NAME: payments\n    ROLE: {ROLE}\n    EXTERNAL_ID: 7\n  \
             - PROFILE: web\n    REGIONS: [eu-central-1]\n"
        );
        let accounts = parse(text.as_bytes(), "accounts.yaml").expect("accounts");
        let first = Account {
            name: Some("payments".into()),
            role: Some(ROLE.into()),
            external_id: Some("7".into()),
            regions: vec!["eu-west-1".into(), "us-east-1".into()],
            ..Account::default()
        };
        let second =
            Account { profile: Some("web".into()), regions: vec!["eu-central-1".into()], ..Account::default() };
        assert_eq!(accounts, [first, second]);
    }

    #[track_caller]
    fn error(text: &str, want: &str) {
        let found = parse(text.as_bytes(), "accounts.yaml").expect_err(text).to_string();
        assert!(found.contains(want), "{text}\n{found}");
    }

    #[test]
    fn every_error_has_its_place() {
        error("", "accounts.yaml:1:1: error: ");
        error("- a\n", "accounts.yaml:1:1: error: a file of accounts must start with the key `ACCOUNTS`");
        error("REGIONS: [eu-west-1]\n", "accounts.yaml:1:1: error: the key `ACCOUNTS` is missing");
        error("ACCOUNTS: []\n", "error: it lists no account");
        error("ACCOUNTS:\n  - PROFIL: a\n", "accounts.yaml:2:5: error: unknown key `PROFIL`");
        error("ACCOUNTS:\n  - PROFIL: a\n", "did you mean `PROFILE`?");
        error(
            "ACCOUNTS:\n  - REGIONS: [eu-west-1]\n",
            "accounts.yaml:2:5: error: an account has neither PROFILE nor ROLE",
        );
        error("ACCOUNTS:\n  - ROLE: admin\n", "accounts.yaml:2:11: error: ROLE: `admin` is not the ARN of a role");
        error("ACCOUNTS:\n  - PROFILE:\n", "error: PROFILE has no value");
        error(
            "ACCOUNTS:\n  - PROFILE: a\n    NAME: Pay\n",
            "accounts.yaml:3:11: error: NAME: `Pay` is not a DNS label",
        );
        error("ACCOUNTS:\n  - PROFILE: a\n    EXTERNAL_ID: x\n", "error: EXTERNAL_ID stands without ROLE");
        error("ACCOUNTS:\n  - PROFILE: a\n    REGIONS: [eu-west-1a]\n", "accounts.yaml:3:15: error: `eu-west-1a`");
        error("ACCOUNTS:\n  - PROFILE: a\n    REGIONS: eu-west-1\n", "error: REGIONS must be a list, and this is text");
        error("ACCOUNTS:\n  - PROFILE: a\n    REGIONS: [eu-wset-1]\n", "did you mean `eu-west-1`?");
        error(
            "ACCOUNTS:\n  - PROFILE: a\n  - PROFILE: a\n",
            "accounts.yaml:3:5: error: the profile `a` is already on line 2",
        );
        error(
            "ACCOUNTS:\n  - PROFILE: a\n    PROFILE: b\n",
            "accounts.yaml:3:5: error: `PROFILE` is already on line 2",
        );
        error("ACCOUNTS: [\n", "error: broken YAML");
    }

    #[test]
    fn a_role_is_an_arn_of_iam() {
        for good in [ROLE, "arn:aws-cn:iam::111122223333:role/path/name"] {
            assert_eq!(check_role(good), Ok(()), "{good}");
        }
        for bad in [
            "nameplate",
            "arn:aws:iam::1111:role/x",
            "arn:aws:iam::111122223333:user/x",
            "arn:aws:iam::111122223333:role/",
        ] {
            assert!(check_role(bad).is_err(), "{bad}");
        }
    }
}
