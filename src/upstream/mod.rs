//! The endpoint's side: which addresses there are, which of them work, and connections to them.

mod address_source;
pub(crate) mod api_names;
pub(crate) mod attempt;
mod check;
pub(crate) mod deadline;
pub(crate) mod dial;
mod dns;
pub(crate) mod endpoint;
pub(crate) mod endpoints;
pub(crate) mod handshakes;
mod health;
mod lookup;
pub(crate) mod peer;
pub(crate) mod pool;
pub(crate) mod refresh;
pub(crate) mod retry_budget;
