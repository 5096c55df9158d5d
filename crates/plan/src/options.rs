//! How to plan: what the command line chooses.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::quotas::Quotas;
use super::zones::Zoning;

/// The kind of load balancer in front of the tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Elb {
    /// A Network Load Balancer; the default.
    #[default]
    #[serde(rename = "NLB")]
    Network,
    /// An Application Load Balancer. Its default certificate does not count.
    #[serde(rename = "ALB")]
    Application,
}

/// How to plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How zones are chosen.
    pub zoning: Zoning,
    /// The kind of load balancer. Default: a Network Load Balancer.
    pub elb: Elb,
    /// Public hosted zones that are there for ACM's validation records. Default: the registrable domains.
    pub validation_zones: BTreeSet<String>,
    /// What AWS allows. Default: its default quotas.
    pub quotas: Quotas,
    /// How many certificates the names are in that ACM cannot validate. Default: one for each name.
    pub imported_certificates: Option<usize>,
    /// Plan all certificates anew, whatever the previous plan has. Default: no.
    pub repack: bool,
}

impl Options {
    /// Certificates that the listener can have.
    pub fn slots(&self) -> usize {
        self.quotas.certificates_per_listener + usize::from(self.elb == Elb::Application)
    }

    /// Of those, how many are imported for these names.
    pub(super) fn imported(&self, names: &BTreeSet<String>) -> usize {
        if names.is_empty() { 0 } else { self.imported_certificates.unwrap_or(names.len()) }
    }
}
