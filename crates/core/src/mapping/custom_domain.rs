//! CUSTOM_DOMAIN_URL: a host, and optionally a base path.

use std::net::Ipv6Addr;

use crate::diagnostic::Code;
use crate::domain::base_path::{BasePath, BasePathFault};
use crate::domain::host::{Host, HostFault, UNDERSCORE_ABOVE_ALL, UNDERSCORE_INSIDE, is_public_suffix};
use crate::domain::region::SUFFIXES;

/// A parsed CUSTOM_DOMAIN_URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CustomDomain {
    pub(crate) host: Host,
    pub(crate) base: BasePath,
}

/// What is wrong with a CUSTOM_DOMAIN_URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DomainFault {
    /// The byte of the value it starts at.
    pub(crate) offset: usize,
    pub(crate) what: String,
    pub(crate) help: String,
    pub(crate) code: Code,
}

fn fault<T>(offset: usize, what: impl Into<String>, help: impl Into<String>) -> Result<T, DomainFault> {
    Err(DomainFault { offset, what: what.into(), help: help.into(), code: Code::BadDomain })
}

impl CustomDomain {
    /// Reads a value: `[https://]host[/base/path][/]`.
    pub(crate) fn parse(value: &str) -> Result<CustomDomain, DomainFault> {
        refuse_several(value)?;
        let host_at = scheme_len(value)?;
        let rest = &value[host_at..];
        if let Some(at) = rest.find(['?', '#']) {
            return fault(
                host_at + at,
                "CUSTOM_DOMAIN_URL carries a query or fragment",
                "end it after the host or the base path",
            );
        }
        let path_at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_at);
        let host = parse_host(authority).map_err(|fault| DomainFault { offset: host_at + fault.offset, ..fault })?;
        let base = BasePath::parse(path).map_err(|why| {
            let offset = host_at + path_at + why.offset(path);
            let help = match why {
                BasePathFault::Wildcard | BasePathFault::Parameter => why.help_with(&value[..offset]),
                _ => "write plain segments, for example `/v1`".into(),
            };
            DomainFault { offset, what: format!("the path of CUSTOM_DOMAIN_URL {why}"), help, code: Code::BadPath }
        })?;
        Ok(CustomDomain { host, base })
    }
}

/// Checks a value of CUSTOM_DOMAIN_URL. Returns the byte that is wrong, what is wrong, and how to fix it.
pub fn check_custom_domain(value: &str) -> Result<(), (usize, String, String)> {
    CustomDomain::parse(value).map(|_| ()).map_err(|fault| (fault.offset, fault.what, fault.help))
}

/// Refuses white space, and a comma that does not stand in a base path: several domains are not one value.
fn refuse_several(value: &str) -> Result<(), DomainFault> {
    let is_between = |c: char| c.is_ascii_whitespace() || c == ',';
    let Some(at) = value.find(is_between) else { return Ok(()) };
    let is_comma = value[at..].starts_with(',');
    if is_comma && value[..at].trim_start_matches("https://").contains('/') {
        return Ok(());
    }
    if value.ends_with('\n') {
        return fault(
            at,
            "CUSTOM_DOMAIN_URL holds a line break",
            "write it on the line of its key, without `|` or `>`",
        );
    }
    let what = format!("CUSTOM_DOMAIN_URL holds a {}", if is_comma { "comma" } else { "space" });
    fault(at, what, "delete it; each domain has an entry of its own")
}

fn scheme_len(value: &str) -> Result<usize, DomainFault> {
    let scheme = value.find([':', '/']).map_or("", |end| &value[..end]);
    let rest = &value[scheme.len()..];
    let is_https = scheme.eq_ignore_ascii_case("https");
    if is_https && rest.starts_with("://") {
        let twice = rest[3..].get(..8).is_some_and(|again| again.eq_ignore_ascii_case("https://"));
        return if twice {
            fault(8, "CUSTOM_DOMAIN_URL starts with https:// twice", "delete one of them")
        } else {
            Ok(8)
        };
    }
    if is_https && (rest.starts_with("//") || rest.starts_with(":/")) {
        let what = format!("CUSTOM_DOMAIN_URL starts with {scheme}{}", &rest[..2]);
        return fault(0, what, "write `https://`, or only the host");
    }
    if rest.starts_with("://") {
        let what = format!("CUSTOM_DOMAIN_URL starts with {scheme}://, not https://");
        return fault(0, what, "clients reach a custom domain over TLS; write `https://` or only the host");
    }
    Ok(0)
}

fn parse_host(authority: &str) -> Result<Host, DomainFault> {
    if authority.starts_with('[') || authority.parse::<Ipv6Addr>().is_ok() {
        return host_fault(authority, &HostFault::LooksLikeAnAddress);
    }
    if authority.contains('@') {
        let what = "CUSTOM_DOMAIN_URL carries user information";
        return fault(0, what, "drop everything up to the `@`");
    }
    if let Some(at) = authority.find(':') {
        let help = "drop it: a domain stands for its API on every port, and the settings name the ports";
        return fault(at, "CUSTOM_DOMAIN_URL carries a port", help);
    }
    let host = Host::parse(authority).or_else(|why| host_fault(authority, &why))?;
    refuse_suffix(&host)?;
    refuse_api(&host)?;
    Ok(host)
}

/// Refuses the names of APIs and of VPC endpoints: AWS has their certificates, and nobody else gets one.
fn refuse_api(host: &Host) -> Result<(), DomainFault> {
    let under = |name: &str| name.split_once('.').map(|(_, suffix)| suffix.trim_start_matches("vpce.").to_owned());
    let name = host.as_str();
    let rest = name.strip_prefix("execute-api.").or_else(|| name.split_once(".execute-api.").map(|(_, rest)| rest));
    if rest.and_then(under).is_some_and(|suffix| SUFFIXES.contains(&&*suffix)) {
        let help = "write the domain clients call; the API's own address belongs in PRIVATE_API_URL";
        return fault(0, "CUSTOM_DOMAIN_URL is an execute-api name, which is AWS's", help);
    }
    Ok(())
}

fn host_fault<T>(written: &str, why: &HostFault) -> Result<T, DomainFault> {
    let (offset, help) = match why {
        HostFault::Empty => (0, "write the domain clients call, for example `api.example.com`".into()),
        HostFault::NotAscii => (0, ascii_form(written)),
        HostFault::WildcardNotFirst => {
            let help = "write `*.` and the rest of the name, for example `*.example.com`; it stands for one label";
            (written.find('*').unwrap_or(0), help.into())
        }
        HostFault::TooLong(_) => (0, "shorten it".into()),
        HostFault::Label { label, why: UNDERSCORE_INSIDE | UNDERSCORE_ABOVE_ALL } => {
            let help = "write `-`: certificates cannot name an underscore. In the first label, under a domain of yours, it is \
                        fine: the wildcard certificate of its parent covers it";
            (label_at(written, label), help.into())
        }
        HostFault::Label { label, .. } if label.is_empty() && written.starts_with('.') => {
            (0, format!("write `*{written}` for the names below it, or delete the dot"))
        }
        HostFault::Label { label, .. } => {
            (label_at(written, label), "a label has a-z, 0-9 and, inside, `-`: 1 to 63 of them".into())
        }
        HostFault::LooksLikeAnAddress => (0, "write the name clients call, for example `api.example.com`".into()),
    };
    match why {
        HostFault::Label { label, .. } if label.is_empty() => fault(offset, "a host label is empty", help),
        _ => fault(offset, why.to_string(), help),
    }
}

fn ascii_form(written: &str) -> String {
    match idna::domain_to_ascii(written) {
        Ok(ascii) if Host::parse(&ascii).is_ok() => format!("write `{ascii}`, as DNS and certificates do"),
        _ => "write its ASCII form, which starts with `xn--`, as DNS and certificates do".into(),
    }
}

/// The byte at which a label stands; of an empty one, the dot that ends it.
fn label_at(written: &str, label: &str) -> usize {
    let mut at = 0;
    for candidate in written.split('.') {
        if candidate.eq_ignore_ascii_case(label) {
            return at;
        }
        at += candidate.len() + 1;
    }
    0
}

/// Refuses names nobody can have a certificate for: a suffix under which anyone registers, and a
/// single label. ACM takes neither, and a wildcard of either would claim every name under it.
///
/// Only the list's ICANN part counts: a name in its private part (`github.io`) has an owner, who
/// may well map it. An unlisted last label (`orders.internal`) is a private zone, and passes.
fn refuse_suffix(host: &Host) -> Result<(), DomainFault> {
    let name = host.wildcard_parent().unwrap_or(host.as_str());
    if is_public_suffix(name) {
        let help = format!("write a domain of yours under it, for example `example.{name}`");
        return fault(0, format!("`{host}` is a public suffix, not a domain"), help);
    }
    if !name.contains('.') {
        let help = format!("write a full name, for example `{host}.example.com`: certificates need one");
        let help = if host.wildcard_parent().is_some() {
            format!("write a longer name, for example `*.example.{name}`: certificates need one")
        } else {
            help
        };
        return fault(0, format!("`{host}` has a single label"), help);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(value: &str, host: &str, base: &str) {
        let got = CustomDomain::parse(value).unwrap_or_else(|fault| panic!("{value}: {fault:?}"));
        assert_eq!((got.host.as_str(), got.base.as_str()), (host, base), "{value}");
    }

    #[test]
    fn scheme_case_slash_and_dot_do_not_matter() {
        for value in [
            "pay.example.com",
            "https://pay.example.com",
            "HTTPS://Pay.Example.COM/",
            "pay.example.com/",
            "pay.example.com.",
            "https://pay.example.com./",
        ] {
            reads(value, "pay.example.com", "");
        }
    }

    #[test]
    fn a_base_path_and_a_wildcard_are_kept() {
        reads("pay.example.com/v1", "pay.example.com", "/v1");
        reads("https://pay.example.com/v1/Cards/", "pay.example.com", "/v1/Cards");
        reads("*.example.com/v1", "*.example.com", "/v1");
    }

    #[track_caller]
    fn refuses(value: &str, offset: usize, what: &str) -> DomainFault {
        let found = CustomDomain::parse(value).expect_err(value);
        assert!(found.offset == offset && found.what.contains(what), "{value}: {found:?}");
        found
    }

    #[test]
    fn what_is_no_domain_says_where() {
        refuses("http://pay.example.com", 0, "not https://");
        refuses("pay.example.com:443", 15, "port");
        refuses("https://me:pw@pay.example.com", 8, "user information");
        refuses("https://pay.example.com/v1?x=1", 26, "query");
        refuses("pay.example.com#top", 15, "fragment");
        refuses("https://", 8, "empty");
        refuses("/v1", 0, "empty");
        refuses("a.*.example.com", 2, "wildcard");
        refuses("pay.exam_ple.com", 4, "exam_ple");
        refuses("pay..com", 4, "is empty");
        refuses("pay.-x.com", 4, "starts or ends with `-`");
        refuses(&format!("{}.com", "a.".repeat(130)), 0, "264 characters");
    }

    #[test]
    fn an_address_is_refused_in_every_spelling() {
        for value in ["10.0.0.1", "[::1]", "::1", "[::1]:443"] {
            refuses(value, 0, "IP address");
        }
    }

    #[test]
    fn a_path_that_could_not_stand_in_a_request_is_refused() {
        refuses("a.example.com/v1/../x", 13, "dot segment");
        refuses("a.example.com/%2e%2e", 13, "dot segment");
        refuses("a.example.com//v1", 13, "empty segment");
        refuses("a.example.com/v1//", 13, "empty segment");
        refuses("a.example.com/ä", 13, "not allowed");
        refuses(&format!("a.example.com/{}", "x".repeat(2_048)), 13, "longer than");
    }

    #[test]
    fn unicode_is_answered_with_its_ascii_form() {
        assert!(refuses("bücher.example.com", 0, "ASCII").help.contains("`xn--bcher-kva.example.com`"));
        assert!(refuses("https://*.bücher.example", 8, "ASCII").help.contains("`*.xn--bcher-kva.example`"));
        assert!(refuses("a.\u{202e}\u{378}.com", 0, "ASCII").help.contains("xn--"));
    }

    #[test]
    fn public_suffixes_are_nobodys_and_private_ones_somebodys() {
        for value in ["com", "co.uk", "*.com", "*.co.uk", "COM.", "https://com/v1"] {
            refuses(value, value.find("com/").unwrap_or(0), "public suffix");
        }
        reads("github.io", "github.io", "");
        reads("orders.internal", "orders.internal", "");
        reads("*.orders.corp", "*.orders.corp", "");
        reads("orders.local", "orders.local", "");
    }

    #[test]
    fn a_single_label_is_no_domain() {
        refuses("orders", 0, "single label");
        refuses("*.internal", 0, "single label");
        refuses("localhost", 0, "single label");
    }
}
