//! The client's side: connections from `accept` to Pingora's HTTP.

pub(crate) mod accept;
pub(crate) mod certificates;
pub(crate) mod client_info;
mod client_stream;
pub(crate) mod clients;
pub(crate) mod connection;
mod linger;
mod over_limit;
pub(crate) mod port;
pub(crate) mod refusal;
pub(crate) mod request_id;
mod send_rate;
mod socket;
mod tls;
