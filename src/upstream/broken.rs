//! How a connection to the endpoint failed, read from Pingora's errors.
//!
//! Pingora reports most of it as text or as an `io::Error` inside of its own. What is read here decides whether a request
//! is sent once more and whether its address is to blame, so a story in `tests/it/upstream` holds each reading.

use std::error::Error as StdError;
use std::io;

use pingora::{BError, Error, ErrorSource, ErrorType};

/// How Pingora says that it had read nothing of a response.
const NOTHING_READ: &str = "bytes already read: 0";

/// Reports whether the endpoint ended the connection before it sent one byte of this response.
///
/// A TLS connection can end in three ways: with `close_notify`, with a FIN alone, and with a reset. rustls reports the
/// second as an unexpected end without an error of the system, which Pingora takes for a fault of TLS. For a request
/// that waits, all three say the same.
pub(crate) fn ended_unanswered(e: &Error) -> bool {
    let root = innermost(e);
    let read_nothing = || root.context.as_ref().is_some_and(|context| context.as_str().ends_with(NOTHING_READ));
    *e.esource() == ErrorSource::Upstream
        && match root.etype() {
            ErrorType::ConnectionClosed => read_nothing(),
            ErrorType::ReadError => read_nothing() && io_error(root).is_some_and(is_ending),
            ErrorType::WriteError => io_error(root).is_some_and(is_ending),
            _ => false,
        }
}

fn is_ending(e: &io::Error) -> bool {
    use io::ErrorKind as K;
    e.raw_os_error().is_some() || matches!(e.kind(), K::UnexpectedEof | K::BrokenPipe | K::ConnectionReset)
}

/// The first of Pingora's errors; those around it add where it happened.
fn innermost(e: &Error) -> &Error {
    e.cause.as_deref().and_then(|cause| cause.downcast_ref::<BError>()).map_or(e, |inner| innermost(inner))
}

fn io_error(e: &Error) -> Option<&io::Error> {
    let cause: &(dyn StdError + Send + Sync) = e.cause.as_deref()?;
    cause.downcast_ref::<io::Error>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(cause: io::Error, read: usize) -> Box<Error> {
        let context = format!("while reading response headers, bytes already read: {read}");
        Error::because(ErrorType::ReadError, context, cause).into_up()
    }

    fn fin_alone() -> io::Error {
        io::Error::new(io::ErrorKind::UnexpectedEof, "peer closed connection without sending TLS close_notify")
    }

    #[test]
    fn every_ending_of_a_connection_is_one() {
        let reset = || io::Error::from_raw_os_error(rustix::io::Errno::CONNRESET.raw_os_error());
        let closed = |read: usize| {
            let context = format!("while reading response headers, bytes already read: {read}");
            Error::explain(ErrorType::ConnectionClosed, context).into_up()
        };
        for (ending, half) in [
            (closed(0), closed(7)),
            (reading(fin_alone(), 0), reading(fin_alone(), 10)),
            (reading(reset(), 0), reading(reset(), 10)),
        ] {
            assert!(ended_unanswered(&ending) && ended_unanswered(&ending.more_context("address 127.0.0.1:443")));
            assert!(!ended_unanswered(&half), "bytes of a response have come");
        }
        let unsent = Error::because(ErrorType::WriteError, "while writing request headers", reset());
        assert!(ended_unanswered(&unsent.into_up()));
    }

    #[test]
    fn nothing_else_is() {
        let alert = io::Error::new(io::ErrorKind::InvalidData, "received fatal alert: InternalError");
        assert!(!ended_unanswered(&reading(alert, 0)));
        assert!(!ended_unanswered(&reading(fin_alone(), 0).into_down()), "the client's connection");
        for other in [ErrorType::ReadTimedout, ErrorType::WriteTimedout, ErrorType::InvalidHTTPHeader] {
            assert!(!ended_unanswered(&Error::new_up(other)));
        }
    }
}
