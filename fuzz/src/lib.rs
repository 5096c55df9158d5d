//! What must hold for every input, one function a target.
//!
//! The two rooms that read what strangers write are compiled here from their sources. As a
//! dependency they would bring Pingora and some 300 crates along, all of them instrumented, for code
//! that no target reaches.

#[path = "../../src/config/mod.rs"]
pub mod config;
#[path = "../../src/domain/mod.rs"]
pub mod domain;

pub mod checks;
