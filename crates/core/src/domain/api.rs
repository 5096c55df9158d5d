//! A private API's address: `https://{api}.execute-api.{region}.{suffix}/{stage}[/{path}]`.

use std::ops::Range;

use super::base_path::{BasePath, BasePathFault};
use super::host::MAX_LABEL;

/// The DNS suffix of each AWS partition that has API Gateway (AWS General Reference, "Partitions").
pub const SUFFIXES: [&str; 7] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// A parsed PRIVATE_API_URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateApi {
    /// The host, lower case, as Host and SNI carry it.
    pub host: Box<str>,
    /// How much of the front of `host` is the API's id.
    id_len: u8,
    /// Where the region stands in `host`.
    region: Range<u8>,
    /// The deployed stage, without slashes.
    pub stage: Box<str>,
    /// What follows the stage.
    pub base_path: BasePath,
}

impl PrivateApi {
    /// Reads a PRIVATE_API_URL.
    pub fn parse(text: &str) -> Result<PrivateApi, ApiFault> {
        let Some(rest) = strip_scheme(text) else {
            return Err(ApiFault::new(ApiFaultKind::NotHttps, 0..text.len().min(scheme_len(text))));
        };
        let host_at = text.len() - rest.len();
        let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(host_end);
        let host_text = authority.strip_suffix(":443").unwrap_or(authority);
        let host = host_text.to_ascii_lowercase();
        let at = |range: Range<usize>| host_at + range.start..host_at + range.end;
        if host_text.contains(':') || host_text.contains('@') {
            return Err(ApiFault::new(ApiFaultKind::PortOrUserinfo, at(0..authority.len())));
        }
        let (id_len, region) = parse_host(&host).map_err(|kind| ApiFault::new(kind, at(0..authority.len())))?;
        let path_at = host_at + host_end;
        let (stage, base_path) = parse_path(path)
            .map_err(|(kind, range)| ApiFault::new(kind, path_at + range.start..path_at + range.end))?;
        Ok(PrivateApi { host: host.into(), id_len, region, stage: stage.into(), base_path })
    }

    /// The API's id: what `x-apigw-api-id` carries.
    pub fn id(&self) -> &str {
        &self.host[..usize::from(self.id_len)]
    }

    /// The region of the execute-api endpoint that serves it.
    pub fn region(&self) -> &str {
        &self.host[self.region_range()]
    }

    /// Where the region stands in `host`.
    pub(super) fn region_range(&self) -> Range<usize> {
        usize::from(self.region.start)..usize::from(self.region.end)
    }

    /// What every upstream path starts with: `/{stage}{base_path}`.
    pub fn prefix(&self) -> String {
        format!("/{}{}", self.stage, self.base_path)
    }
}

fn strip_scheme(text: &str) -> Option<&str> {
    let scheme = text.get(..8)?;
    scheme.eq_ignore_ascii_case("https://").then(|| &text[8..])
}

fn scheme_len(text: &str) -> usize {
    text.find("://").map_or(text.len(), |at| at + 3)
}

fn parse_host(host: &str) -> Result<(u8, Range<u8>), ApiFaultKind> {
    // Nearly always the second label; to search for it costs more than all the rest.
    let second = host.split_once('.').and_then(|(first, rest)| Some((first, rest.strip_prefix("execute-api.")?)));
    let Some((first, rest)) = second.or_else(|| host.split_once(".execute-api.")) else {
        return Err(ApiFaultKind::NotExecuteApi);
    };
    let Some((region, suffix)) = rest.split_once('.') else {
        return Err(ApiFaultKind::NotExecuteApi);
    };
    if suffix.strip_prefix("vpce.").is_some_and(|suffix| SUFFIXES.contains(&suffix)) {
        return Err(ApiFaultKind::EndpointName);
    }
    if !SUFFIXES.contains(&suffix) {
        return Err(ApiFaultKind::UnknownSuffix(suffix.into()));
    }
    // A label of DNS has at most 63 characters; a route counts on hosts being that short.
    let region_ok = (1..=MAX_LABEL).contains(&region.len())
        && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !region_ok {
        return Err(ApiFaultKind::BadRegion(region.into()));
    }
    // The Route 53 alias form `{api}-vpce-{id}`: the API's id never holds a hyphen.
    let id = match first.find('-').and_then(|_| first.split_once("-vpce-")) {
        Some((id, endpoint))
            if first.len() <= MAX_LABEL
                && !endpoint.is_empty()
                && endpoint.bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            id
        }
        Some(_) => return Err(ApiFaultKind::BadId(first.into())),
        None => first,
    };
    if id.is_empty() || id.len() > MAX_LABEL || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return Err(ApiFaultKind::BadId(id.into()));
    }
    // Both are labels: the region ends before the 140th character.
    let start = first.len() + ".execute-api.".len();
    Ok((id.len() as u8, start as u8..(start + region.len()) as u8))
}

type PathFault = (ApiFaultKind, Range<usize>);

/// `/{stage}[/{path}]` to the stage and the base path.
fn parse_path(path: &str) -> Result<(&str, BasePath), PathFault> {
    if let Some(at) = path.find(['?', '#']) {
        return Err((ApiFaultKind::QueryOrFragment, at..path.len()));
    }
    let Some(rest) = path.strip_prefix('/') else {
        return Err((ApiFaultKind::NoStage, 0..path.len()));
    };
    let (stage, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if stage.is_empty() {
        return Err((ApiFaultKind::NoStage, 0..path.len()));
    }
    if stage.len() > 128 || !stage.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        return Err((ApiFaultKind::BadStage(stage.into()), 1..1 + stage.len()));
    }
    let base_path = BasePath::parse(base).map_err(|why| (ApiFaultKind::BadPath(why), 1 + stage.len()..path.len()))?;
    Ok((stage, base_path))
}

/// What is wrong with a PRIVATE_API_URL, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiFault {
    /// What.
    pub kind: ApiFaultKind,
    /// The bytes of the text it is about.
    pub range: Range<usize>,
}

impl ApiFault {
    fn new(kind: ApiFaultKind, range: Range<usize>) -> Self {
        ApiFault { kind, range }
    }
}

/// The ways a PRIVATE_API_URL can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiFaultKind {
    /// API Gateway serves nothing but TLS.
    #[error("PRIVATE_API_URL does not start with https://")]
    NotHttps,
    /// The host is not of the published form.
    #[error("PRIVATE_API_URL is not an execute-api address")]
    NotExecuteApi,
    /// `vpce-...execute-api.{region}.vpce.amazonaws.com` names an endpoint, not an API.
    #[error("PRIVATE_API_URL names a VPC endpoint, not an API")]
    EndpointName,
    /// No partition has this suffix.
    #[error("`{0}` is not the DNS suffix of an AWS partition")]
    UnknownSuffix(Box<str>),
    /// Not a region's name.
    #[error("`{0}` is not the name of a region")]
    BadRegion(Box<str>),
    /// Not an API's id.
    #[error("`{0}` is not the id of an API")]
    BadId(Box<str>),
    /// The port is the endpoint's, and there are no users.
    #[error("PRIVATE_API_URL carries a port or user information")]
    PortOrUserinfo,
    /// Nothing names the stage.
    #[error("PRIVATE_API_URL has no stage")]
    NoStage,
    /// A stage has letters, digits, `_` and `-`.
    #[error("`{0}` is not the name of a stage")]
    BadStage(Box<str>),
    /// The path after the stage cannot stand in front of every request's.
    #[error("the path of PRIVATE_API_URL {0}")]
    BadPath(BasePathFault),
    /// A query cannot stand in front of a request's path.
    #[error("PRIVATE_API_URL carries a query or fragment")]
    QueryOrFragment,
}

impl ApiFaultKind {
    /// How to mend it.
    pub fn help(&self) -> String {
        match self {
            ApiFaultKind::NotHttps => "write `https://{api}.execute-api.{region}.amazonaws.com/{stage}`".into(),
            ApiFaultKind::NotExecuteApi => "the invoke URL looks like `https://abc123.execute-api.eu-west-1.amazonaws.com/prod`".into(),
            ApiFaultKind::EndpointName => {
                "write the API's own name, `https://{api}.execute-api.{region}.amazonaws.com/{stage}`; the endpoint belongs in the settings".into()
            }
            ApiFaultKind::UnknownSuffix(_) => format!("use one of {}", SUFFIXES.join(", ")),
            ApiFaultKind::BadRegion(_) => "a region looks like `eu-west-1`".into(),
            ApiFaultKind::BadId(_) => "an API id has only lower-case letters and digits, for example `abc123`".into(),
            ApiFaultKind::PortOrUserinfo => "drop it: API Gateway listens on 443, and the endpoint's port belongs in the settings".into(),
            ApiFaultKind::NoStage => "add the deployed stage, for example `/prod`".into(),
            ApiFaultKind::BadStage(_) => "a stage has only letters, digits, `_` and `-`".into(),
            ApiFaultKind::BadPath(_) => "write plain segments, for example `/prod/v1`".into(),
            ApiFaultKind::QueryOrFragment => "end the URL after the path".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parts(url: &str, want: (&str, &str, &str, &str)) {
        let api = PrivateApi::parse(url).unwrap_or_else(|fault| panic!("{url}: {fault:?}"));
        assert_eq!((api.id(), api.region(), &*api.stage, api.base_path.as_str()), want, "{url}");
    }

    #[test]
    fn every_published_form_is_read() {
        parts("https://abc123.execute-api.us-east-1.amazonaws.com/prod", ("abc123", "us-east-1", "prod", ""));
        parts("https://abc123.execute-api.us-east-1.amazonaws.com/prod/", ("abc123", "us-east-1", "prod", ""));
        parts(
            "https://abc123.execute-api.us-east-1.amazonaws.com:443/prod/v1/x",
            ("abc123", "us-east-1", "prod", "/v1/x"),
        );
        parts("https://abc123.execute-api.cn-north-1.amazonaws.com.cn/prod", ("abc123", "cn-north-1", "prod", ""));
        parts(
            "https://abc123-vpce-0a1b2c.execute-api.eu-west-1.amazonaws.com/prod",
            ("abc123", "eu-west-1", "prod", ""),
        );
        parts(
            "HTTPS://ABC123.Execute-API.us-gov-west-1.amazonaws.com/Prod_2",
            ("abc123", "us-gov-west-1", "Prod_2", ""),
        );
        parts("https://1abc.execute-api.eusc-de-east-1.amazonaws.eu/s-1", ("1abc", "eusc-de-east-1", "s-1", ""));
    }

    #[test]
    fn what_no_route_could_hold_is_refused() {
        let long = "a".repeat(70_000);
        for url in [
            format!("https://{long}.execute-api.eu-west-1.amazonaws.com/p"),
            format!("https://abc-vpce-{long}.execute-api.eu-west-1.amazonaws.com/p"),
            format!("https://abc.execute-api.{long}.amazonaws.com/p"),
            format!("https://abc.execute-api.eu-west-1.amazonaws.com/{long}"),
            format!("https://abc.execute-api.eu-west-1.amazonaws.com/p/{long}"),
        ] {
            assert!(PrivateApi::parse(&url).is_err(), "{}", &url[..40]);
        }
    }

    #[test]
    fn the_alias_keeps_its_own_host() {
        let api =
            PrivateApi::parse("https://abc-vpce-1.execute-api.eu-west-1.amazonaws.com/p").expect("a published form");
        assert_eq!(&*api.host, "abc-vpce-1.execute-api.eu-west-1.amazonaws.com");
        assert_eq!(api.prefix(), "/p");
    }

    #[track_caller]
    fn fault(url: &str, kind: ApiFaultKind, text: &str) {
        let found = PrivateApi::parse(url).expect_err(url);
        assert_eq!((&found.kind, &url[found.range.clone()]), (&kind, text), "{url}");
    }

    #[test]
    fn each_fault_says_where() {
        fault("http://abc.execute-api.eu-west-1.amazonaws.com/p", ApiFaultKind::NotHttps, "http://");
        fault(
            "abc.execute-api.eu-west-1.amazonaws.com/p",
            ApiFaultKind::NotHttps,
            "abc.execute-api.eu-west-1.amazonaws.com/p",
        );
        fault("https://abc.execute-api.eu-west-1.amazonaws.com/", ApiFaultKind::NoStage, "/");
        fault("https://abc.execute-api.eu-west-1.amazonaws.com", ApiFaultKind::NoStage, "");
        fault("https://abc.execute-api.eu-west-1.amazonaws.com/p?x=1", ApiFaultKind::QueryOrFragment, "?x=1");
        fault(
            "https://abc.execute-api.eu-west-1.amazonaws.com/$default",
            ApiFaultKind::BadStage("$default".into()),
            "$default",
        );
        fault(
            "https://abc.execute-api.eu-west-1.amazonaws.com/p/../x",
            ApiFaultKind::BadPath(BasePathFault::DotSegment),
            "/../x",
        );
        fault("https://example.com/p", ApiFaultKind::NotExecuteApi, "example.com");
        fault(
            "https://vpce-1.execute-api.eu-west-1.vpce.amazonaws.com/p",
            ApiFaultKind::EndpointName,
            "vpce-1.execute-api.eu-west-1.vpce.amazonaws.com",
        );
        fault(
            "https://abc.execute-api.eu-west-1.example.com/p",
            ApiFaultKind::UnknownSuffix("example.com".into()),
            "abc.execute-api.eu-west-1.example.com",
        );
        fault(
            "https://abc.execute-api.eu-west-1.amazonaws.com:8443/p",
            ApiFaultKind::PortOrUserinfo,
            "abc.execute-api.eu-west-1.amazonaws.com:8443",
        );
    }
}
