//! The mapping's text to a table, with every fault named and placed.

mod characters;
pub mod compile;
pub(crate) mod custom_domain;
mod damage;
pub(crate) mod document;
pub(crate) mod encoding;
mod entry;
mod file_kind;
pub mod files;
pub mod head;
pub mod insert;
pub mod load;
mod other_files;
mod overrides;
pub(crate) mod placeholder;
mod quick;
pub mod regions;
pub mod schema;
mod syntax;
pub mod warnings;

pub use custom_domain::check_custom_domain;
