//! What a mapping, or a load, asks of the AWS resources around the proxy. Pure: tables in, plans out.

pub mod capacity;
pub mod certificate;
pub mod certificates;
pub mod change;
pub mod fault;
mod limits;
pub mod names;
pub mod options;
pub mod owners;
pub mod policy;
pub mod quotas;
pub mod resources;
mod spread;
pub mod state;
pub mod warning;
pub mod zones;

#[cfg(test)]
mod tests;
