//! The client's side: a connection from `accept` to Pingora's HTTP.
//!
//! Start at [`accept`]. A connection is then read through its layers, from the wire up: [`socket`] (TCP and the PROXY
//! header), [`tls`], and [`client_stream`], which is what Pingora gets. What a connection and its requests tell each
//! other is in [`connection`]; what all connections share, in [`clients`]; what is logged of those that are cut, in
//! [`warnings`].
//!
//! **Invariant:** nothing in here knows an API. What serves the requests is any `HttpServerApp` of Pingora's.

pub(crate) mod accept;
pub(crate) mod budget;
pub(crate) mod certificates;
pub(crate) mod client_info;
mod client_stream;
pub(crate) mod clients;
pub(crate) mod connection;
pub(crate) mod framing;
mod http2_frames;
mod linger;
mod over_limit;
pub(crate) mod port;
pub(crate) mod receive_rate;
pub(crate) mod refusal;
pub(crate) mod request_id;
mod send_rate;
pub(crate) mod shedding;
mod slow;
mod socket;
mod tls;
pub(crate) mod unfinished;
mod warnings;
