//! How an error on the way to an API and back reads in the log.
//!
//! **Invariant:** not one byte that an API or a client sent is in it. Pingora's errors quote what could not be parsed, cookies
//! included, and rustls's name what a certificate is for. So only what is known when the program is compiled is written: the
//! kind of the error, who it came from, and for its cause the system's text for an error number or words of our own.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io;
use std::net::SocketAddr;

use pingora::{Error, ErrorType};

use super::broken::{innermost, io_error, read_handshake};

/// The most bytes of a line. Nothing below comes near it; it holds whatever is added.
const MOST: usize = 300;

/// What the parser of a head can say. Its text is compared and not copied.
const SAID_BY_PARSER: [&str; 7] = [
    "invalid header name",
    "invalid header value",
    "invalid new line",
    "invalid response status",
    "invalid token",
    "too many headers",
    "invalid HTTP version",
];

/// Describes an error in one line: `Upstream ReadError at 10.0.1.20:443: unexpected end of file`.
pub(crate) struct ErrorLine<'e> {
    error: &'e Error,
    address: Option<SocketAddr>,
}

impl<'e> ErrorLine<'e> {
    /// For an error of an attempt at this address, where it had one.
    pub(crate) fn new(error: &'e Error, address: Option<SocketAddr>) -> ErrorLine<'e> {
        ErrorLine { error, address }
    }
}

impl fmt::Display for ErrorLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = innermost(self.error);
        let mut line = String::new();
        let source = self.error.source_str();
        if !source.is_empty() {
            line += source;
            line.push(' ');
        }
        line += root.reason_str();
        if let Some(address) = self.address {
            write!(line, " at {address}")?;
        }
        let cause = cause_of(root);
        if !cause.is_empty() {
            write!(line, ": {cause}")?;
        }
        write_capped(f, &line)
    }
}

/// Describes an error of the system. What a library put inside of one is not written.
pub(crate) fn describe_io(e: &io::Error) -> String {
    match e.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number).to_string(),
        None => e.kind().to_string(),
    }
}

/// The cause of one of Pingora's errors, in the system's words or ours; empty where its kind says it all.
fn cause_of(root: &Error) -> Cow<'static, str> {
    let context = root.context.as_ref();
    if matches!(root.etype(), ErrorType::TLSHandshakeFailure | ErrorType::HandshakeError) {
        return read_handshake(context.map_or("", |context| context.as_str())).1.into();
    }
    if let Some(e) = io_error(root) {
        return describe_io(e).into();
    }
    if let Some(said) = root.cause.as_ref().map(ToString::to_string) {
        let known = SAID_BY_PARSER.iter().find(|text| ***text == said);
        return known.copied().unwrap_or_default().into();
    }
    match context {
        // Written in a program's text: there is nothing in it that anybody sent.
        Some(pingora::ImmutStr::Static(text)) => (*text).into(),
        _ => in_our_words(root.etype()).into(),
    }
}

fn in_our_words(kind: &ErrorType) -> &'static str {
    match kind {
        ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => "no connection in time",
        ErrorType::ReadTimedout => "nothing came in time",
        ErrorType::WriteTimedout => "nothing was taken in time",
        ErrorType::ConnectionClosed => "the connection ended too early",
        ErrorType::InvalidHTTPHeader => "a message that cannot be read",
        _ => "",
    }
}

/// Writes text on one line, with control characters escaped and no more than [`MOST`] bytes.
fn write_capped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut left = MOST;
    for c in text.chars() {
        let escaped = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let length = if escaped { c.escape_default().len() } else { c.len_utf8() };
        if length > left {
            return Ok(());
        }
        left -= length;
        if escaped { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(error: &Error) -> String {
        ErrorLine::new(error, Some(SocketAddr::from(([10, 0, 1, 20], 443)))).to_string()
    }

    #[test]
    fn a_line_has_kind_source_address_and_cause() {
        let read = io::Error::new(io::ErrorKind::UnexpectedEof, "peer closed connection without sending close_notify");
        let error = Error::because(ErrorType::ReadError, "while reading response headers".to_owned(), read).into_up();
        assert_eq!(line(&error), "Upstream ReadError at 10.0.1.20:443: unexpected end of file");
        let refused = io::Error::from_raw_os_error(rustix::io::Errno::CONNREFUSED.raw_os_error());
        let error = Error::because(ErrorType::ConnectRefused, "connecting".to_owned(), refused).into_up();
        assert_eq!(line(&error), "Upstream ConnectRefused at 10.0.1.20:443: Connection refused (os error 111)");
        let error = Error::explain(ErrorType::InternalError, "no address of the endpoint is known");
        assert_eq!(ErrorLine::new(&error, None).to_string(), "InternalError: no address of the endpoint is known");
        let error = Error::explain(ErrorType::ConnectTimedout, "10 s".to_owned()).into_up();
        assert_eq!(line(&error), "Upstream ConnectTimedout at 10.0.1.20:443: no connection in time");
    }

    #[test]
    fn long_and_hostile_text_is_one_short_line() {
        struct Text(String);
        impl fmt::Display for Text {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_capped(f, &self.0)
            }
        }
        assert_eq!(Text("a\r\n\u{1b}[2J\u{2028}ä".into()).to_string(), "a\\r\\n\\u{1b}[2J\\u{2028}ä");
        assert_eq!(Text("ä".repeat(999)).to_string().len(), MOST);
    }

    proptest! {
        /// Whatever stands in the parts of an error that are made while the program runs.
        #[test]
        fn nothing_that_somebody_sent_is_written(said in "MARKER[\\x00-\\x7f]{0,40}", around in any::<bool>()) {
            let kinds = [
                ErrorType::InvalidHTTPHeader, ErrorType::ReadError, ErrorType::WriteError, ErrorType::ConnectionClosed,
                ErrorType::TLSHandshakeFailure, ErrorType::ReadTimedout, ErrorType::new("InvalidChunk"),
            ];
            for kind in kinds {
                let inner = io::Error::new(io::ErrorKind::InvalidData, said.clone());
                for error in [
                    Error::explain(kind.clone(), said.clone()),
                    Error::because(kind.clone(), said.clone(), inner),
                    Error::because(kind.clone(), said.clone(), said.clone()),
                ] {
                    let error = if around { error.more_context(said.clone()) } else { error };
                    let line = line(&error.into_up());
                    prop_assert!(!line.contains("MARKER") && line.len() <= MOST, "{line}");
                    prop_assert!(!line.chars().any(char::is_control), "{line}");
                }
            }
        }
    }
}
