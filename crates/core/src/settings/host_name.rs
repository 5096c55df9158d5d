//! The DNS name of a VPC endpoint, and everything people write in its place.

use std::net::{IpAddr, SocketAddr};

use super::problem::Wrong;
use crate::domain::host::{MAX_HOST, MAX_LABEL};
use crate::mapping::placeholder;

/// What such a name looks like.
pub(super) const EXAMPLE: &str = "vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com";

/// Checks that a text is the DNS name of an endpoint.
///
/// A name may have underscores and a dot at its end, as DNS allows.
pub fn check_endpoint_name(text: &str) -> Result<(), Wrong> {
    let wrong = |what: &str, help: String| Err(Wrong::new(format!("`{}` {what}", shown(text)), help));
    if text.trim().is_empty() {
        return Err(Wrong::new("it is empty", format!("write the endpoint's DNS name, for example `{EXAMPLE}`")));
    }
    if let Some((_, found)) = placeholder::first(text, true) {
        return Err(Wrong::new(placeholder::what(found), format!("write a name such as `{EXAMPLE}`")));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        return wrong("is a URL, and a DNS name is needed", format!("write its host name alone: `{host}`"));
    }
    if let Some((host, _)) = text.split_once('/') {
        return wrong("has a path, and a DNS name has none", format!("delete everything from `/`: `{host}`"));
    }
    if let Some(address) = ip_of(text) {
        let help = format!("write addresses in `fixed`, with their port: `fixed: ['{address}']`");
        return wrong("is an IP address, and a DNS name is needed", help);
    }
    if let Some((before, after)) = text.split_once(':') {
        if !after.is_empty() && after.bytes().all(|b| b.is_ascii_digit()) {
            let help = format!("write the port as a key of its own: `name: {before}` and `port: {after}`");
            return wrong("has a port, and a DNS name has none", help);
        }
        if is_zone_id(before) && after.contains('.') {
            let help = format!("delete up to the colon, which is the id of the name's hosted zone: `{after}`");
            return wrong("is an entry of DnsEntries as CloudFormation prints it", help);
        }
    }
    if text.contains('*') {
        let help = format!(
            "write the endpoint's own name, for example `{EXAMPLE}`; for private DNS names, `private_dns: true`"
        );
        return wrong("is a wildcard, and one name is looked up", help);
    }
    if text.starts_with("vpce-") && !text.contains('.') {
        let help = format!(
            "write its DNS name, for example `{EXAMPLE}`: aws ec2 describe-vpc-endpoints --vpc-endpoint-ids {text} --query \
             VpcEndpoints[0].DnsEntries[0].DnsName --output text"
        );
        return wrong("is the id of an endpoint, and its DNS name is needed", help);
    }
    labels(text)
}

fn labels(text: &str) -> Result<(), Wrong> {
    let wrong = |what: String| Err(Wrong::new(what, format!("write a DNS name, for example `{EXAMPLE}`")));
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() > MAX_HOST {
        return wrong(format!("has {} characters, and a DNS name has {MAX_HOST} at the most", name.len()));
    }
    if let Some(c) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(*c))) {
        return wrong(format!("`{}` is not a DNS name: it has {c:?}", shown(text)));
    }
    for label in name.split('.') {
        if label.is_empty() {
            return wrong(format!("`{}` is not a DNS name: it has two dots in a row, or begins with one", shown(text)));
        }
        if label.len() > MAX_LABEL || label.starts_with('-') || label.ends_with('-') {
            let what = "is over 63 characters, or begins or ends with `-`";
            return wrong(format!("`{}` is not a DNS name: its part `{}` {what}", shown(text), shown(label)));
        }
    }
    Ok(())
}

/// The address that a text is, with a port; 443 where it has none.
fn ip_of(text: &str) -> Option<SocketAddr> {
    let ip = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    ip.map(|ip| SocketAddr::new(ip, 443)).or_else(|_| text.parse()).ok()
}

/// Whether a text is the id of a hosted zone of Route 53: `Z7HUB22UULQXV`.
fn is_zone_id(text: &str) -> bool {
    text.starts_with('Z') && text.len() > 5 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// A text of any length as an error may have it.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 120;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken() {
        let longest = format!("{}.example", "a".repeat(63));
        for name in [EXAMPLE, "vpce.example", "localhost", "my_endpoint.internal.", "VPCE.Example.COM", &longest] {
            assert_eq!(check_endpoint_name(name), Ok(()), "{name}");
        }
    }

    #[track_caller]
    fn wrong(text: &str, what: &str, help: &str) {
        let found = check_endpoint_name(text).expect_err(text);
        assert!(found.what.contains(what) && found.help.contains(help), "{text}: {found:?}");
    }

    #[test]
    fn each_other_thing_has_its_own_help() {
        wrong("https://a.example.com:8443/x", "is a URL", "alone: `a.example.com`");
        wrong("vpce-0123456789abcdef0", "is the id of an endpoint", "describe-vpc-endpoints");
        wrong("Z7HUB22UULQXV:vpce-1-a.vpce.amazonaws.com", "CloudFormation", "`vpce-1-a.vpce.amazonaws.com`");
        wrong("10.0.0.7", "is an IP address", "`fixed: ['10.0.0.7:443']`");
        wrong("10.0.0.7:8443", "is an IP address", "`fixed: ['10.0.0.7:8443']`");
        wrong("[fd00::7]", "is an IP address", "`fixed: ['[fd00::7]:443']`");
        wrong("fd00::7", "is an IP address", "`fixed: ['[fd00::7]:443']`");
        wrong("a.example.com:443", "has a port", "`name: a.example.com` and `port: 443`");
        wrong("*.example.com", "is a wildcard", "private_dns");
        wrong("a.example.com/prod", "has a path", "`a.example.com`");
        wrong("${ENDPOINT}", "placeholder", "write a name");
        wrong("a..example.com", "two dots", "write a DNS name");
        wrong("-a.example.com", "its part `-a`", "write a DNS name");
        wrong("a b.example.com", "it has ' '", "write a DNS name");
        wrong("", "is empty", "DNS name");
        wrong(&"a.".repeat(200), "characters", "write a DNS name");
    }
}
