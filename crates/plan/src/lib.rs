//! What a mapping, or a load, asks of the AWS resources around the proxy.
//!
//! `nameplate plan` turns a mapping into hosted zones, records and certificates, as JSON for Terraform and CDK;
//! `nameplate policy` into the resource policies of its APIs; `nameplate check --against` into what a change of the
//! mapping needs; and `nameplate capacity` turns a load into a fleet of tasks. docs/plan.md tells every field.
//!
//! **Invariant:** everything here is a function of its arguments: tables and options in, plans out. Nothing calls AWS
//! or reads the clock, and everything is in order, so the same question has the same bytes for an answer.
//!
//! # Where to start
//!
//! 1. [`resources::plan`]: the whole plan, and the order in which its parts are made.
//! 2. [`zones`] and [`names`]: which hosted zones and records the domains need, and which names need certificates.
//! 3. [`certificates`]: which names share one. A certificate of the previous plan ([`state`]) is kept as it is,
//!    because AWS replaces a certificate whose names change.
//! 4. [`quotas`]: what AWS allows, and what is said of a mapping that needs more. [`ownership`]: which owner needs what.
//! 5. [`drift`]: where AWS differs from all of that.
//! 6. [`policy`]: one resource policy for each API. [`capacity`]: the fleet for a load. [`proposals`]: entries for the APIs
//!    that accounts have. [`custom_domain_names`]: entries for AWS's private custom domain names. Each stands alone.

pub mod capacity;
pub mod certificate;
pub mod certificates;
pub mod change;
pub mod custom_domain_names;
pub mod drift;
mod exceeded;
pub mod fault;
pub mod names;
pub mod options;
pub mod owners;
pub mod ownership;
pub mod policy;
pub mod proposals;
pub mod quotas;
pub mod resources;
mod spread;
pub mod state;
pub mod warning;
pub mod zones;

#[cfg(test)]
mod tests;
