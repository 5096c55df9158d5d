//! What a run compares, and where it looks.

use std::collections::BTreeSet;

use crate::aws::gateway::Fault;
use nameplate_core::accounts::Account;
use nameplate_plan::drift::comparison::{Mapping, Options};
use nameplate_plan::drift::kind::Kind;
use nameplate_plan::drift::observed::{Look, Reason};
use nameplate_plan::policy::Api;

/// What is compared, and where it is looked for.
pub(super) struct Scope<'a> {
    pub(super) mapping: Mapping<'a>,
    pub(super) apis: &'a [Api<'a>],
    pub(super) options: &'a Options,
    /// Those of --accounts.
    pub(super) accounts: Option<&'a [Account]>,
    /// That of --proxy-region.
    pub(super) proxy_region: Option<&'a str>,
}

impl Scope<'_> {
    /// The regions of the APIs.
    pub(super) fn regions(&self) -> BTreeSet<&str> {
        self.apis.iter().map(|api| api.region).collect()
    }

    /// Reports whether one of these kinds is looked for.
    pub(super) fn wants(&self, kinds: &[Kind]) -> bool {
        kinds.iter().any(|kind| !self.options.ignored.contains(kind))
    }
}

/// The outcome of a call that lists.
pub(super) fn look_of<T>(read: Result<T, Fault>) -> Look<T> {
    match read {
        Ok(found) => Look::Found(found),
        Err(fault) => Look::Unknown(reason(fault)),
    }
}

/// Why AWS could not be asked.
pub(super) fn reason(fault: Fault) -> Reason {
    Reason { what: fault.what, help: fault.help }
}
