//! The one request that an API is asked with.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, HOST, REFERER, USER_AGENT};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Empty;
use nameplate_core::domain::route::{HostMode, RefererMode, Route};

/// Which program asks, as access logs of an API show it.
const AGENT: &str = concat!("nameplate/", env!("CARGO_PKG_VERSION"), " (asks whether the API answers)");
/// What stands for the `*` of a wildcard domain.
const ANY: &str = "nameplate";

/// A method that changes nothing (RFC 9110, section 9.2.1). Nothing else is ever asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SafeVerb {
    #[default]
    Get,
    Head,
    Options,
}

impl SafeVerb {
    /// The first one, GET before all, that an entry allows, else GET.
    pub(crate) fn allowed_by(route: &Route) -> SafeVerb {
        SafeVerb::listed_by(route).unwrap_or_default()
    }

    /// The first one, GET before all, that an entry allows. `None` where it allows none: a resource policy that grants the
    /// entry's methods denies every safe request.
    pub(crate) fn listed_by(route: &Route) -> Option<SafeVerb> {
        let all = [SafeVerb::Get, SafeVerb::Head, SafeVerb::Options];
        all.into_iter().find(|verb| route.choices.verbs.allows(verb.name()))
    }

    /// As a request writes it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            SafeVerb::Get => "GET",
            SafeVerb::Head => "HEAD",
            SafeVerb::Options => "OPTIONS",
        }
    }

    fn method(self) -> Method {
        match self {
            SafeVerb::Get => Method::GET,
            SafeVerb::Head => Method::HEAD,
            SafeVerb::Options => Method::OPTIONS,
        }
    }
}

/// A request without credentials and without a body, as the proxy would send it for an entry.
#[derive(Clone, Debug)]
pub(crate) struct Question<'r> {
    pub(super) route: &'r Route,
    pub(super) verb: SafeVerb,
    pub(super) host: String,
    uri: Uri,
    domain: HeaderValue,
}

impl<'r> Question<'r> {
    /// For a target as the API gets it, stage included. `asked_host` is the custom domain that a client would ask for;
    /// `None` takes the entry's, with a name of ours for a wildcard. Returns `None` for a target that is not a path of
    /// RFC 3986, or a host that no header can carry.
    pub(crate) fn new(
        route: &'r Route,
        verb: SafeVerb,
        target: &str,
        asked_host: Option<&str>,
    ) -> Option<Question<'r>> {
        let uri: Uri = target.parse().ok().filter(|_| target.starts_with('/'))?;
        let domain = asked_host.map_or_else(|| concrete_domain(route), Cow::Borrowed);
        let host = match route.choices.host {
            HostMode::Preserve => domain.clone().into_owned(),
            HostMode::Api => route.api_host().to_owned(),
        };
        let domain = HeaderValue::from_str(&domain).ok()?;
        Some(Question { route, verb, host, uri, domain })
    }

    /// The request, with the headers that `proxy::upstream_request` sets and that API Gateway decides by.
    pub(super) fn request(&self) -> Option<Request<Empty<Bytes>>> {
        let request = Request::builder()
            .method(self.verb.method())
            .uri(self.uri.clone())
            .header(HOST, &self.host)
            .header("x-apigw-api-id", self.route.api_id())
            .header("x-upstream-domain", self.domain.clone())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "*/*")
            .header(CONNECTION, "close");
        let request = match self.route.choices.referer {
            RefererMode::Domain => request.header(REFERER, self.domain.clone()),
            RefererMode::Preserve => request,
        };
        request.body(Empty::new()).ok()
    }
}

/// The target for a path below an entry's stage: `/prod` and `/health` make `/prod/health`.
pub(crate) fn below_stage(route: &Route, path: &str) -> String {
    format!("{}{path}", stage_and_base(route).0)
}

/// An entry's prefix in its stage and the path below it: `/prod/v1` is `/prod` and `/v1`.
pub(crate) fn stage_and_base(route: &Route) -> (&str, &str) {
    let prefix = route.prefix();
    let stage_end = prefix.get(1..).and_then(|rest| rest.find('/')).map_or(prefix.len(), |at| at + 1);
    prefix.split_at(stage_end)
}

fn concrete_domain(route: &Route) -> Cow<'_, str> {
    match route.host().strip_prefix('*') {
        Some(rest) => Cow::Owned(format!("{ANY}{rest}")),
        None => Cow::Borrowed(route.host()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::domain::api::PrivateApi;
    use nameplate_core::domain::base_path::BasePath;
    use nameplate_core::domain::host::Host;
    use nameplate_core::domain::route::Choices;
    use nameplate_core::domain::verbs::VerbSet;

    fn route(host: &str, choices: Choices) -> Route {
        let api = PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/prod/v1").expect("an api");
        Route::new(&Host::parse(host).expect("a host"), &BasePath::default(), &api, choices, 1)
    }

    fn headers(route: &Route) -> Vec<String> {
        let request = Question::new(route, SafeVerb::Get, "/prod/x", None).and_then(|question| question.request());
        let request = request.expect("a request");
        ["host", "x-apigw-api-id", "x-upstream-domain", "referer"]
            .map(|name| {
                request.headers().get(name).map_or("-".into(), |value| value.to_str().expect("text").to_owned())
            })
            .to_vec()
    }

    #[test]
    fn the_request_has_what_the_proxy_would_send() {
        const API: &str = "abc.execute-api.eu-west-1.amazonaws.com";
        let domain = "pay.example.com";
        assert_eq!(headers(&route(domain, Choices::default())), [API, "abc", domain, domain]);
        let kept = Choices { host: HostMode::Preserve, referer: RefererMode::Preserve, ..Choices::default() };
        assert_eq!(headers(&route(domain, kept)), [domain, "abc", domain, "-"]);
        let any = "nameplate.example.com";
        assert_eq!(headers(&route("*.example.com", kept)), [any, "abc", any, "-"]);
    }

    #[test]
    fn a_path_is_below_the_stage_and_not_below_the_base_path() {
        assert_eq!(below_stage(&route("a.example.com", Choices::default()), "/health?x=1"), "/prod/health?x=1");
    }

    #[test]
    fn only_a_method_that_the_entry_allows_is_asked_and_never_an_unsafe_one() {
        for (verbs, want) in
            [("HEAD POST", "HEAD"), ("OPTIONS", "OPTIONS"), ("HEAD GET", "GET"), ("POST DELETE", "GET")]
        {
            let safe = verbs != "POST DELETE";
            let verbs = verbs.split(' ').try_fold(VerbSet::NONE, VerbSet::with).expect("verbs");
            let route = route("a.example.com", Choices { verbs, ..Choices::default() });
            assert_eq!(SafeVerb::allowed_by(&route).name(), want);
            assert_eq!(SafeVerb::listed_by(&route).map(SafeVerb::name), safe.then_some(want));
        }
    }

    #[test]
    fn what_is_not_a_path_is_not_asked() {
        let route = route("a.example.com", Choices::default());
        for target in ["", "x", "*", "//\u{e9} x", "/a b", "/\r\nx: y", "https://other.example/x"] {
            assert!(Question::new(&route, SafeVerb::Get, target, None).is_none(), "{target:?}");
        }
        assert!(Question::new(&route, SafeVerb::Get, "/p", Some("a\r\nb")).is_none());
    }
}
