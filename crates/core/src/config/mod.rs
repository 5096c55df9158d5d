//! Text to domain: the settings and the mapping, with every fault named and placed.

pub mod compile;
mod custom_domain;
pub mod diagnostic;
mod document;
mod entry;
pub mod explain;
pub mod load;
mod nearest;
mod overrides;
mod quick;
pub mod settings;
mod syntax;
