//! What a mapping asks of the AWS resources around the proxy. Pure: tables in, plans out.

pub mod change;
pub mod names;
