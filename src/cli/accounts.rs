//! The AWS accounts that a command reads, some at once and each by itself.
//!
//! An account that cannot be read holds up no other: it is named, and the exit code says so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use futures_util::stream::{self, StreamExt};

use super::exit::{FAULTY, UNUSABLE};
use super::policy::outcome::Said;
use crate::aws::calls::{Call, caller_policy, policy};
use crate::aws::gateway::{Fault, FaultKind};
use crate::aws::session::{Session, called};
use nameplate_core::accounts::{self, Account};
use nameplate_core::diagnostic::printable_name;

/// Accounts that are read at once. API Gateway takes 10 requests a second of each, whatever the others do.
const AT_ONCE: usize = 8;

/// A refusal: the exit code, and the message.
pub(super) type Refused = (u8, String);

/// The flags that select accounts.
#[derive(Args, Clone, Debug)]
pub(super) struct AccountsArgs {
    /// The accounts to read: a file of profiles and of roles to assume, with their regions (docs/discover.md)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["profile", "role"])]
    accounts: Option<PathBuf>,
    /// A profile, whose account to read; may be given several times. Without accounts, profiles and roles, the
    /// account of the credentials at hand is read
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<String>,
    /// A role to assume, whose account to read; may be given several times
    #[arg(long, value_name = "ARN", value_parser = role)]
    role: Vec<String>,
    /// The external id that the roles ask for
    #[arg(long, value_name = "ID", requires = "role")]
    external_id: Option<String>,
    /// A region to read, instead of those of the file or of the credentials; may be given several times
    #[arg(long, value_name = "REGION", value_parser = region)]
    region: Vec<String>,
    /// Print the IAM policy that reading an account needs, or with `=caller` the one of who assumes the roles, and
    /// call nothing
    #[arg(long, value_enum, value_name = "WHOSE", num_args = 0..=1, default_missing_value = "reader", require_equals = true)]
    pub(super) print_policy: Option<Whose>,
}

/// The principal whose policy is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Whose {
    /// Of the credentials or the role that read an account
    Reader,
    /// Of who runs the command and assumes the roles
    Caller,
}

fn role(text: &str) -> Result<String, String> {
    let help = "write arn:aws:iam::111122223333:role/NAME";
    accounts::check_role(text).map(|()| text.to_owned()).map_err(|what| format!("{what}; {help}"))
}

fn region(text: &str) -> Result<String, String> {
    accounts::check_region(text).map(|()| text.to_owned()).map_err(|(what, help)| format!("{what}; {help}"))
}

/// The contents of accounts, in the order of their ids and regions, and errors of those that could not be read.
#[derive(Debug)]
pub(super) struct Survey<T> {
    pub(super) found: Vec<(Session, T)>,
    /// The errors of what could not be read.
    pub(super) unread: Vec<String>,
    /// Warnings.
    pub(super) warnings: Vec<String>,
}

/// Errors of one account and region after which the rest of it is not read.
const MAX_FAULTS: usize = 5;

/// The contents of one account and region, as far as they could be read.
#[derive(Debug)]
pub(super) struct Part<T> {
    pub(super) found: Vec<T>,
    /// What was deleted after the list of it was read.
    gone: Vec<String>,
    faults: Vec<Fault>,
}

impl<T> Part<T> {
    /// Reads the details of each item of a list. `name` is what messages call one.
    pub(super) async fn of<I>(
        items: Vec<I>,
        name: impl Fn(&I) -> String,
        details: impl AsyncFn(I) -> Result<T, Fault>,
    ) -> Part<T> {
        let mut part = Part { found: Vec::new(), gone: Vec::new(), faults: Vec::new() };
        let count = items.len();
        for (at, item) in items.into_iter().enumerate() {
            let name = name(&item);
            match details(item).await {
                Ok(found) => part.found.push(found),
                Err(fault) if fault.kind == FaultKind::Gone => part.gone.push(name),
                Err(fault) => part.faults.push(fault),
            }
            let left = count - at - 1;
            if part.faults.len() == MAX_FAULTS && left > 0 {
                let what = format!("after {MAX_FAULTS} errors, {left} more of the list were not read");
                let help = "fix those errors, and run it again".to_owned();
                part.faults.push(Fault { what, help, kind: FaultKind::Other });
                break;
            }
        }
        part
    }
}

impl AccountsArgs {
    /// The accounts to read.
    pub(super) fn accounts(&self) -> Result<Vec<Account>, Refused> {
        let mut accounts = match &self.accounts {
            Some(path) => read(path)?,
            None => self.of_flags(),
        };
        if !self.region.is_empty() {
            accounts.iter_mut().for_each(|account| account.regions.clone_from(&self.region));
        }
        Ok(accounts)
    }

    fn of_flags(&self) -> Vec<Account> {
        let profiles = self.profile.iter().map(|of| Account { profile: Some(of.clone()), ..Account::default() });
        let roles = self.role.iter().map(|arn| Account {
            role: Some(arn.clone()),
            external_id: self.external_id.clone(),
            ..Account::default()
        });
        let accounts: Vec<Account> = profiles.chain(roles).collect();
        if accounts.is_empty() { vec![Account::default()] } else { accounts }
    }

    /// The policy to print, where one was asked for.
    pub(super) fn policy(&self, calls: &[&Call]) -> Option<Result<String, Refused>> {
        let whose = self.print_policy?;
        Some(self.accounts().and_then(|accounts| match whose {
            Whose::Reader => {
                let regions: BTreeSet<String> = accounts.into_iter().flat_map(|account| account.regions).collect();
                Ok(policy(calls, &regions.into_iter().collect::<Vec<_>>()))
            }
            Whose::Caller => {
                let roles: BTreeSet<String> = accounts.into_iter().filter_map(|account| account.role).collect();
                let help = "name some with --role or --accounts; without roles, --print-policy is all that is needed";
                match roles.is_empty() {
                    true => Err((
                        UNUSABLE,
                        format!("error: --print-policy=caller: there are no roles to assume\n  help: {help}"),
                    )),
                    false => Ok(caller_policy(&roles)),
                }
            }
        }))
    }
}

/// Reads a file of accounts.
pub(super) fn read(path: &Path) -> Result<Vec<Account>, Refused> {
    let name = printable_name(&path.display().to_string());
    let bytes = fs::read(path).map_err(|e| {
        let help = "name a file of accounts, as docs/discover.md describes it";
        (UNUSABLE, format!("error: cannot read {name}: {e}\n  help: {help}"))
    })?;
    accounts::parse(&bytes, &name).map_err(|errors| (FAULTY, errors.to_string()))
}

/// Reads every account in each of its regions.
pub(super) async fn survey<T>(
    accounts: &[Account],
    read: impl AsyncFn(&Session) -> Result<Part<T>, Fault>,
) -> Survey<Vec<T>> {
    let each = stream::iter(accounts).map(|account| async {
        let mut parts = Vec::new();
        match Session::open(account).await {
            Ok(sessions) => {
                for session in sessions {
                    let found = read(&session).await.map_err(|fault| of_session(&session, &fault));
                    parts.push(found.map(|found| (session, found)));
                }
            }
            Err(fault) => parts.push(Err(format!("error: {}: {fault}", called(account)))),
        }
        parts
    });
    let parts: Vec<Vec<_>> = each.buffered(AT_ONCE).collect().await;
    let mut survey = Survey { found: Vec::new(), unread: Vec::new(), warnings: Vec::new() };
    let mut seen = BTreeSet::new();
    for part in parts.into_iter().flatten() {
        match part {
            Ok((session, _)) if !seen.insert((session.account.clone(), session.region.clone())) => {
                let Session { account, region, .. } = session;
                survey
                    .warnings
                    .push(format!("warning: account {account} is listed twice for {region}; it counts once"));
            }
            Ok((session, Part { found, gone, faults })) => {
                let Session { name, region, .. } = &session;
                let note = |what: &String| {
                    format!(
                        "note: account {name} in {region}: {what} was deleted while the account was read; it is left out"
                    )
                };
                survey.warnings.extend(gone.iter().map(note));
                survey.unread.extend(faults.iter().map(|fault| of_session(&session, fault)));
                survey.found.push((session, found));
            }
            Err(what) => survey.unread.push(what),
        }
    }
    survey.found.sort_by(|(a, _), (b, _)| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
    survey
}

fn of_session(session: &Session, fault: &Fault) -> String {
    let Session { name, region, .. } = session;
    format!("error: account {name} in {region}: {fault}")
}

impl<T> Survey<T> {
    /// Prints the warnings and errors.
    pub(super) fn say(&self, said: &mut Said<'_>) {
        self.warnings.iter().chain(&self.unread).for_each(|line| drop(writeln!(said.err, "{line}")));
    }
}
