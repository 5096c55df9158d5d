//! Host names: as the mapping writes them, and as requests send them.
//!
//! **Invariant:** a [`Host`] and everything [`normalize`] returns is lower case, has no port and no
//! trailing dot, so two of them are the same name exactly when their bytes are equal.

use std::fmt;

/// The longest host name in its text form (RFC 1035 section 2.3.4 allows 255 octets on the wire,
/// which leaves 253 characters).
pub const MAX_HOST: usize = 253;

/// The longest label (RFC 1035 section 2.3.4).
pub const MAX_LABEL: usize = 63;

/// A custom domain's name, or a wildcard that stands for exactly one label: `*.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(Box<str>);

impl Host {
    /// Reads a name as a mapping file may write it. A trailing dot and upper case are accepted and
    /// dropped; everything else that is not a host name says why.
    ///
    /// An underscore may stand in the first label alone, under a domain that somebody has. No certificate may name it (CA/Browser Forum Baseline
    /// Requirements, section 7.1.4.2.1), but the wildcard certificate of the parent covers it. In any other label,
    /// and below a wildcard, that certificate could not be issued.
    pub fn parse(text: &str) -> Result<Host, HostFault> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.is_empty() {
            return Err(HostFault::Empty);
        }
        if !name.is_ascii() {
            return Err(HostFault::NotAscii);
        }
        let labels = name.strip_prefix("*.").unwrap_or(&name);
        if labels.contains('*') || labels.is_empty() {
            return Err(HostFault::WildcardNotFirst);
        }
        if name.len() > MAX_HOST {
            return Err(HostFault::TooLong(name.len()));
        }
        for label in labels.split('.') {
            check_label(label)?;
        }
        check_underscores(&name)?;
        if labels.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
            return Err(HostFault::LooksLikeAnAddress);
        }
        Ok(Host(name.into_boxed_str()))
    }

    /// The name, `*.` included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For `*.example.com`, `example.com`.
    pub fn wildcard_parent(&self) -> Option<&str> {
        self.0.strip_prefix("*.")
    }
}

/// Whether names under this one belong to different owners: `com`, `co.uk`. Of the Public Suffix List
/// only the ICANN part counts: `github.io` and the like have an owner.
pub fn is_public_suffix(name: &str) -> bool {
    let suffix = psl::suffix(name.as_bytes()).filter(|suffix| suffix.typ() == Some(psl::Type::Icann));
    suffix.is_some_and(|suffix| suffix.as_bytes() == name.as_bytes())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_label(label: &str) -> Result<(), HostFault> {
    let fault = |why| Err(HostFault::Label { label: label.into(), why });
    if label.is_empty() {
        return fault("is empty");
    }
    if label.len() > MAX_LABEL {
        return fault("is longer than 63 characters");
    }
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !label.bytes().all(|b| is_plain(b) || b == b'_') {
        return fault("has a character other than a-z, 0-9 and `-`");
    }
    if label.starts_with('-') || label.ends_with('-') {
        return fault("starts or ends with `-`");
    }
    Ok(())
}

/// Refuses an underscore that a certificate would have to name.
fn check_underscores(name: &str) -> Result<(), HostFault> {
    if !name.contains('_') {
        return Ok(());
    }
    let fault = |label: &str, why| Err(HostFault::Label { label: label.into(), why });
    let (first, parent) = name.split_once('.').unwrap_or((name, ""));
    if let Some(label) = parent.split('.').find(|label| label.contains('_')) {
        return fault(label, UNDERSCORE_INSIDE);
    }
    if parent.is_empty() || is_public_suffix(parent) { fault(first, UNDERSCORE_ABOVE_ALL) } else { Ok(()) }
}

/// What is wrong with an underscore below the first label.
pub(crate) const UNDERSCORE_INSIDE: &str = "has an underscore, and is not the first label";

/// What is wrong with an underscore where nobody has a certificate of the parent.
pub(crate) const UNDERSCORE_ABOVE_ALL: &str = "has an underscore, and stands directly under a public suffix";

/// Why a text is not the name of a custom domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// Nothing where a name should be.
    #[error("the host name is empty")]
    Empty,
    /// Certificates and DNS hold the ASCII form.
    #[error("the host name is not in its ASCII form")]
    NotAscii,
    /// Only `*.` at the front, for one whole label, is a wildcard.
    #[error("a wildcard stands only as the whole first label")]
    WildcardNotFirst,
    /// Over [`MAX_HOST`].
    #[error("the host name has {0} characters; 253 is the most")]
    TooLong(usize),
    /// One label is no LDH label (RFC 5890 section 2.3.1).
    #[error("the host label `{label}` {why}")]
    Label {
        /// The label as written.
        label: Box<str>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `10.0.0.1` is an address; so is any name whose last label is a number (WHATWG URL, "ends in
    /// a number").
    #[error("an IP address is not a domain name")]
    LooksLikeAnAddress,
}

/// Room for one normalized request host, on the caller's stack.
pub struct HostBuffer([u8; MAX_HOST + 2]);

impl Default for HostBuffer {
    fn default() -> Self {
        HostBuffer([0; MAX_HOST + 2])
    }
}

/// Why a request's host cannot be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRequestHost {
    /// There is none, or it is empty.
    Missing,
    /// It is not `uri-host [ ":" port ]` (RFC 9110 section 7.2).
    Malformed,
}

/// A request's host in the form the table is keyed by: lower case, without port and trailing dot.
///
/// Allocates nothing. A host list (`a.com, b.com`), userinfo, spaces, and ports that are no number
/// are malformed, not "close enough": whoever else read the header might have read another name.
#[inline]
pub fn normalize<'b>(raw: &[u8], buffer: &'b mut HostBuffer) -> Result<&'b str, BadRequestHost> {
    if raw.is_empty() {
        return Err(BadRequestHost::Missing);
    }
    let (name, port) = split_port(raw)?;
    check_port(port)?;
    let name = name.strip_suffix(b".").unwrap_or(name);
    if name.is_empty() || name.len() > MAX_HOST || name.ends_with(b".") {
        return Err(BadRequestHost::Malformed);
    }
    let out = &mut buffer.0[..name.len()];
    let bad = if name[0] == b'[' {
        out.copy_from_slice(name);
        out.make_ascii_lowercase();
        name.iter().any(|b| !matches!(b, b'[' | b']' | b':' | b'.') && !b.is_ascii_hexdigit())
    } else {
        // One pass without a branch a byte. As if after a dot: no label is empty, the first one included.
        let (mut bad, mut before) = (false, b'.');
        for (to, from) in out.iter_mut().zip(name) {
            let byte = HOST_BYTES[usize::from(*from)];
            bad |= (byte == 0) | ((byte == b'.') & (before == b'.'));
            (*to, before) = (byte, byte);
        }
        bad
    };
    if bad {
        return Err(BadRequestHost::Malformed);
    }
    std::str::from_utf8(out).map_err(|_| BadRequestHost::Malformed)
}

/// A byte that a host name may hold, in lower case; 0 for every other.
const HOST_BYTES: [u8; 256] = {
    let mut lower = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.') {
            lower[byte] = b.to_ascii_lowercase();
        }
        byte += 1;
    }
    lower
};

#[inline]
fn split_port(raw: &[u8]) -> Result<(&[u8], &[u8]), BadRequestHost> {
    if raw[0] == b'[' {
        let end = raw.iter().position(|b| *b == b']').ok_or(BadRequestHost::Malformed)? + 1;
        let (name, rest) = raw.split_at(end);
        return match rest {
            [] => Ok((name, b"")),
            [b':', port @ ..] => Ok((name, port)),
            _ => Err(BadRequestHost::Malformed),
        };
    }
    match raw.iter().position(|b| *b == b':') {
        Some(at) => Ok((&raw[..at], &raw[at + 1..])),
        None => Ok((raw, b"")),
    }
}

// RFC 3986 section 3.2.3 allows `host:` with no digits; a port over 65,535 names nothing.
fn check_port(port: &[u8]) -> Result<(), BadRequestHost> {
    let mut number: u32 = 0;
    for digit in port {
        if !digit.is_ascii_digit() {
            return Err(BadRequestHost::Malformed);
        }
        number = number.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
    }
    if number > 65_535 { Err(BadRequestHost::Malformed) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn request(raw: &str, want: Result<&str, BadRequestHost>) {
        let mut buffer = HostBuffer::default();
        assert_eq!(normalize(raw.as_bytes(), &mut buffer), want, "host {raw:?}");
    }

    #[test]
    fn case_port_and_trailing_dot_do_not_matter() {
        for raw in [
            "pay.example.com",
            "PAY.Example.com",
            "pay.example.com:443",
            "pay.example.com.",
            "pay.example.com.:8443",
            "pay.example.com:",
        ] {
            request(raw, Ok("pay.example.com"));
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_malformed() {
        for raw in [
            "a.com,b.com",
            "a.com b.com",
            " a.com",
            "a.com ",
            "user@a.com",
            "a.com:-1",
            "a.com:+1",
            "a.com:80:80",
            "a.com:65536",
            "a.com:x",
            "a..com",
            ".a.com",
            "a.com..",
            "a.com/x",
            "a.com\\x",
            "a.com#",
            "a.com?",
            "*.a.com",
            "a%2ecom",
            "bücher.example",
            "[::1",
            "[::1]x",
            ":80",
            ".",
            "a\0.com",
            "a.com\t",
        ] {
            request(raw, Err(BadRequestHost::Malformed));
        }
    }

    #[test]
    fn no_host_is_its_own_case() {
        request("", Err(BadRequestHost::Missing));
    }

    #[test]
    fn an_ip_literal_is_well_formed() {
        request("[::1]:8080", Ok("[::1]"));
        request("127.0.0.1:80", Ok("127.0.0.1"));
    }

    #[test]
    fn a_name_longer_than_dns_allows_is_malformed() {
        request(&"a".repeat(254), Err(BadRequestHost::Malformed));
        let longest = format!("{}.", "a".repeat(253));
        request(&longest, Ok(&"a".repeat(253)));
    }

    #[test]
    fn the_mapping_writes_names_in_any_case() {
        assert_eq!(Host::parse("Orders.Example.COM.").map(|h| h.to_string()), Ok("orders.example.com".into()));
        assert_eq!(Host::parse("*.example.com").ok().as_ref().and_then(Host::wildcard_parent), Some("example.com"));
    }

    #[test]
    fn a_wildcard_stands_for_the_whole_first_label_only() {
        for text in ["*", "a.*.com", "a*.example.com", "*.*.example.com", "*a.example.com", "*."] {
            assert_eq!(Host::parse(text), Err(HostFault::WildcardNotFirst), "{text}");
        }
    }

    #[test]
    fn an_underscore_stands_only_where_no_certificate_names_it() {
        assert!(Host::parse("pay_api.in.example.com").is_ok() && Host::parse("_a.example.com").is_ok());
        for text in ["api.in_side.example.com", "*.in_side.example.com", "a_b.c_d.example.com"] {
            assert!(matches!(Host::parse(text), Err(HostFault::Label { why: UNDERSCORE_INSIDE, .. })), "{text}");
        }
        for text in ["my_shop.com", "my_shop.co.uk", "a_b"] {
            assert!(matches!(Host::parse(text), Err(HostFault::Label { why: UNDERSCORE_ABOVE_ALL, .. })), "{text}");
        }
    }

    #[test]
    fn an_address_is_not_a_domain() {
        assert_eq!(Host::parse("10.0.0.1"), Err(HostFault::LooksLikeAnAddress));
    }
}
