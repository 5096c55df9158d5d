//! Which API a request invokes, as a private endpoint of API Gateway decides it: no I/O.

use std::collections::{BTreeMap, BTreeSet};

use super::failures::{Failure, Handshake, Shows};
use nameplate_core::domain::table::MappingTable;

/// The APIs that exist, by id, with their deployed stages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Apis {
    apis: BTreeMap<String, Api>,
    strict: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Api {
    host: String,
    stages: BTreeSet<String>,
    /// How it fails, where it does.
    failure: Option<&'static Failure>,
}

/// What decides which API a request invokes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'c> {
    /// The server name of the TLS handshake.
    pub sni: Option<&'c str>,
    /// The Host header.
    pub host: Option<&'c str>,
    /// `x-apigw-api-id`.
    pub api_id: Option<&'c str>,
    /// The path as it came on the wire, without the query.
    pub path: &'c str,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<'a> {
    /// `/ping` and `/sping` belong to API Gateway itself.
    Healthy,
    /// No API is named, or none of that name exists, or STRICT mode refuses the handshake's name.
    Forbidden,
    /// The API exists, the stage does not.
    NoStage,
    /// The API fails, whatever is asked of it.
    Fails(&'static Failure),
    /// A stage is invoked.
    Invoked(Invocation<'a>),
}

/// The stage that a call invokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invocation<'a> {
    /// The API's id.
    pub api: &'a str,
    /// The API's own host.
    pub api_host: &'a str,
    /// The stage.
    pub stage: &'a str,
}

impl Apis {
    /// The APIs and stages that a mapping refers to: with these, every entry of it can be tried.
    pub(crate) fn from_table(table: &MappingTable) -> Apis {
        let mut apis = Apis::default();
        for route in table.routes() {
            let stage = route.prefix().split('/').nth(1).unwrap_or_default();
            apis = apis.with(route.api_id(), route.api_host(), stage);
        }
        apis
    }

    /// One more API, or one more stage of an API that is there already.
    #[must_use]
    pub(crate) fn with(mut self, id: &str, host: &str, stage: &str) -> Apis {
        let api = self.apis.entry(id.to_owned());
        let api = api.or_insert_with(|| Api { host: host.to_owned(), stages: BTreeSet::new(), failure: None });
        api.stages.insert(stage.to_owned());
        self
    }

    /// As an endpoint whose access mode is STRICT: the handshake's server name must be the Host.
    #[must_use]
    pub(crate) fn strict(mut self) -> Apis {
        self.strict = true;
        self
    }

    /// Lets an API fail. `false` where there is none of this id.
    #[must_use]
    pub(crate) fn fail(&mut self, id: &str, failure: &'static Failure) -> bool {
        let api = self.apis.get_mut(id);
        api.map(|api| api.failure = Some(failure)).is_some()
    }

    /// The ids of the APIs.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.apis.keys().map(String::as_str)
    }

    /// How a handshake that names this server fails, where it does.
    pub(crate) fn handshake(&self, sni: Option<&str>) -> Option<Handshake> {
        let api = self.apis.get(&api_of_host(&host_name(sni?))?)?;
        match api.failure?.shows {
            Shows::Handshake(handshake) => Some(handshake),
            Shows::Response(_) | Shows::Strict | Shows::Silence | Shows::Hangup => None,
        }
    }

    /// The names a certificate needs to serve all of them: `*.execute-api.{region}.{suffix}`.
    pub(crate) fn certificate_names(&self) -> Vec<String> {
        let parents = self.apis.values().filter_map(|api| api.host.split_once('.')).map(|(_, parent)| parent);
        parents.collect::<BTreeSet<_>>().into_iter().map(|parent| format!("*.{parent}")).collect()
    }

    /// What becomes of a call.
    pub(crate) fn judge(&self, call: Call<'_>) -> Verdict<'_> {
        if matches!(call.path, "/ping" | "/sping") {
            return Verdict::Healthy;
        }
        let host = call.host.map(host_name);
        if self.strict && (host.is_none() || host != call.sni.map(host_name)) {
            return Verdict::Forbidden;
        }
        let named = call.api_id.map(str::to_owned).or_else(|| host.as_deref().and_then(api_of_host));
        let Some((api, known)) = named.and_then(|id| self.apis.get_key_value(&id)) else {
            return Verdict::Forbidden;
        };
        let is_own_name = host.is_some() && host == call.sni.map(host_name);
        match known.failure {
            Some(Failure { shows: Shows::Strict, .. }) if is_own_name => {}
            Some(Failure { shows: Shows::Handshake(_), .. }) | None => {}
            Some(failure) => return Verdict::Fails(failure),
        }
        let stage = call.path.strip_prefix('/').and_then(|rest| rest.split('/').next());
        match stage.and_then(|stage| known.stages.get(stage)) {
            Some(stage) => Verdict::Invoked(Invocation { api, api_host: &known.host, stage }),
            None => Verdict::NoStage,
        }
    }
}

/// Lower case, without port and trailing dot.
fn host_name(host: &str) -> String {
    let name = host.split(':').next().unwrap_or_default();
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The id in `{id}.execute-api...` or `{id}-vpce-....execute-api...`.
fn api_of_host(host: &str) -> Option<String> {
    let (label, rest) = host.split_once('.')?;
    let id = label.split_once("-vpce-").map_or(label, |(id, _)| id);
    rest.starts_with("execute-api.").then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::domain::api::PrivateApi;
    use nameplate_core::domain::base_path::BasePath;
    use nameplate_core::domain::host::Host;
    use nameplate_core::domain::route::{Choices, Route};

    const HOST: &str = "abc123.execute-api.eu-west-1.amazonaws.com";

    fn apis() -> Apis {
        Apis::default().with("abc123", HOST, "prod")
    }

    #[track_caller]
    fn check(apis: &Apis, host: &str, api_id: Option<&str>, path: &str, want: &str) {
        let got = match apis.judge(Call { sni: Some(HOST), host: Some(host), api_id, path }) {
            Verdict::Healthy => "healthy".to_owned(),
            Verdict::Forbidden => "forbidden".to_owned(),
            Verdict::NoStage => "no stage".to_owned(),
            Verdict::Fails(failure) => failure.name.to_owned(),
            Verdict::Invoked(to) => format!("{} {}", to.api, to.stage),
        };
        assert_eq!(got, want, "host {host} id {api_id:?} path {path}");
    }

    #[test]
    fn the_host_names_the_api_in_both_published_forms() {
        check(&apis(), HOST, None, "/prod/x", "abc123 prod");
        check(&apis(), "ABC123.execute-api.eu-west-1.amazonaws.com:443", None, "/prod", "abc123 prod");
        check(&apis(), "abc123-vpce-0f1.execute-api.eu-west-1.amazonaws.com", None, "/prod/", "abc123 prod");
    }

    #[test]
    fn the_api_id_header_comes_before_the_host() {
        check(&apis(), "pay.example.com", Some("abc123"), "/prod/x", "abc123 prod");
        check(&apis(), HOST, Some("other"), "/prod/x", "forbidden");
    }

    #[test]
    fn a_name_of_no_api_is_forbidden() {
        for host in ["pay.example.com", "abc123.example.com", "xyz.execute-api.eu-west-1.amazonaws.com", ""] {
            check(&apis(), host, None, "/prod/x", "forbidden");
        }
        let nameless = Call { sni: Some(HOST), host: None, api_id: None, path: "/prod" };
        assert_eq!(apis().judge(nameless), Verdict::Forbidden);
    }

    #[test]
    fn the_stage_is_the_whole_first_segment() {
        for path in ["/", "/test/x", "/products", "//prod", "/PROD", "*"] {
            check(&apis(), HOST, None, path, "no stage");
        }
    }

    #[test]
    fn the_reserved_paths_need_no_api() {
        check(&apis(), "pay.example.com", None, "/ping", "healthy");
        check(&apis(), "pay.example.com", None, "/sping", "healthy");
        check(&apis(), "pay.example.com", None, "/ping/x", "forbidden");
    }

    #[test]
    fn strict_mode_wants_the_host_of_the_handshake() {
        let strict = apis().strict();
        check(&strict, HOST, None, "/prod", "abc123 prod");
        check(&strict, &format!("{HOST}:443"), None, "/prod", "abc123 prod");
        check(&strict, "pay.example.com", Some("abc123"), "/prod", "forbidden");
        let no_sni = Call { sni: None, host: Some(HOST), api_id: None, path: "/prod" };
        assert_eq!(strict.judge(no_sni), Verdict::Forbidden);
        assert!(matches!(apis().judge(no_sni), Verdict::Invoked(_)));
    }

    #[test]
    fn an_api_fails_as_it_was_told_to() {
        let failing = |name| {
            let mut apis = apis();
            assert!(apis.fail("abc123", Failure::named(name).expect("a failure")));
            apis
        };
        check(&failing("waf"), HOST, None, "/prod/x", "waf");
        check(&failing("strict_access"), HOST, None, "/prod/x", "abc123 prod");
        check(&failing("strict_access"), "pay.example.com", Some("abc123"), "/prod/x", "strict_access");
        assert_eq!(failing("waf").handshake(Some(HOST)), None);
        let late = failing("certificate_expired");
        check(&late, HOST, None, "/prod/x", "abc123 prod");
        assert_eq!(late.handshake(Some(HOST)), Some(Handshake::Expired));
        assert_eq!(late.handshake(Some("xyz.execute-api.eu-west-1.amazonaws.com")), None);
        assert_eq!((late.handshake(None), apis().fail("nobody", Failure::named("waf").expect("one"))), (None, false));
    }

    #[test]
    fn a_table_yields_its_apis_stages_and_certificate_names() {
        let route = |host: &str, api: &str| {
            let host = Host::parse(host).expect("a host");
            Route::new(&host, &BasePath::default(), &PrivateApi::parse(api).expect("an api"), Choices::default(), 1)
        };
        let table = MappingTable::new(vec![
            route("a.example.com", "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/base"),
            route("b.example.com", "https://abc123.execute-api.eu-west-1.amazonaws.com/test"),
            route("c.example.com", "https://xyz789.execute-api.cn-north-1.amazonaws.com.cn/v1"),
        ]);
        let apis = Apis::from_table(&table);
        check(&apis, HOST, None, "/prod/base/x", "abc123 prod");
        check(&apis, HOST, None, "/test", "abc123 test");
        check(&apis, "pay.example.com", Some("xyz789"), "/v1", "xyz789 v1");
        let names = ["*.execute-api.cn-north-1.amazonaws.com.cn", "*.execute-api.eu-west-1.amazonaws.com"];
        assert_eq!(apis.certificate_names(), names);
    }
}
