//! Tests of a mapping: requests, and what is expected to happen to each.
//!
//! A test asks what `nameplate explain` asks, so it passes exactly if the proxy does what it expects. [`read`] turns a file
//! into tests, or into every error in it; [`run`] says which fail, and which entries no test reaches; [`survivors`] says
//! which changes of an entry no test would notice; [`written`] makes a file of what a mapping does now.

mod mutation;
mod read;
mod run;
mod suite;
mod write;

pub use self::mutation::{Mutation, survivors};
pub use self::read::read;
pub use self::run::{Coverage, Outcome, run};
pub use self::suite::Suite;
pub use self::write::written;

#[cfg(test)]
mod tests;
