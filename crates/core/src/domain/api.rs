//! A private API's address: `https://{api}.execute-api.{region}.{suffix}/{stage}[/{path}]`.

use std::ops::Range;

use super::base_path::{BasePath, BasePathFault};
use super::host::MAX_LABEL;
use super::region::{check_form, suffix_of};

pub use super::api_fault::{ApiFault, ApiFaultKind};
pub use super::region::SUFFIXES;

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
        // None of its parts may hold a space, so this is looked for only where something is wrong.
        PrivateApi::read(text).map_err(|fault| ApiFault::of_space(text).unwrap_or(fault))
    }

    fn read(text: &str) -> Result<PrivateApi, ApiFault> {
        let Some(rest) = strip_scheme(text) else {
            return Err(ApiFault::of_no_url(text));
        };
        let host_at = text.len() - rest.len();
        let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(host_end);
        let host_text = authority.strip_suffix(":443").unwrap_or(authority);
        let host_text = host_text.strip_suffix('.').unwrap_or(host_text);
        let host = host_text.to_ascii_lowercase();
        let at = |from: usize, range: Range<usize>| from + range.start..from + range.end;
        if strip_scheme(rest).is_some() {
            return Err(ApiFault::new(ApiFaultKind::SchemeTwice, host_at..host_at + 8));
        }
        if host_text.contains(':') || host_text.contains('@') {
            return Err(ApiFault::new(ApiFaultKind::PortOrUserinfo, host_at..host_at + authority.len()));
        }
        let (id_len, region) = parse_host(&host).map_err(|(kind, range)| ApiFault::new(kind, at(host_at, range)))?;
        let path_at = host_at + host_end;
        let (stage, base_path) = parse_path(path).map_err(|(kind, range)| ApiFault::new(kind, at(path_at, range)))?;
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
    fn region_range(&self) -> Range<usize> {
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

/// What is wrong with a part of a text, and the bytes of the part.
type PartFault = (ApiFaultKind, Range<usize>);

fn parse_host(host: &str) -> Result<(u8, Range<u8>), PartFault> {
    // Nearly always the second label; to search for it costs more than all the rest.
    let second = host.split_once('.').and_then(|(first, rest)| Some((first, rest.strip_prefix("execute-api.")?)));
    let Some((first, rest)) = second.or_else(|| host.split_once(".execute-api.")) else {
        return Err((ApiFaultKind::of_other_host(host), 0..host.len()));
    };
    let Some((region, suffix)) = rest.split_once('.') else {
        return Err((ApiFaultKind::NotExecuteApi, 0..host.len()));
    };
    if region == "amazonaws" {
        return Err((ApiFaultKind::NotExecuteApi, 0..host.len()));
    }
    // Both are labels: the region ends before the 140th character.
    let region_at = first.len() + ".execute-api.".len();
    let region_range = region_at..region_at + region.len();
    if suffix.strip_prefix("vpce.").is_some_and(|suffix| SUFFIXES.contains(&suffix)) {
        return Err((ApiFaultKind::EndpointName, 0..host.len()));
    }
    if !SUFFIXES.contains(&suffix) {
        return Err((ApiFaultKind::UnknownSuffix(suffix.into()), region_range.end + 1..host.len()));
    }
    // A label of DNS has at most 63 characters; a route counts on hosts being that short.
    if region.len() > MAX_LABEL {
        return Err((ApiFaultKind::BadRegion(region.into(), None), region_range));
    }
    check_form(region).map_err(|why| (ApiFaultKind::of_region(region, why), region_range.clone()))?;
    if suffix_of(region) != suffix {
        let (region, suffix) = (region.into(), suffix.into());
        return Err((ApiFaultKind::OtherPartition { region, suffix }, region_range));
    }
    let id = id_of(first).map_err(|kind| (kind, 0..first.len()))?;
    Ok((id.len() as u8, region_range.start as u8..region_range.end as u8))
}

/// The API's id in the first label.
fn id_of(first: &str) -> Result<&str, ApiFaultKind> {
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
        return Err(ApiFaultKind::of_id(id));
    }
    Ok(id)
}

/// `/{stage}[/{path}]` to the stage and the base path.
fn parse_path(path: &str) -> Result<(&str, BasePath), PartFault> {
    if let Some(at) = path.find(['?', '#']) {
        return Err((ApiFaultKind::QueryOrFragment, at..path.len()));
    }
    let Some(rest) = path.strip_prefix('/') else {
        return Err((ApiFaultKind::NoStage, 0..path.len()));
    };
    if rest.starts_with('/') {
        return Err((ApiFaultKind::BadPath(BasePathFault::EmptySegment), 0..path.len()));
    }
    let (stage, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if stage.is_empty() {
        return Err((ApiFaultKind::NoStage, 0..path.len()));
    }
    if stage == "$default" {
        return Err((ApiFaultKind::DefaultStage, 1..1 + stage.len()));
    }
    if stage.len() > 128 || !stage.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        return Err((ApiFaultKind::BadStage(stage.into()), 1..1 + stage.len()));
    }
    let base_path = BasePath::parse(base).map_err(|why| {
        let from = 1 + stage.len() + why.offset(base);
        match why {
            BasePathFault::Wildcard | BasePathFault::Parameter => {
                (ApiFaultKind::Pattern(why, path[..from].into()), from..path.len())
            }
            why => (ApiFaultKind::BadPath(why), from..path.len()),
        }
    })?;
    Ok((stage, base_path))
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
        let meant = || Some("https://abc.execute-api.eu-west-1.amazonaws.com/p".into());
        fault("http://abc.execute-api.eu-west-1.amazonaws.com/p", ApiFaultKind::NotHttps(meant()), "http://");
        fault(
            "abc.execute-api.eu-west-1.amazonaws.com/p",
            ApiFaultKind::NotHttps(meant()),
            "abc.execute-api.eu-west-1.amazonaws.com/p",
        );
        fault("https://abc.execute-api.eu-west-1.amazonaws.com/", ApiFaultKind::NoStage, "/");
        fault("https://abc.execute-api.eu-west-1.amazonaws.com", ApiFaultKind::NoStage, "");
        fault("https://abc.execute-api.eu-west-1.amazonaws.com/p?x=1", ApiFaultKind::QueryOrFragment, "?x=1");
        fault("https://abc.execute-api.eu-west-1.amazonaws.com/$default", ApiFaultKind::DefaultStage, "$default");
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
            "example.com",
        );
        fault(
            "https://abc.execute-api.eu-west-1.amazonaws.com:8443/p",
            ApiFaultKind::PortOrUserinfo,
            "abc.execute-api.eu-west-1.amazonaws.com:8443",
        );
    }
}
