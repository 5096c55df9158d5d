//! The mapping's text to a table, with every fault named and placed.

pub mod compile;
mod custom_domain;
pub(crate) mod document;
pub(crate) mod encoding;
mod entry;
pub mod load;
mod overrides;
mod quick;
pub mod regions;
mod syntax;
