//! The endpoint's side: which addresses there are, which of them work, and connections to them.

pub mod budget;
mod check;
pub mod dial;
mod dns;
pub mod endpoint;
pub mod endpoints;
pub mod handshakes;
mod health;
pub mod names;
pub mod peer;
pub mod pool;
pub mod refresh;
pub mod watch;
