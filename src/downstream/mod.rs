//! The client's side: connections from `accept` to Pingora's HTTP.

pub mod accept;
pub mod certificates;
pub mod connection;
pub mod connections;
mod linger;
mod refuse;
pub mod request_id;
mod secured;
mod send_rate;
mod socket;
mod watched;
