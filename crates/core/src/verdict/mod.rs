//! What an API's response says of it: the causes that the evidence of one exchange fits, each with its cure.
//!
//! API Gateway answers a request to a private API with the same 403 for many reasons. [`classify`] reads what one
//! exchange showed ([`Evidence`]) and names each [`Cause`] that it fits.
//!
//! **Invariant:** one cause is certain; where the evidence fits two, the verdict names both. A response that an
//! integration may have written itself is never put down to a policy.

mod cause;
mod causes;
mod class;
mod classify;
mod evidence;
mod gateway_error;
mod page;
mod standing;
mod table;
#[cfg(test)]
mod tests;

pub use cause::Cause;
pub use causes::Verdict;
pub use class::Class;
pub use classify::classify;
pub use evidence::{Asked, BODY_LIMIT, ConnectError, Evidence, Outcome, Response, ResponseError, TlsError};
pub use page::troubleshooting_page;
pub use standing::Standing;
