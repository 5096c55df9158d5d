//! Calls that the entries of a mapping lead to and a resource policy does not let in: the other direction of
//! [`excess`](super::excess).
//!
//! A call arrives through a VPC endpoint of its entry, with the entry's domain as its Referer. **Invariant:** a call that is
//! reported is refused. Where a statement asks for what is not known here (who calls, from which address, a policy
//! variable), an Allow counts as met and a Deny as not met, so the search reports less, never more.

use std::collections::HashSet;

use serde_json::Value;

use super::condition::{Met, Origin, is_met};
use super::glob::{Glob, Unknown};
use super::search::{Found, Search};
use super::{Check, ExcessFault, Witness, has_invoke, is_everybody, resources_of, witness};
use crate::policy::grants::{Grants, Level};
use crate::policy::{Api, EndpointIds, endpoint_of};
use nameplate_core::domain::route::{RefererMode, Route};

/// The calls of an entry that a policy refuses.
#[derive(Clone, Debug)]
pub struct Shortfall<'t> {
    /// The entry.
    pub route: &'t Route,
    /// One of the calls.
    pub witness: Witness,
}

/// Finds what a policy refuses of the calls that the entries of an API lead to through these VPC endpoints: at most one call
/// for each entry. Nothing where it lets in all of them.
pub fn shortfall<'t>(policy: &str, api: &Api<'t>, ids: &EndpointIds) -> Result<Vec<Shortfall<'t>>, ExcessFault> {
    let check = Check::of(policy, api, ids)?;
    let (mut found, mut searched) = (Vec::new(), HashSet::new());
    for route in api.routes() {
        let mut grants = Grants::default();
        grants.add(route);
        let resources = grants.resources(Level::Exact);
        for origin in origins(route, ids) {
            let met: Vec<Met> = check.statements.iter().map(|of| is_met(&of["Condition"], &origin)).collect();
            // Entries that the policy cannot tell apart are searched once, unless they lack something.
            let key = (resources.clone(), met.iter().map(|met| *met as u8).collect::<Vec<_>>());
            if searched.contains(&key) {
                continue;
            }
            match resources.iter().find_map(|resource| check.refused(resource, &origin, &met)) {
                Some(witness) => {
                    found.push(Shortfall { route, witness });
                    break;
                }
                None => drop(searched.insert(key)),
            }
        }
    }
    Ok(found)
}

/// How the calls of an entry arrive: through each of its VPC endpoints.
fn origins(route: &Route, ids: &EndpointIds) -> Vec<Origin> {
    let referer = match route.choices.referer {
        RefererMode::Domain => Some(route.host().replacen('*', "any", 1)),
        RefererMode::Preserve => None,
    };
    let ids = ids.get(&endpoint_of(route)).into_iter().flatten();
    ids.map(|id| Origin { vpce: id.clone(), referer: referer.clone() }).collect()
}

impl Check {
    /// A call of a resource that the policy refuses: because a statement denies it, or because none allows it.
    fn refused(&self, resource: &str, origin: &Origin, met: &[Met]) -> Option<Witness> {
        let needed = self.glob(resource, Unknown::Nothing)?;
        let denying = self.statements.iter().zip(met).filter(|(statement, met)| {
            **met == Met::Yes && statement["Effect"] == "Deny" && is_about_everybody(statement, false)
        });
        let denied = denying.flat_map(|(statement, _)| resources_of(statement)).map(|(resources, is_inverted)| {
            // What a NotResource may mean by a variable is taken for not denied.
            let taken = if is_inverted { Unknown::Anything } else { Unknown::Nothing };
            let globs: Vec<Glob> = resources.iter().filter_map(|resource| self.glob(resource, taken)).collect();
            Search {
                before: &self.before,
                wanted: globs,
                is_inverted,
                within: Some(needed.clone()),
                unwanted: Vec::new(),
            }
        });
        let mut searches: Vec<Search<'_>> = denied.filter(|of| of.is_inverted || !of.wanted.is_empty()).collect();
        searches.extend(self.not_allowed(&needed, met));
        let mut unknown = None;
        for search in searches {
            match search.run() {
                Found::Nothing => {}
                Found::TooMany => unknown = Some(Witness::Unknown),
                Found::Call(call) => return Some(witness(&call, origin, false)),
            }
        }
        unknown
    }

    /// The search for a call of a resource that no Allow lets in; none where an Allow may let in any call.
    fn not_allowed(&self, needed: &Glob, met: &[Met]) -> Option<Search<'_>> {
        let allowing = self.statements.iter().zip(met);
        let allowing = allowing.filter(|(statement, met)| {
            **met != Met::No && statement["Effect"] == "Allow" && has_invoke(statement, true)
        });
        let allowed: Vec<(Vec<&str>, bool)> = allowing.flat_map(|(statement, _)| resources_of(statement)).collect();
        if allowed.iter().any(|(_, is_inverted)| *is_inverted) {
            return None;
        }
        let globs = allowed.iter().flat_map(|(resources, _)| resources);
        let unwanted = globs.filter_map(|resource| self.glob(resource, Unknown::Anything)).collect();
        Some(Search { before: &self.before, wanted: vec![needed.clone()], is_inverted: false, within: None, unwanted })
    }
}

fn is_about_everybody(statement: &Value, otherwise: bool) -> bool {
    is_everybody(&statement["Principal"]) && has_invoke(statement, otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Options, apis};
    use nameplate_core::domain::overrides::DEFAULT_ENDPOINT;
    use nameplate_core::mapping::compile::compile;

    const OURS: &str = "vpce-11111111";

    const MAPPING: &str = "APIS:\n  - CUSTOM_DOMAIN_URL: a.in.example.com\n    PRIVATE_API_URL: \
                           https://abc.execute-api.eu-west-1.amazonaws.com/dev/a\n    VERBS: [GET, PUT]\n  - \
                           CUSTOM_DOMAIN_URL: b.in.example.com\n    PRIVATE_API_URL: \
                           https://abc.execute-api.eu-west-1.amazonaws.com/tst\n";

    /// What a policy refuses: domain and call.
    fn told(policy: &str) -> Vec<String> {
        let table = compile(MAPPING, "m", None).expect("a mapping");
        let found = shortfall(policy, &apis(&table)[0], &ids()).expect("a policy");
        let line = |of: Shortfall<'_>| match of.witness {
            Witness::Unknown => format!("{}: unknown", of.route.host()),
            Witness::Call { stage, verb, path, .. } => format!("{}: {verb} /{stage}{path}", of.route.host()),
        };
        found.into_iter().map(line).collect()
    }

    fn ids() -> EndpointIds {
        EndpointIds::from([(DEFAULT_ENDPOINT.to_owned(), [OURS.to_owned()].into())])
    }

    fn policy(statements: &[&str]) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
    }

    fn statement(effect: &str, resource: &str, condition: &str) -> String {
        let condition = if condition.is_empty() { String::new() } else { format!(r#","Condition":{condition}"#) };
        format!(
            r#"{{"Effect":"{effect}","Principal":"*","Action":"execute-api:Invoke","Resource":{resource}{condition}}}"#
        )
    }

    const ALL: &str = r#""execute-api:/*""#;

    #[test]
    fn the_policy_that_the_mapping_makes_lets_in_all_calls() {
        let table = compile(MAPPING, "m", None).expect("a mapping");
        for referer in [false, true] {
            let options = Options { referer, ..Options::default() };
            let made = apis(&table)[0].policy(&ids(), &options).expect("a policy").policy.text();
            assert_eq!(told(&made), [""; 0]);
            let kept = made.replace("execute-api:/", "arn:aws:execute-api:eu-west-1:999988887777:abc/");
            assert_eq!(told(&kept), [""; 0]);
        }
        assert_eq!(told(&policy(&[&statement("Allow", ALL, "")])), [""; 0]);
    }

    #[test]
    fn what_no_statement_allows_is_refused() {
        let a = r#"["execute-api:/dev/GET/a","execute-api:/dev/GET/a/*","execute-api:/tst/*"]"#;
        assert_eq!(told(&policy(&[&statement("Allow", a, "")])), ["a.in.example.com: PUT /dev/a"]);
        let b = r#"["execute-api:/dev/*"]"#;
        assert_eq!(told(&policy(&[&statement("Allow", b, "")])), ["b.in.example.com: GET /tst/"]);
        assert_eq!(told(&policy(&[&statement("Deny", r#""execute-api:/x/*""#, "")])).len(), 2);
    }

    #[test]
    fn what_a_statement_denies_is_refused() {
        let allow = statement("Allow", ALL, "");
        let deny = statement("Deny", r#""execute-api:/*/PUT/a/b*""#, "");
        assert_eq!(
            told(&policy(&[&allow, &deny])),
            ["a.in.example.com: GET /dev/a/PUT/a/b", "b.in.example.com: PUT /tst/a/b"]
        );
        let elsewhere = statement("Deny", ALL, r#"{"StringNotEquals":{"aws:SourceVpce":["vpce-99999999"]}}"#);
        assert_eq!(told(&policy(&[&allow, &elsewhere])).len(), 2);
        let others = statement("Deny", ALL, "").replace("\"Resource\"", "\"NotResource\"").replace("/*", "/tst/*");
        assert_eq!(told(&policy(&[&allow, &others])), ["a.in.example.com: GET /dev/a"]);
    }

    #[test]
    fn what_cannot_be_known_is_not_reported() {
        let source = r#"{"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/8"}}"#;
        assert_eq!(told(&policy(&[&statement("Allow", ALL, source)])), [""; 0]);
        assert_eq!(told(&policy(&[&statement("Allow", ALL, ""), &statement("Deny", ALL, source)])), [""; 0]);
    }

    #[test]
    fn each_entry_arrives_with_its_own_domain() {
        let only_b = statement("Allow", ALL, r#"{"StringEquals":{"aws:Referer":"b.in.example.com"}}"#);
        assert_eq!(told(&policy(&[&only_b])), ["a.in.example.com: GET /dev/a"]);
    }
}
