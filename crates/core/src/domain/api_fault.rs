//! What is wrong with a PRIVATE_API_URL, and how to fix it.

use std::ops::Range;

use super::base_path::BasePathFault;
use super::region::{RegionFault, SUFFIXES, suffix_of};
use crate::diagnostic::Code;
use crate::diagnostic::nearest::nearest;

/// What is wrong with a PRIVATE_API_URL, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiFault {
    /// What.
    pub kind: ApiFaultKind,
    /// The bytes of the text it is about.
    pub range: Range<usize>,
}

impl ApiFault {
    pub(super) fn new(kind: ApiFaultKind, range: Range<usize>) -> Self {
        ApiFault { kind, range }
    }

    /// The error of a text with white space in it.
    pub(super) fn of_space(text: &str) -> Option<Self> {
        let at = text.find(|c: char| c.is_ascii_whitespace())?;
        Some(ApiFault::new(ApiFaultKind::Space, at..at + 1))
    }

    /// The error of a text that does not start with `https://`.
    pub(super) fn of_no_url(text: &str) -> Self {
        let scheme = text.find("://").map(|end| &text[..end]);
        let is = |name: &str| scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(name));
        // From the API's id on, whatever stands where the scheme belongs.
        let meant = text.find(".execute-api.").map(|at| {
            let start = text[..at].rfind(['/', ':', '@']).map_or(0, |before| before + 1);
            format!("https://{}", &text[start..])
        });
        let is_arn = text.starts_with("arn:");
        let kind = match () {
            () if is_arn => ApiFaultKind::Arn(url_of_arn(text).map(Into::into)),
            () if is("wss") || is("ws") => ApiFaultKind::WebSocket,
            () => ApiFaultKind::NotHttps(meant.map(Into::into)),
        };
        let end = if is_arn { text.len() } else { scheme.map_or(text.len(), |scheme| scheme.len() + 3) };
        ApiFault::new(kind, 0..end)
    }
}

/// The invoke URL of the API and stage that an ARN names: `arn:aws:execute-api:{region}:{account}:{api}/{stage}/...` or
/// `arn:aws:apigateway:{region}::/restapis/{api}/stages/{stage}`.
fn url_of_arn(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, region, _, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let mut names = resource.trim_start_matches('/').split('/');
    let (api, stage) = match service {
        "execute-api" => (names.next()?, names.next()?),
        "apigateway" if names.next()? == "restapis" => {
            let api = names.next()?;
            (api, if names.next()? == "stages" { names.next()? } else { return None })
        }
        _ => return None,
    };
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    [api, region, stage]
        .into_iter()
        .all(is_name)
        .then(|| format!("https://{api}.execute-api.{region}.{}/{stage}", suffix_of(region)))
}

/// The ways a PRIVATE_API_URL can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiFaultKind {
    /// API Gateway serves nothing but TLS. What was probably meant.
    #[error("PRIVATE_API_URL does not start with https://")]
    NotHttps(Option<Box<str>>),
    /// A URL has no white space.
    #[error("PRIVATE_API_URL holds a space")]
    Space,
    /// `https://https://...`
    #[error("PRIVATE_API_URL starts with https:// twice")]
    SchemeTwice,
    /// An ARN; the URL that it stands for.
    #[error("PRIVATE_API_URL is an ARN, not a URL")]
    Arn(Option<Box<str>>),
    /// `wss://...`
    #[error("PRIVATE_API_URL is that of a WebSocket API, and only REST APIs can be private")]
    WebSocket,
    /// The host is not of the published form.
    #[error("PRIVATE_API_URL is not an execute-api address")]
    NotExecuteApi,
    /// The label that was probably meant to be `execute-api`.
    #[error("PRIVATE_API_URL is not an execute-api address: `{0}` stands where `execute-api` belongs")]
    AlmostExecuteApi(Box<str>),
    /// `execute-api.{region}.{suffix}` without an id.
    #[error("PRIVATE_API_URL has no API id")]
    NoId,
    /// The name of another service of AWS.
    #[error("PRIVATE_API_URL names {0}, not a REST API")]
    OtherService(&'static str),
    /// `vpce-...execute-api.{region}.vpce.amazonaws.com` names an endpoint, not an API.
    #[error("PRIVATE_API_URL names a VPC endpoint, not an API")]
    EndpointName,
    /// `d-...`: what the record of a Regional custom domain name points at.
    #[error("PRIVATE_API_URL names the target of a Regional custom domain name, not an API")]
    CustomTarget,
    /// No partition has this suffix.
    #[error("`{0}` is not the DNS suffix of an AWS partition")]
    UnknownSuffix(Box<str>),
    /// Not a region's name; the region that was probably meant.
    #[error("`{0}` is not the name of a region")]
    BadRegion(Box<str>, Option<&'static str>),
    /// A zone, and the region that it is in.
    #[error("`{zone}` is a zone, not a region")]
    Zone {
        /// The zone.
        zone: Box<str>,
        /// Its region.
        region: Box<str>,
    },
    /// The suffix is that of another partition than the region's.
    #[error("`{region}` has no APIs under `{suffix}`")]
    OtherPartition {
        /// The region.
        region: Box<str>,
        /// What stands after it.
        suffix: Box<str>,
    },
    /// Not an API's id.
    #[error("`{0}` is not the id of an API")]
    BadId(Box<str>),
    /// The port is the endpoint's, and there are no users.
    #[error("PRIVATE_API_URL carries a port or user information")]
    PortOrUserinfo,
    /// Nothing names the stage.
    #[error("PRIVATE_API_URL has no stage")]
    NoStage,
    /// The stage of an HTTP API.
    #[error("`$default` is the stage of an HTTP API, and only REST APIs can be private")]
    DefaultStage,
    /// A stage has letters, digits, `_` and `-`.
    #[error("`{0}` is not the name of a stage")]
    BadStage(Box<str>),
    /// The path after the stage cannot stand in front of every request's.
    #[error("the path of PRIVATE_API_URL {0}")]
    BadPath(BasePathFault),
    /// The path after the stage is a pattern; what stands before the pattern.
    #[error("the path of PRIVATE_API_URL {0}")]
    Pattern(BasePathFault, Box<str>),
    /// A query cannot stand in front of a request's path.
    #[error("PRIVATE_API_URL carries a query or fragment")]
    QueryOrFragment,
}

/// What the names of other services of AWS hold.
const OTHER_SERVICES: [(&str, &str); 7] = [
    (".lambda-url.", "a Lambda function URL"),
    (".elb.", "a load balancer"),
    (".elb.amazonaws.com", "a load balancer"),
    (".cloudfront.net", "a CloudFront distribution"),
    (".appsync-api.", "an AppSync API"),
    (".vpce-svc-", "an endpoint service"),
    (".s3.", "an S3 bucket"),
];

impl ApiFaultKind {
    /// The error of a host without `.execute-api.` in it.
    pub(super) fn of_other_host(host: &str) -> ApiFaultKind {
        if host.starts_with("execute-api.") {
            return if host.contains(".vpce.") { ApiFaultKind::EndpointName } else { ApiFaultKind::NoId };
        }
        if host.starts_with("apigateway.") {
            return ApiFaultKind::OtherService("API Gateway's control plane");
        }
        if let Some((_, service)) = OTHER_SERVICES.iter().find(|(part, _)| host.contains(part)) {
            return ApiFaultKind::OtherService(service);
        }
        let almost = host.split('.').skip(1).find(|label| nearest(label, &["execute-api"]).is_some());
        almost.map_or(ApiFaultKind::NotExecuteApi, |label| ApiFaultKind::AlmostExecuteApi(label.into()))
    }

    pub(super) fn of_region(region: &str, why: RegionFault) -> ApiFaultKind {
        match why {
            RegionFault::Zone(of) => ApiFaultKind::Zone { zone: region.into(), region: of },
            RegionFault::Other(meant) => ApiFaultKind::BadRegion(region.into(), meant),
        }
    }

    pub(super) fn of_id(id: &str) -> ApiFaultKind {
        match id.split_once('-') {
            Some(("vpce", _)) => ApiFaultKind::EndpointName,
            Some(("d", _)) => ApiFaultKind::CustomTarget,
            None if id.is_empty() => ApiFaultKind::NoId,
            _ => ApiFaultKind::BadId(id.into()),
        }
    }

    /// Its kind, as programs know it.
    pub fn code(&self) -> Code {
        match self {
            ApiFaultKind::BadRegion(..) | ApiFaultKind::Zone { .. } | ApiFaultKind::OtherPartition { .. } => {
                Code::BadRegion
            }
            ApiFaultKind::BadPath(_) | ApiFaultKind::Pattern(..) => Code::BadPath,
            _ => Code::BadApi,
        }
    }

    /// How to fix it.
    pub fn help(&self) -> String {
        const SAMPLE: &str = "the invoke URL looks like `https://abc123.execute-api.eu-west-1.amazonaws.com/prod`";
        const OF_API: &str = "write the API's own name, `https://{api}.execute-api.{region}.amazonaws.com/{stage}`";
        match self {
            ApiFaultKind::NotHttps(Some(url)) => format!("write `{url}`"),
            ApiFaultKind::NotHttps(None) => "write `https://{api}.execute-api.{region}.amazonaws.com/{stage}`".into(),
            ApiFaultKind::Space => "delete it".into(),
            ApiFaultKind::SchemeTwice => "delete one of them".into(),
            ApiFaultKind::Arn(Some(url)) => format!("write the invoke URL, `{url}`"),
            ApiFaultKind::Arn(None) | ApiFaultKind::NotExecuteApi => SAMPLE.into(),
            ApiFaultKind::WebSocket => "map the invoke URL of a private REST API".into(),
            ApiFaultKind::AlmostExecuteApi(_) => "write `execute-api`".into(),
            ApiFaultKind::NoId => {
                "put the API's id in front, for example `https://abc123.execute-api.eu-west-1.amazonaws.com/prod`"
                    .into()
            }
            ApiFaultKind::OtherService(_) => format!("Nameplate serves private REST APIs of API Gateway; {SAMPLE}"),
            ApiFaultKind::EndpointName => format!("{OF_API}; the endpoint belongs in the settings"),
            ApiFaultKind::CustomTarget => format!("{OF_API}, as the API's stage shows it"),
            ApiFaultKind::UnknownSuffix(suffix) => match nearest(suffix, &SUFFIXES) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("use one of {}", SUFFIXES.join(", ")),
            },
            ApiFaultKind::BadRegion(_, Some(meant)) => format!("did you mean `{meant}`?"),
            ApiFaultKind::BadRegion(_, None) => "a region looks like `eu-west-1`".into(),
            ApiFaultKind::Zone { region, .. } => format!("write its region, `{region}`: an API is not in one zone"),
            ApiFaultKind::OtherPartition { region, .. } => {
                format!("the APIs of `{region}` are under `{}`; correct one of the two", suffix_of(region))
            }
            ApiFaultKind::BadId(_) => "an API id has only lower-case letters and digits, for example `abc123`".into(),
            ApiFaultKind::PortOrUserinfo => {
                "drop it: API Gateway listens on 443, and the endpoint's port belongs in the settings".into()
            }
            ApiFaultKind::NoStage => "add the deployed stage, for example `/prod`".into(),
            ApiFaultKind::DefaultStage => "map a REST API and a stage with a name, for example `/prod`".into(),
            ApiFaultKind::BadStage(_) => "a stage has only letters, digits, `_` and `-`".into(),
            ApiFaultKind::BadPath(_) => "write plain segments, for example `/prod/v1`".into(),
            ApiFaultKind::Pattern(why, before) => why.help_with(before),
            ApiFaultKind::QueryOrFragment => "end the URL after the path".into(),
        }
    }
}
