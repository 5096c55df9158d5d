//! AWS's APIs, as far as commands call them. The proxy itself calls none.

pub(crate) mod calls;
pub(crate) mod catalog;
mod client;
pub(crate) mod gateway;
pub(crate) mod network;
pub(crate) mod session;
pub(crate) mod signed;
