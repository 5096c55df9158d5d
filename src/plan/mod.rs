//! What a mapping, or a load, asks of the AWS resources around the proxy. Pure: tables in, plans out.

pub mod capacity;
pub mod change;
pub mod names;
