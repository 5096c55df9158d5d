//! Variables of the environment that stand for flags.
//!
//! The same rules for every one: an empty variable is unset, a flag outranks its variable, and an error names whichever of
//! the two is wrong. clap's own reading of the environment has none of them.

use std::ffi::OsString;
use std::fmt::Display;
use std::net::SocketAddr;

use nameplate_core::settings::{admin, check_endpoint_name, listener, read_address};

/// Where the admin listener is.
pub(super) const ADMIN: &str = "NAMEPLATE_ADMIN";

/// Which variable is wrong, or which words of the command line, and how to fix it: exit code 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error: {place}: {what}\n  help: {help}")]
pub(super) struct Misused {
    place: String,
    what: String,
    help: String,
}

impl Misused {
    /// An error at this flag or variable, from what a type's own reading says: `what; help`.
    pub(super) fn said(place: &str, said: &str) -> Misused {
        let (what, help) = said.split_once("; ").unwrap_or((said, "see `nameplate --help`"));
        Misused { place: place.into(), what: what.into(), help: help.into() }
    }
}

/// Whether a variable is set to something.
pub(super) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The text of a variable; `None` where it is not set, or empty.
pub(super) fn text(name: &str) -> Result<Option<String>, Misused> {
    match std::env::var_os(name).filter(|value| !value.is_empty()).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(Misused::said(name, "it is not UTF-8 text; write it anew")),
    }
}

/// The value of a flag, or else of a variable, as `read` understands it.
pub(super) fn or_variable<T, E: Display>(
    flag: Option<T>,
    name: &str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Misused> {
    match flag {
        Some(value) => Ok(Some(value)),
        None => match text(name)? {
            Some(text) => read(&text).map(Some).map_err(|said| Misused::said(name, &said.to_string())),
            None => Ok(None),
        },
    }
}

/// Reads a flag's word for true or false, as people write them.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!(
            "`{text}` is not true or false; write `true`, `1`, `yes` or `on`, or `false`, `0`, `no` or `off`"
        )),
    }
}

/// Reads an address of the proxy's listener.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    read_address(text, listener::ADDRESS).map_err(|wrong| wrong.to_string())
}

/// Reads an address of the admin listener.
pub(super) fn admin_address(text: &str) -> Result<SocketAddr, String> {
    read_address(text, admin::ADDRESS).map_err(|wrong| wrong.to_string())
}

/// Reads the DNS name of an endpoint.
pub(super) fn endpoint_name(text: &str) -> Result<String, String> {
    check_endpoint_name(text).map(|()| text.to_owned()).map_err(|wrong| wrong.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_read_as_people_write_them() {
        for text in ["true", "TRUE", "1", "yes", "Yes", "on", " On "] {
            assert_eq!(boolean(text), Ok(true), "{text}");
        }
        for text in ["false", "False", "0", "no", "NO", "off"] {
            assert_eq!(boolean(text), Ok(false), "{text}");
        }
        for text in ["maybe", "2", "y e s", "t"] {
            assert!(boolean(text).expect_err(text).contains("; write `true`, `1`, `yes` or `on`"));
        }
    }

    #[test]
    fn an_error_names_the_place_and_the_help() {
        let error = Misused::said("NAMEPLATE_ADMIN", &admin_address("localhost:9901").expect_err("a name"));
        let want =
            "error: NAMEPLATE_ADMIN: `localhost:9901` is not an IP address with a port\n  help: write `127.0.0.1:9901`";
        assert_eq!(error.to_string(), want);
    }
}
