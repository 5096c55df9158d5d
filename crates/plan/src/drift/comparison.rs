//! What is compared, and how.

use std::collections::BTreeSet;
use std::time::Duration;

use super::kind::Kind;
use crate::policy::{self, EndpointIds};
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;

/// How long before its end a certificate is reported. ACM renews its own 60 days before, and tries again until the end.
pub const CERTIFICATE_DAYS: u64 = 30;

/// A mapping, and what belongs to it.
#[derive(Clone, Copy)]
pub struct Mapping<'m> {
    /// Its entries.
    pub table: &'m MappingTable,
    /// The ids of the VPC endpoints that it is reached through, by their names in the settings.
    pub ids: &'m EndpointIds,
    /// Returns the owner of an entry, where the mapping names one.
    pub owner_of: &'m dyn Fn(&Route) -> Option<String>,
}

/// How to compare.
#[derive(Clone, Debug)]
pub struct Options {
    /// How the policies of the mapping are made. Default: as `nameplate policy` makes them.
    pub policies: policy::Options,
    /// How long before its end a certificate is reported. Default: [`CERTIFICATE_DAYS`].
    pub before_end: Duration,
    /// Kinds that are neither looked for nor reported. Default: none.
    pub ignored: BTreeSet<Kind>,
}

impl Default for Options {
    fn default() -> Options {
        let before_end = Duration::from_secs(CERTIFICATE_DAYS * 24 * 60 * 60);
        Options { policies: policy::Options::default(), before_end, ignored: BTreeSet::new() }
    }
}
