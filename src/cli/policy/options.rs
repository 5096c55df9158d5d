//! What both forms of the command take: a mapping, VPC endpoint ids, how policies are made; and what comes
//! of it, or what to say of why nothing does.

use std::collections::BTreeSet;
use std::io::Read;
use std::str::FromStr;

use clap::Args;

use super::super::exit::FAULTY;
use super::super::load::{Loaded, NotLoaded, load};
use super::super::settings::{SettingsPlace, code_of};
use nameplate_core::domain::overrides::DEFAULT_ENDPOINT;
use nameplate_core::domain::version::Version;
use nameplate_core::settings::MappingSource;
use nameplate_plan::policy::{Api, ApiPolicy, EndpointIds, MAX_SIZE, Options, PolicyFault, apis};
use nameplate_plan::warning::and_more;

/// How many APIs an error names where none is near.
const NAMED: usize = 10;

/// How many slips two ids may be apart and still be near.
const SLIPS: usize = 2;

/// What both forms take. Optional for clap, which requires it only of the form that is run.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct Made {
    /// The mapping: a file, `-` for standard input, s3://bucket/key, or an http(s) URL
    #[arg(required = true, value_name = "MAPPING")]
    mapping: Option<MappingSource>,
    /// The id of a VPC endpoint that may call the APIs: of entries that name no ENDPOINT, or, as NAME=ID, of
    /// those that name this one. May be given several times
    #[arg(long, required = true, value_name = "[NAME=]ID")]
    vpce: Vec<Vpce>,
    /// Only the API of this id
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) api_id: Option<String>,
    /// The region of the API, where the mapping has APIs of one id in several
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Allow by the domain a request came through, as its Referer says. No security boundary: every client
    /// can send one
    #[arg(long)]
    referer: bool,
    /// Where a policy would not fit, allow more than the entries say: every verb of a path, then the whole stage
    #[arg(long)]
    fold: bool,
    /// The most characters of a policy: API Gateway's quota, which AWS raises on request
    #[arg(long, value_name = "CHARACTERS", default_value_t = MAX_SIZE)]
    pub(in crate::cli) max_size: usize,
    // Its `endpoints` are those that ENDPOINT may name, and its `reload` says how sources are read. Without
    // settings, any ENDPOINT will do.
    #[command(flatten)]
    settings: SettingsPlace,
}

/// A VPC endpoint's id, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Vpce {
    endpoint: String,
    id: String,
}

impl FromStr for Vpce {
    type Err = String;

    fn from_str(text: &str) -> Result<Vpce, String> {
        let (endpoint, id) = text.split_once('=').unwrap_or((DEFAULT_ENDPOINT, text));
        let hex = id.strip_prefix("vpce-").unwrap_or_default();
        let is_id = (8..=17).contains(&hex.len()) && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_id {
            return Err(format!("`{id}` is not the id of a VPC endpoint, which looks like vpce-0123456789abcdef0"));
        }
        if endpoint.is_empty() {
            return Err("the endpoint's name before `=` is empty".to_owned());
        }
        Ok(Vpce { endpoint: endpoint.to_owned(), id: id.to_owned() })
    }
}

/// Policies, and what there is to say beside them.
pub(in crate::cli) struct Policies {
    pub(in crate::cli) version: Version,
    /// Of each API that was asked for.
    pub(in crate::cli) policies: Vec<ApiPolicy>,
    /// Each a line or more.
    pub(in crate::cli) warnings: Vec<String>,
}

/// Why there are none: the exit code, and what to say.
pub(in crate::cli) type Refused = (u8, String);

impl Made {
    /// Makes the policies of all APIs, or of the one that was asked for.
    pub(in crate::cli) fn policies(&self, input: &mut dyn Read) -> Result<Policies, Refused> {
        let Loaded { name, table, version, .. } = self.load(input)?;
        let apis = self.chosen(apis(&table), &name)?;
        let ids = self.ids();
        let options = self.options();
        let (mut policies, mut faults) = (Vec::new(), Vec::new());
        for api in &apis {
            match api.policy(&ids, &options) {
                Ok(policy) => policies.push(policy),
                Err(fault) => faults.push(told(&name, &fault)),
            }
        }
        faults.dedup();
        if !faults.is_empty() {
            return Err((FAULTY, faults.join("\n")));
        }
        let mut warnings = self.unused(&apis);
        for policy in &policies {
            let of = |what: &str| format!("warning: API `{}`: {what}", policy.api_id);
            warnings.extend(policy.warnings.iter().map(|what| of(what)));
            warnings.extend(policy.widened.iter().map(|what| of(&format!("--fold allows more: {what}"))));
        }
        Ok(Policies { version, policies, warnings })
    }

    /// How the policies are made.
    pub(in crate::cli) fn options(&self) -> Options {
        Options { referer: self.referer, fold: self.fold, max_size: self.max_size }
    }

    pub(in crate::cli) fn load(&self, input: &mut dyn Read) -> Result<Loaded, Refused> {
        let settings = self.settings.read().map_err(|e| (code_of(&e), format!("{e:#}")))?;
        let endpoints = self.settings.endpoints_of(&settings);
        let place = self.mapping.as_ref().expect("clap requires it");
        load(place, &settings.reload, endpoints.as_deref(), input).map_err(NotLoaded::refusal)
    }

    pub(in crate::cli) fn ids(&self) -> EndpointIds {
        let mut ids = EndpointIds::new();
        for Vpce { endpoint, id } in &self.vpce {
            ids.entry(endpoint.clone()).or_default().insert(id.clone());
        }
        ids
    }

    /// The APIs that were asked for: all, or the one of an id.
    pub(in crate::cli) fn chosen<'t>(&self, apis: Vec<Api<'t>>, mapping: &str) -> Result<Vec<Api<'t>>, Refused> {
        let here = |api: &Api<'_>| self.region.as_deref().is_none_or(|region| api.region == region);
        let Some(id) = &self.api_id else {
            let regions: BTreeSet<&str> = apis.iter().map(|api| api.region).collect();
            let kept: Vec<Api<'t>> = apis.into_iter().filter(here).collect();
            if kept.is_empty() {
                let region = self.region.as_deref().unwrap_or_default();
                let known = regions.into_iter().collect::<Vec<_>>().join(", ");
                return Err((
                    FAULTY,
                    format!("error: {mapping} has no API in {region}\n  help: it has some in {known}"),
                ));
            }
            return Ok(kept);
        };
        let known: BTreeSet<&str> = apis.iter().map(|api| api.id).collect();
        if !known.contains(id.as_str()) {
            return Err((
                FAULTY,
                format!("error: no entry of {mapping} maps to API `{id}`\n  help: {}", near(id, &known)),
            ));
        }
        let of_id: Vec<Api<'t>> = apis.into_iter().filter(|api| api.id == id).collect();
        let regions = of_id.iter().map(|api| api.region).collect::<Vec<_>>().join(", ");
        let kept: Vec<Api<'t>> = of_id.into_iter().filter(here).collect();
        match (kept.len(), &self.region) {
            (1, _) => Ok(kept),
            (0, Some(region)) => Err((
                FAULTY,
                format!("error: API `{id}` is in {regions} by {mapping}, not in {region}\n  help: leave --region out"),
            )),
            _ => Err((
                FAULTY,
                format!("error: {mapping} has an API `{id}` in {regions}\n  help: say which, with --region"),
            )),
        }
    }

    /// Names given with ids that no entry has: misspelt, or left over.
    fn unused(&self, apis: &[Api<'_>]) -> Vec<String> {
        let named: BTreeSet<String> = apis.iter().flat_map(Api::endpoints).collect();
        let given: BTreeSet<&String> = self.vpce.iter().map(|vpce| &vpce.endpoint).collect();
        let unused = given.into_iter().filter(|name| !named.contains(*name) && *name != DEFAULT_ENDPOINT);
        unused.map(|name| format!("warning: no entry here is reached through an endpoint `{name}`")).collect()
    }
}

/// What to say of why there is no policy.
pub(in crate::cli) fn told(mapping: &str, fault: &PolicyFault) -> String {
    match fault {
        PolicyFault::NoEndpointId { endpoint, line, domain } => {
            let flag = if endpoint == DEFAULT_ENDPOINT { String::new() } else { format!("{endpoint}=") };
            format!(
                "{mapping}:{line}: error: {domain} is reached through the endpoint `{endpoint}`, whose id is not given\n  \
                 help: add --vpce {flag}vpce-..."
            )
        }
        PolicyFault::TooLarge(fault) => format!("error: {fault}"),
    }
}

fn near(id: &str, known: &BTreeSet<&str>) -> String {
    let list = |ids: Vec<&str>| ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let close: Vec<&str> = known
        .iter()
        .filter(|known| strsim::damerau_levenshtein(id, known) <= SLIPS || known.starts_with(id))
        .take(NAMED)
        .copied()
        .collect();
    if !close.is_empty() {
        return format!("did you mean {}?", list(close));
    }
    let more = and_more(known.len().saturating_sub(NAMED));
    format!("its APIs are {}{more}", list(known.iter().take(NAMED).copied().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_eight_to_seventeen_hexadecimal_digits_and_maybe_a_name() {
        let of = |text: &str| text.parse::<Vpce>().map(|vpce| (vpce.endpoint, vpce.id));
        let own = |name: &str, id: &str| Ok((name.to_owned(), id.to_owned()));
        assert_eq!(of("vpce-0a1b2c3d"), own("default", "vpce-0a1b2c3d"));
        assert_eq!(of("far=vpce-0123456789abcdef0"), own("far", "vpce-0123456789abcdef0"));
        for bad in
            ["vpce-", "vpce-0a1b2c3", "vpce-0123456789ABCDEF0", "vpc-0a1b2c3d", "", "*", "far=", "=vpce-0a1b2c3d"]
        {
            assert!(of(bad).is_err(), "{bad}");
        }
        assert!(of("vpce-xyz").is_err_and(|said| said.contains("`vpce-xyz` is not the id of a VPC endpoint")));
    }

    #[test]
    fn near_ids_are_told_and_else_the_first_ones() {
        let known = BTreeSet::from(["1abc23", "def456", "defxyz"]);
        assert_eq!(near("1abc32", &known), "did you mean `1abc23`?");
        assert_eq!(near("def", &known), "did you mean `def456`, `defxyz`?");
        assert_eq!(near("zzzzzzzz", &known), "its APIs are `1abc23`, `def456`, `defxyz`");
    }
}
