//! Where AWS differs from what a mapping needs: the drift that nobody notices before a call fails, or gets through.
//!
//! [`drift`] compares a mapping with what AWS said ([`observed`]): APIs and their stages, policies and deployments, VPC
//! endpoints, records and certificates. Each difference is a [`Finding`](finding::Finding) of one [`Kind`](kind::Kind).
//!
//! **Invariant:** what could not be looked at is reported as [`Unseen`](finding::Unseen) and never counts as in order.
//! What AWS has as the mapping needs it yields neither.

mod api;
mod certificates;
pub mod comparison;
pub mod deployed;
pub mod finding;
pub mod kind;
pub mod observed;
mod policies;
pub mod records;
mod report;
mod vpc_endpoints;

use self::comparison::{Mapping, Options};
use self::finding::Drift;
use self::observed::Observed;
use self::report::Report;
use super::policy::apis;

/// Compares a mapping with what AWS has. The most dangerous findings come first.
pub fn drift(mapping: Mapping<'_>, observed: &Observed, options: &Options) -> Drift {
    let mut report = Report::new(mapping, options);
    let apis = apis(mapping.table);
    for of in &apis {
        api::check(of, observed, &mut report);
    }
    vpc_endpoints::check(&apis, observed, &mut report);
    records::check(observed, &mut report);
    certificates::check(observed, &mut report);
    report.finish(apis.len())
}

#[cfg(test)]
mod tests;
