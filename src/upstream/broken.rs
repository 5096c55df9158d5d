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

/// Why no connection to the endpoint came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unconnected {
    /// Nameplate has run out of something: descriptors, or ports.
    Exhausted,
    /// It took too long.
    TimedOut,
    /// The certificate is for another name than the API's.
    OtherName,
    /// The endpoint answered the handshake with an alert, or with a certificate that is not valid. Which of them it is
    /// may depend on the name that was asked for.
    Declined,
    /// Refused, reset, closed, or no TLS at all: nothing that an entry says can bring this about.
    Broken,
}

/// How rustls says that a handshake failed, in what Pingora makes of it, what that means, and how we say it. The first
/// that is found counts, because what follows may be what the endpoint sent.
const SAID_BY_RUSTLS: [(&str, Unconnected, &str); 9] = [
    ("certificate not valid for name", Unconnected::OtherName, "the certificate is for another name"),
    ("certificate expired", Unconnected::Declined, "the certificate has expired"),
    ("certificate not valid yet", Unconnected::Declined, "the certificate is not valid yet"),
    ("UnknownIssuer", Unconnected::Declined, "the issuer of the certificate is not trusted"),
    ("invalid peer certificate", Unconnected::Declined, "the certificate is not valid"),
    ("received fatal alert", Unconnected::Declined, "the endpoint ended the handshake with an alert"),
    ("received corrupt message", Unconnected::Broken, "the endpoint does not speak TLS"),
    ("handshake eof", Unconnected::Broken, "the endpoint closed the connection during the handshake"),
    ("reset by peer", Unconnected::Broken, "the endpoint reset the connection during the handshake"),
];

/// Reads the text of a failed handshake: what it means, and how we say it.
pub(super) fn read_handshake(said: &str) -> (Unconnected, &'static str) {
    let known = SAID_BY_RUSTLS.iter().find(|(text, ..)| said.contains(text));
    known.map_or((Unconnected::Broken, "the handshake failed"), |(_, why, words)| (*why, *words))
}

impl Unconnected {
    /// Reads an error of connecting.
    pub(crate) fn read(e: &Error) -> Unconnected {
        use ErrorType as E;
        match e.etype() {
            E::SocketError => Unconnected::Exhausted,
            E::ConnectTimedout | E::TLSHandshakeTimedout => Unconnected::TimedOut,
            E::InvalidCert => Unconnected::Declined,
            E::TLSHandshakeFailure | E::HandshakeError => {
                read_handshake(innermost(e).context.as_ref().map_or("", |context| context.as_str())).0
            }
            _ => Unconnected::Broken,
        }
    }

    /// Reports whether it counts as a failure of the address. `short` says that connecting had less time than the
    /// endpoint's own timeouts give it.
    pub(crate) fn is_of_the_address(self, short: bool) -> bool {
        match self {
            Unconnected::Broken => true,
            Unconnected::TimedOut => !short,
            Unconnected::Exhausted | Unconnected::OtherName | Unconnected::Declined => false,
        }
    }
}

fn is_ending(e: &io::Error) -> bool {
    use io::ErrorKind as K;
    e.raw_os_error().is_some() || matches!(e.kind(), K::UnexpectedEof | K::BrokenPipe | K::ConnectionReset)
}

/// The first of Pingora's errors; those around it add where it happened.
pub(super) fn innermost(e: &Error) -> &Error {
    e.cause.as_deref().and_then(|cause| cause.downcast_ref::<BError>()).map_or(e, |inner| innermost(inner))
}

pub(super) fn io_error(e: &Error) -> Option<&io::Error> {
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
    fn only_what_no_entry_can_bring_about_counts_against_an_address() {
        use rustls::pki_types::ServerName;
        use rustls::{AlertDescription, CertificateError, InvalidMessage};
        let failed = |e: rustls::Error| {
            let context = format!("TLS connect() failed:  TLSHandshakeFailure context: tls connect error cause: {e}");
            Unconnected::read(&Error::explain(ErrorType::TLSHandshakeFailure, context))
        };
        let expected = ServerName::try_from("abc.execute-api.eu-west-2.amazonaws.com").expect("a name");
        let presented = vec!["DnsName(\"invalid peer certificate\")".to_owned()];
        let name = failed(CertificateError::NotValidForNameContext { expected, presented }.into());
        let declined = failed(CertificateError::UnknownIssuer.into());
        assert_eq!((name, declined), (Unconnected::OtherName, Unconnected::Declined));
        assert_eq!(failed(rustls::Error::AlertReceived(AlertDescription::UnrecognisedName)), Unconnected::Declined);
        let no_tls = failed(InvalidMessage::InvalidContentType.into());
        assert_eq!(no_tls, Unconnected::Broken);
        let timed_out = Unconnected::read(&Error::new_up(ErrorType::ConnectTimedout));
        let exhausted = Unconnected::read(&Error::new_up(ErrorType::SocketError));
        let all = [name, declined, timed_out, exhausted, no_tls];
        assert_eq!(all.map(|why| why.is_of_the_address(false)), [false, false, true, false, true]);
        assert_eq!(all.map(|why| why.is_of_the_address(true)), [false, false, false, false, true]);
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
