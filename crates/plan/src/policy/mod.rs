//! Resource policies: which VPC endpoints may call an API, and with which verbs on which paths.
//!
//! One policy an API, made of every entry that maps to it. Pure, and the same mapping makes the same
//! text. **Invariant:** unless told to fold, a policy allows what the entries say and nothing else.

pub mod access;
pub mod deployed;
pub mod document;
pub mod excess;
pub mod grammar;
mod grants;
pub mod in_force;
mod json;
mod pattern;
mod resource;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use self::document::{Condition, Effect, Policy, Statement, WHOLE_API};
pub use self::grants::partition_of;
use self::grants::{Grants, Level, expanded_len, stage_of};
use nameplate_core::domain::overrides::DEFAULT_ENDPOINT;
use nameplate_core::domain::route::{RefererMode, Route};
use nameplate_core::domain::table::MappingTable;

/// How many characters a policy may have: API Gateway's quota "Length, in characters, of API Gateway
/// resource policy". AWS raises it on request.
pub const MAX_SIZE: usize = 8_192;

/// What stands in the place of VPC endpoint ids in a plan.
pub const PLACEHOLDER: &str = "VPC_ENDPOINT_ID";

/// An id as AWS makes them, to measure a plan's policies with.
const LIKE_AN_ID: usize = "vpce-0123456789abcdef0".len();

/// How many contributors an error names.
const SHOWN: usize = 5;

/// VPC endpoint ids by the endpoint's name; those of entries that name none under [`DEFAULT_ENDPOINT`].
pub type EndpointIds = BTreeMap<String, BTreeSet<String>>;

/// How policies are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Allow by the domain a request came through, as `aws:Referer` tells it. Off by default; no
    /// security boundary, because every client can send the header.
    pub referer: bool,
    /// Allow more than the entries say where a policy would not fit otherwise. Off by default.
    pub fold: bool,
    /// The most characters of a policy.
    pub max_size: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { referer: false, fold: false, max_size: MAX_SIZE }
    }
}

/// An API, and the entries that map to it.
#[derive(Debug)]
pub struct Api<'t> {
    /// Its id.
    pub id: &'t str,
    /// Its region.
    pub region: &'t str,
    routes: Vec<&'t Route>,
}

/// An API's policy, and what there is to know about it.
#[derive(Debug)]
pub struct ApiPolicy {
    /// The API's id.
    pub api_id: String,
    /// The API's region.
    pub region: String,
    /// The stages its entries name, sorted.
    pub stages: Vec<String>,
    /// The domains that lead to it, sorted.
    pub domains: Vec<String>,
    /// The policy.
    pub policy: Policy,
    /// What folding allowed beyond the entries, a line for each path. Empty unless asked for.
    pub widened: Vec<String>,
    /// What somebody should know before using it.
    pub warnings: Vec<String>,
}

/// Why there is no policy for an API.
#[derive(Debug, PartialEq, Eq)]
pub enum PolicyFault {
    /// An entry names an endpoint for which no id was given.
    NoEndpointId {
        /// The endpoint's name.
        endpoint: String,
        /// The line the entry stands on.
        line: u32,
        /// The entry's domain.
        domain: String,
    },
    /// It is larger than AWS takes.
    TooLarge(TooLarge),
}

/// A policy that is larger than AWS takes.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// The API's id.
    pub api_id: String,
    /// Characters it has, lossless folding done, and lossy folding where asked for.
    pub size: usize,
    /// Characters it may have.
    pub limit: usize,
    /// Whether lossy folding was tried.
    pub folded: bool,
    /// Whether there are conditions on the Referer.
    pub referer: bool,
    /// The paths that take most, as `/stage/path`, and their characters.
    pub largest: Vec<(String, usize)>,
    /// How many paths there are.
    pub paths: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooLarge { api_id, size, limit, .. } = self;
        writeln!(f, "the resource policy of API `{api_id}` has {size} characters, and {limit} are the most")?;
        for (place, size) in &self.largest {
            writeln!(f, "    {place}: {size} characters")?;
        }
        if let Some(more @ 1..) = self.paths.checked_sub(self.largest.len()) {
            writeln!(f, "    and {more} more {}", if more == 1 { "path" } else { "paths" })?;
        }
        // A stage alone is as small as it gets.
        let is_stage = |(place, _): &(String, usize)| place.matches('/').count() == 1;
        let ways = match (self.referer, self.folded) {
            (false, _) if self.paths == 1 && self.largest.iter().all(is_stage) => {
                "it lets in one stage and no more, so only fewer VPC endpoints would make it smaller"
            }
            (true, _) => "leave out --referer, which lists domains",
            (false, true) => "map fewer stages of this API",
            (false, false) => "map fewer paths of this API, or --fold to allow more than the entries say",
        };
        write!(f, "  help: {ways}; or have AWS raise the quota, and say --max-size")
    }
}

/// The ARN of an API as those who manage it name it, without an account.
pub fn managed_arn(region: &str, api_id: &str) -> String {
    format!("arn:{}:apigateway:{region}::/restapis/{api_id}", partition_of(region))
}

/// The APIs of a mapping, sorted by id, then region.
pub fn apis(table: &MappingTable) -> Vec<Api<'_>> {
    let mut apis: BTreeMap<(&str, &str), Vec<&Route>> = BTreeMap::new();
    for route in table.routes() {
        apis.entry((route.api_id(), route.region())).or_default().push(route);
    }
    apis.into_iter().map(|((id, region), routes)| Api { id, region, routes }).collect()
}

/// The name of the endpoint an entry is reached through.
pub(crate) fn endpoint_of(route: &Route) -> String {
    route.overrides().and_then(|own| own.endpoint.clone()).unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned())
}

/// The VPC endpoint that a host of the form `{api}-{endpoint}.execute-api...` names.
pub(crate) fn endpoint_in(api_host: &str) -> Option<String> {
    let (_, id) = api_host.split('.').next()?.split_once("-vpce-")?;
    Some(format!("vpce-{id}"))
}

impl<'t> Api<'t> {
    /// Its policy for these VPC endpoints.
    pub fn policy(&self, ids: &EndpointIds, options: &Options) -> Result<ApiPolicy, PolicyFault> {
        let ids = self.ids(ids)?;
        self.fitting(&ids, options, 0).map_err(PolicyFault::TooLarge)
    }

    /// Checks that every endpoint its entries name has an id.
    pub fn check_ids(&self, ids: &EndpointIds) -> Result<(), PolicyFault> {
        self.ids(ids).map(|_| ())
    }

    /// The names of the endpoints it is reached through, sorted.
    pub fn endpoints(&self) -> Vec<String> {
        let names: BTreeSet<String> = self.routes.iter().map(|route| endpoint_of(route)).collect();
        names.into_iter().collect()
    }

    /// The stages its entries name, sorted.
    pub fn stages(&self) -> Vec<String> {
        let stages: BTreeSet<String> = self.routes.iter().map(|route| stage_of(route)).collect();
        stages.into_iter().collect()
    }

    /// The entries that map to it, in the table's order.
    pub(crate) fn routes(&self) -> &[&'t Route] {
        &self.routes
    }

    /// What its entries allow, whatever the domain.
    fn grants(&self) -> Grants {
        let mut grants = Grants::default();
        self.routes.iter().for_each(|route| grants.add(route));
        grants
    }

    fn ids(&self, ids: &EndpointIds) -> Result<Vec<String>, PolicyFault> {
        let mut found = BTreeSet::new();
        // By lines: the first entry to mend is the one the error names.
        let mut routes = self.routes.clone();
        routes.sort_by_key(|route| route.line);
        for route in routes {
            let endpoint = endpoint_of(route);
            match ids.get(&endpoint) {
                Some(ids) => found.extend(ids.iter().cloned()),
                None => {
                    let (line, domain) = (route.line, format!("{}{}", route.host(), route.base()));
                    return Err(PolicyFault::NoEndpointId { endpoint, line, domain });
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The policy at the first level that fits; `unseen` characters are added to what is counted.
    fn fitting(&self, ids: &[String], options: &Options, unseen: usize) -> Result<ApiPolicy, TooLarge> {
        let groups = self.groups(options.referer);
        let lossy = if options.fold { &Level::LOSSY[..] } else { &[] };
        let mut tried = (0, Level::Exact);
        for level in std::iter::once(Level::Exact).chain(lossy.iter().copied()) {
            let policy = policy_of(&groups, ids, level);
            let text = policy.text();
            debug_assert_eq!(grammar::check(&text, usize::MAX), [], "{text}");
            let size = text.chars().count() + unseen;
            if size <= options.max_size {
                return Ok(self.told(policy, &groups, level, options));
            }
            tried = (size, level);
        }
        Err(self.too_large(&groups, tried, options))
    }

    /// What is allowed, by the domains it is allowed to; no domains are everybody. Domains that may
    /// call the same are together.
    fn groups(&self, referer: bool) -> Vec<(Vec<String>, Grants)> {
        let (mut everybody, mut by_domain) = (Grants::default(), BTreeMap::<&str, Grants>::new());
        for route in &self.routes {
            let told = referer && route.choices.referer == RefererMode::Domain;
            let grants = if told { by_domain.entry(route.host()).or_default() } else { &mut everybody };
            grants.add(route);
        }
        let mut groups: Vec<(Vec<String>, Grants)> = Vec::new();
        let mut known: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for (domain, grants) in by_domain {
            let grants = grants.beyond(&everybody);
            if grants.is_empty() {
                continue;
            }
            let at = *known.entry(grants.resources(Level::Exact)).or_insert(groups.len());
            match groups.get_mut(at) {
                Some((domains, _)) => domains.push(domain.to_owned()),
                None => groups.push((vec![domain.to_owned()], grants)),
            }
        }
        if !everybody.is_empty() {
            groups.insert(0, (Vec::new(), everybody));
        }
        groups
    }

    fn told(&self, policy: Policy, groups: &[(Vec<String>, Grants)], level: Level, options: &Options) -> ApiPolicy {
        let domains: BTreeSet<&str> = self.routes.iter().map(|route| route.host()).collect();
        let widened: BTreeSet<String> = groups.iter().flat_map(|(_, grants)| grants.widened(level)).collect();
        ApiPolicy {
            warnings: self.warnings(&policy, options),
            api_id: self.id.to_owned(),
            region: self.region.to_owned(),
            stages: self.stages(),
            domains: domains.into_iter().map(str::to_owned).collect(),
            policy,
            widened: widened.into_iter().collect(),
        }
    }

    fn warnings(&self, policy: &Policy, options: &Options) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut routes = self.routes.clone();
        routes.sort_by_key(|route| route.line);
        let source = |statement: &Statement| statement.condition.clone().filter(|of| of.key == "aws:SourceVpce");
        let ids: Vec<String> = policy.statements.iter().filter_map(source).flat_map(|of| of.values).collect();
        for route in routes {
            let entry = format!("line {}: {}{}", route.line, route.host(), route.base());
            if options.referer && route.choices.referer == RefererMode::Preserve {
                warnings.push(format!("{entry} has REFERER: preserve, so it is allowed whatever the Referer is"));
            }
            if let Some(id) = endpoint_in(route.api_host()).filter(|id| !ids.contains(id)) {
                warnings.push(format!(
                    "{entry}: PRIVATE_API_URL names the VPC endpoint {id}, which no --vpce does: calls through it are denied"
                ));
            }
            if route.prefix().contains(['%', '*']) {
                warnings.push(format!(
                    "{entry}: AWS does not say how a policy matches `%` or `*` in a path; try {} before you rely on it",
                    route.prefix()
                ));
            }
        }
        let kept: usize = policy
            .statements
            .iter()
            .flat_map(|statement| &statement.resources)
            .map(|resource| expanded_len(resource, self.region, self.id) - resource.chars().count())
            .sum();
        let kept = policy.text().chars().count() + kept;
        if kept > options.max_size {
            warnings.push(format!(
                "AWS keeps the policy with whole ARNs, which makes {kept} characters of it; whether its quota of {} \
                 counts those, it does not say",
                options.max_size
            ));
        }
        warnings
    }

    fn too_large(
        &self,
        groups: &[(Vec<String>, Grants)],
        (size, level): (usize, Level),
        options: &Options,
    ) -> TooLarge {
        let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
        for ((stage, path), size) in groups.iter().flat_map(|(_, grants)| grants.sizes(level)) {
            *sizes.entry(format!("/{stage}{path}")).or_default() += size;
        }
        let domains: Vec<&String> = groups.iter().flat_map(|(domains, _)| domains).collect();
        if !domains.is_empty() {
            let size = domains.iter().map(|domain| domain.chars().count() + 3).sum();
            sizes.insert(format!("the {} domains of --referer", domains.len()), size);
        }
        let paths = sizes.len();
        let mut largest: Vec<(String, usize)> = sizes.into_iter().collect();
        largest.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
        largest.truncate(SHOWN);
        let api_id = self.id.to_owned();
        let (limit, folded, referer) = (options.max_size, options.fold, options.referer);
        TooLarge { api_id, size, limit, folded, referer, largest, paths }
    }
}

fn policy_of(groups: &[(Vec<String>, Grants)], ids: &[String], level: Level) -> Policy {
    let source = Condition { operator: "StringNotEquals", key: "aws:SourceVpce", values: ids.to_vec() };
    let deny = Statement { effect: Effect::Deny, resources: vec![WHOLE_API.to_owned()], condition: Some(source) };
    let allows = groups.iter().map(|(domains, grants)| {
        let operator = if domains.iter().any(|name| name.contains('*')) { "StringLike" } else { "StringEquals" };
        let condition =
            (!domains.is_empty()).then(|| Condition { operator, key: "aws:Referer", values: domains.clone() });
        Statement { effect: Effect::Allow, resources: grants.resources(level), condition }
    });
    Policy { statements: std::iter::once(deny).chain(allows).collect() }
}

/// What a plan says of an API.
#[derive(Debug)]
pub struct Planned {
    /// The API's id.
    pub api_id: String,
    /// The API's region.
    pub region: String,
    /// The names of the endpoints it is reached through, sorted.
    pub endpoints: Vec<String>,
    /// The policy as compact JSON, with [`PLACEHOLDER`] for the ids; or why there is none.
    pub policy: Result<String, TooLarge>,
}

/// The policies of a mapping for a plan, which knows no ids yet. They are measured with one id of AWS's
/// length for each endpoint.
pub fn planned(table: &MappingTable) -> Vec<Planned> {
    let plan = |api: Api<'_>| {
        let endpoints = api.endpoints();
        let unseen = (endpoints.len() * (LIKE_AN_ID + 3) - 1) - (PLACEHOLDER.len() + 2);
        let made = api.fitting(&[PLACEHOLDER.to_owned()], &Options::default(), unseen);
        let policy = made.map(|made| made.policy.text());
        Planned { api_id: api.id.to_owned(), region: api.region.to_owned(), endpoints, policy }
    };
    apis(table).into_iter().map(plan).collect()
}

#[cfg(test)]
mod tests;
