//! The endpoint's side: which addresses there are, which of them work, and connections to them.

mod address_source;
pub mod api_names;
pub(crate) mod attempt;
mod check;
pub mod deadline;
pub mod dial;
mod dns;
pub mod endpoint;
pub mod endpoints;
pub mod handshakes;
mod health;
mod lookup;
pub mod peer;
pub mod pool;
pub mod refresh;
pub mod retry_budget;
