//! The client's side: connections from `accept` to Pingora's HTTP.

pub mod accept;
pub mod certificates;
pub mod clients;
pub mod connection;
mod linger;
pub(crate) mod port;
pub(crate) mod refusal;
mod refuse;
pub mod request_id;
mod secured;
pub(crate) mod seen;
mod send_rate;
mod socket;
mod watched;
