//! The endpoint's side: which addresses there are, which of them work, and connections to them.
//!
//! Start at [`endpoints`], which has an [`endpoint`] for each of the settings. Its addresses come from a look-up
//! ([`lookup`], [`dns`], repeated by [`refresh`]) and stand in a [`pool`], each with its [`health`]. A request makes one
//! or more [`attempt`]s; [`dial`] opens the connection of one, and [`deadline`] ends it when it takes too long.
//!
//! **Invariant:** nothing in here knows who the client is; of its side, an attempt knows only how long the next piece of
//! a body may take.

mod address_source;
pub(crate) mod api_names;
pub(crate) mod ask;
pub(crate) mod attempt;
pub(crate) mod broken;
mod check;
pub(crate) mod deadline;
pub(crate) mod dial;
mod dns;
pub(crate) mod endpoint;
pub(crate) mod endpoints;
pub(crate) mod error_line;
pub(crate) mod handshakes;
mod health;
mod lookup;
pub(crate) mod peer;
pub(crate) mod pool;
pub(crate) mod refresh;
pub(crate) mod retry_budget;
mod trust;
