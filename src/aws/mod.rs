//! AWS's APIs, as far as commands call them. The proxy itself calls none.

pub(crate) mod gateway;
