//! Which entries name an API of another region than their endpoint's.
//!
//! A VPC endpoint serves the APIs of its own region alone, and its DNS name tells which that is. An entry of another region
//! gets no response: the endpoint shows a certificate for other names. The table is the same with or without the
//! settings, so this is no part of compiling a mapping.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::domain::order::by_domain;
use crate::domain::pace::Pace;
use crate::domain::route::Route;
use crate::domain::table::MappingTable;
use crate::mapping::files::Files;
use crate::settings::{DEFAULT_ENDPOINT, Settings};

/// Entries looked at between two offers of the core.
const LOOKED_AT: u32 = 1_024;

/// The regions of the settings' endpoints, by the names that ENDPOINT may have.
#[derive(Clone, Debug, Default)]
pub struct EndpointRegions {
    /// Those whose name tells: name and region, the default one by its own name.
    known: Vec<(Box<str>, Box<str>)>,
}

impl EndpointRegions {
    /// Those of these settings.
    pub fn of(settings: &Settings) -> EndpointRegions {
        let named = settings.endpoints.iter().map(|(name, endpoint)| (name.as_str(), endpoint));
        let all = std::iter::once((DEFAULT_ENDPOINT, &settings.endpoint)).chain(named);
        let region = |(name, endpoint): (&str, &crate::settings::Endpoint)| {
            Some((name.into(), region_of(endpoint.name.as_deref()?)?.into()))
        };
        EndpointRegions { known: all.filter_map(region).collect() }
    }

    /// The endpoint of a route and its region, where that is not the API's.
    fn other_than<'r>(&'r self, route: &Route) -> Option<(&'r str, &'r str)> {
        let name = route.overrides().and_then(|overrides| overrides.endpoint.as_deref()).unwrap_or(DEFAULT_ENDPOINT);
        let (name, region) = self.known.iter().find(|(known, _)| **known == *name)?;
        (**region != *route.region()).then_some((&**name, &**region))
    }

    /// Reports whether the API of one of these entries is not in its endpoint's region.
    pub fn has_stray(&self, routes: &[Route]) -> bool {
        !self.known.is_empty() && routes.iter().any(|route| self.other_than(route).is_some())
    }

    /// The entries whose API is not in their endpoint's region, in the order of their parts and lines.
    fn strays<'t>(&self, table: &'t MappingTable, pace: Pace) -> Vec<&'t Route> {
        if self.known.is_empty() {
            return Vec::new();
        }
        let mut pace = pace.every(LOOKED_AT);
        let is_stray = |route: &&Route| {
            pace.step();
            self.other_than(route).is_some()
        };
        let mut strays: Vec<_> = table.in_any_order().map(|(_, route)| route).filter(is_stray).collect();
        strays.sort_unstable_by(|one, other| {
            (one.part, one.line).cmp(&(other.part, other.line)).then_with(|| by_domain(one, other))
        });
        strays
    }

    /// Each such entry as an error of its file; `file_of` is what errors call that.
    pub fn errors(&self, table: &MappingTable, file_of: impl Fn(&Route) -> String) -> Vec<Diagnostics> {
        let error = |route: &Route| {
            let (endpoint, region) = self.other_than(route)?;
            let own = route.region();
            Some(Diagnostic {
                line: route.line,
                column: 1,
                what: format!("the API is in `{own}`, and its endpoint `{endpoint}` is in `{region}`"),
                text: route.api_host().to_owned(),
                help: format!(
                    "write `{region}` in PRIVATE_API_URL, or name an endpoint of `{own}` with ENDPOINT; an endpoint serves \
                     the APIs of its own region alone"
                ),
                severity: Severity::Error,
                code: Code::EndpointRegion,
            })
        };
        let mut files: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
        for route in self.strays(table, Pace::default()) {
            files.entry(file_of(route)).or_default().extend(error(route));
        }
        files.into_iter().map(|(file, list)| Diagnostics::of_entries(&file, list)).collect()
    }

    /// One line about such entries for the log, or `None` if there is none. `files` names the parts of the mapping.
    pub fn warning(&self, table: &MappingTable, files: &Files, pace: Pace) -> Option<String> {
        let strays = self.strays(table, pace);
        let first = strays.first()?;
        let (endpoint, region) = self.other_than(first)?;
        let entries =
            if strays.len() == 1 { "1 entry names".to_owned() } else { format!("{} entries name", strays.len()) };
        Some(format!(
            "{entries} an API of another region than the endpoint's; requests to it fail with 502. The first is on {}: \
             `{}` is in `{}`, and endpoint `{endpoint}` in `{region}`. Correct PRIVATE_API_URL or ENDPOINT; `nameplate \
             check --config` lists them all",
            files.line(first),
            first.api_host(),
            first.region(),
        ))
    }
}

/// The region in the DNS name of a VPC endpoint, `vpce-...execute-api.{region}.vpce.amazonaws.com`; `None` for a name
/// of another form.
fn region_of(name: &str) -> Option<&str> {
    let mut labels = name.split('.');
    let is_endpoint = labels.next()?.starts_with("vpce-") && labels.next()? == "execute-api";
    let region = labels.next()?;
    (is_endpoint && labels.next()? == "vpce").then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::compile::compile;

    const SETTINGS: &str = "
endpoint: { name: vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com }
endpoints:
  us: { name: vpce-0123456789abcdef0-abcdefgh-us-east-1a.execute-api.us-east-1.vpce.amazonaws.com }
  other: { name: endpoint.internal.example.com }
  fixed: { fixed: ['127.0.0.1:443'] }
";

    fn table(entries: &[(&str, &str)]) -> MappingTable {
        let entry = |(at, (region, endpoint)): (usize, &(&str, &str))| {
            let api = format!("https://abc.execute-api.{region}.amazonaws.com/p");
            format!("  - CUSTOM_DOMAIN_URL: z{at}.example.com\n    PRIVATE_API_URL: {api}\n    ENDPOINT: {endpoint}\n")
        };
        let entries: String = entries.iter().enumerate().map(entry).collect();
        compile(&format!("APIS:\n{entries}"), "m", None).expect("a mapping")
    }

    fn regions() -> EndpointRegions {
        EndpointRegions::of(&Settings::parse(SETTINGS, "s").expect("settings"))
    }

    #[test]
    fn an_api_of_another_region_than_its_endpoints_is_an_error_with_its_line() {
        let table =
            table(&[("eu-west-1", "default"), ("eu-west-2", "default"), ("us-east-1", "us"), ("eu-west-1", "us")]);
        let errors = regions().errors(&table, |_| "m".into()).remove(0).to_string();
        let first = "m:5:1: error: the API is in `eu-west-2`, and its endpoint `default` is in `eu-west-1`\n    \
                     abc.execute-api.eu-west-2.amazonaws.com\n  help: write `eu-west-1` in PRIVATE_API_URL";
        assert!(errors.starts_with(first) && errors.ends_with("\n2 errors"), "{errors}");
        assert!(errors.contains("m:11:1: error: the API is in `eu-west-1`, and its endpoint `us` is in `us-east-1`"));
        let warning = regions().warning(&table, &Files::one("m"), Pace::default()).expect("a warning");
        assert!(warning.starts_with("2 entries name") && warning.contains("on line 5: "), "{warning}");
    }

    #[test]
    fn an_endpoint_whose_name_tells_no_region_serves_any() {
        let table = table(&[("ap-south-1", "other"), ("ap-south-1", "fixed"), ("eu-west-1", "default")]);
        assert!(
            regions().errors(&table, |_| "m".into()).is_empty()
                && regions().warning(&table, &Files::one("m"), Pace::default()).is_none()
        );
        assert!(EndpointRegions::default().errors(&table, |_| "m".into()).is_empty());
    }
}
