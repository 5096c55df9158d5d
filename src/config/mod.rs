//! Text to domain: the settings and the mapping, with every fault named and placed.

pub mod compile;
pub mod settings;
