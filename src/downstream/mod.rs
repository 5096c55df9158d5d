//! The client's side: connections from `accept` to Pingora's HTTP.

pub mod accept;
pub mod certificates;
pub(crate) mod client_info;
mod client_stream;
pub mod clients;
pub mod connection;
mod linger;
mod over_limit;
pub(crate) mod port;
pub(crate) mod refusal;
pub mod request_id;
mod send_rate;
mod socket;
mod tls;
