//! A mapping in parts: who owns which names, and which version of each part is in use.
//!
//! A part is one file below a folder or a prefix of S3. Each is compiled alone. `owners.yaml` at the root, which is no
//! part, grants domains to owners; without it, a name belongs to the part that has it.
//!
//! **Invariant:** an error of one part takes nothing from another one. A part with an error keeps the version that it
//! had, and no name that another part has in use changes hands because of a part that was not granted it.

pub mod assembly;
mod claims;
pub mod error;
mod guards;
pub mod owners;
mod pattern;
mod pick;
pub mod schema;
pub mod set;
mod workers;

/// The file at the root that grants names to owners. It is no part.
pub const OWNERS_FILE: &str = "owners.yaml";

#[cfg(test)]
mod tests;
