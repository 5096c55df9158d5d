//! Text to domain: the settings and the mapping, with every fault named and placed.

pub mod compile;
mod custom_domain;
pub mod diagnostic;
mod document;
mod entry;
mod nearest;
pub mod settings;
mod syntax;
