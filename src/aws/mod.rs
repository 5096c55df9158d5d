//! AWS's APIs, as far as commands call them. The proxy itself calls none.

#[expect(dead_code, reason = "the commands that use it come with the next commits")]
pub(crate) mod calls;
#[expect(dead_code, reason = "the commands that use it come with the next commits")]
pub(crate) mod catalog;
pub(crate) mod gateway;
#[expect(dead_code, reason = "the commands that use it come with the next commits")]
pub(crate) mod session;
#[expect(dead_code, reason = "the commands that use it come with the next commits")]
pub(crate) mod signed;
