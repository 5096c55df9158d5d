//! What a resource policy grants beyond what a mapping needs, with a call for each of its resources that grants too much.
//!
//! It takes every policy that AWS does, not only those of ours. **Invariant:** a call that the policy lets in and no entry
//! of the mapping leads to is found, if there is one. Where a statement asks for what is not known here (who calls, from
//! which address, a policy variable), an Allow counts as met and a Deny as not met: the search then reports more, never less.
//! Of conditions on `aws:SourceVpce` and `aws:Referer` with wildcards, each pattern is tried with values of its own, not
//! with every possible value.

mod condition;
mod glob;
mod search;
pub mod shortfall;
pub mod statements;

use serde_json::Value;

use self::condition::{Met, is_met, texts, values_of};
use self::glob::{Glob, Unknown};
use self::search::{Found, Search};
use super::document::{INVOKE, VERSION};
use super::grants::{Level, partition_of};
use super::in_force::{Unreadable, plain};
use super::{Api, EndpointIds, PolicyFault};

pub use self::condition::Origin;

/// The account of a policy that names none.
const ANY_ACCOUNT: &str = "123456789012";

/// What the short form of a resource starts with.
const SHORT: &str = "execute-api:/";

/// A resource that lets in more than the mapping needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The statement, from 1.
    pub statement: usize,
    /// The resource as the statement has it; all of them for NotResource.
    pub resource: String,
    /// A call that is let in, and that no entry leads to.
    pub witness: Witness,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Witness {
    /// This one.
    Call {
        /// The stage.
        stage: String,
        /// The verb.
        verb: String,
        /// The path in the stage.
        path: String,
        /// Where it comes from.
        origin: Origin,
        /// Whether the statement asks for more than is known here.
        is_conditional: bool,
    },
    /// The policy's patterns are too many, or too much alike, to tell.
    Unknown,
}

/// What a policy grants beyond what the entries of an API need through these VPC endpoints; nothing where it grants no more.
pub fn excess(policy: &str, api: &Api<'_>, ids: &EndpointIds) -> Result<Vec<Excess>, ExcessFault> {
    Ok(Check::of(policy, api, ids)?.run())
}

/// Why nothing can be said.
#[derive(Debug)]
pub enum ExcessFault {
    /// The policy cannot be read.
    Policy(Unreadable),
    /// An entry names an endpoint without an id.
    Mapping(PolicyFault),
}

/// A caller, and whether the condition of each statement is met for it.
struct Seen {
    origin: Origin,
    met: Vec<Met>,
}

struct Check {
    /// How the ARN of every call begins.
    before: String,
    has_variables: bool,
    /// The resources of the mapping's own policy.
    needed: Vec<String>,
    /// The same as patterns.
    needed_globs: Vec<Glob>,
    ids: Vec<String>,
    statements: Vec<Value>,
}

impl Check {
    fn of(policy: &str, api: &Api<'_>, ids: &EndpointIds) -> Result<Check, ExcessFault> {
        let ids = api.ids(ids).map_err(ExcessFault::Mapping)?;
        let document = plain(policy).map_err(ExcessFault::Policy)?;
        let statements = match &document["Statement"] {
            Value::Array(statements) => statements.clone(),
            statement @ Value::Object(_) => vec![statement.clone()],
            _ => return Err(ExcessFault::Policy(Unreadable::of("it has no Statement"))),
        };
        let has_variables = document["Version"] == VERSION;
        let mut check = Check {
            before: before(api, &statements),
            has_variables,
            needed: api.grants().resources(Level::Exact),
            needed_globs: Vec::new(),
            ids,
            statements,
        };
        check.needed_globs =
            check.needed.iter().filter_map(|resource| check.glob(resource, Unknown::Nothing)).collect();
        Ok(check)
    }

    fn run(&self) -> Vec<Excess> {
        let origins = self.distinct_origins();
        let mut found = Vec::new();
        for (at, statement) in self.statements.iter().enumerate() {
            if statement["Effect"] != "Allow" || !has_invoke(statement, true) {
                continue;
            }
            for (resources, is_inverted) in resources_of(statement) {
                let resource = resources.join(", ");
                let witness = self.witness(at, (&resources, is_inverted), &origins);
                found.extend(witness.map(|witness| Excess { statement: at + 1, resource, witness }));
            }
        }
        found
    }

    /// A call that one of the statement's resources lets in, and that nobody needs.
    fn witness(&self, at: usize, (resources, is_inverted): (&[&str], bool), origins: &[Seen]) -> Option<Witness> {
        let mut unknown = None;
        for Seen { origin, met } in origins.iter().filter(|seen| seen.met[at] != Met::No) {
            match self.search(resources, is_inverted, (origin, met)) {
                Found::Nothing => {}
                Found::TooMany => unknown = Some(Witness::Unknown),
                Found::Call(call) => return Some(witness(&call, origin, met[at] == Met::Maybe)),
            }
        }
        unknown
    }

    /// One of the callers of each kind that the policy and the mapping tell apart.
    fn distinct_origins(&self) -> Vec<Seen> {
        let mut distinct: Vec<Seen> = Vec::new();
        for origin in self.origins() {
            let met = self.statements.iter().map(|statement| is_met(&statement["Condition"], &origin)).collect();
            let seen = Seen { origin, met };
            let is_ours = |seen: &Seen| self.ids.contains(&seen.origin.vpce);
            if !distinct.iter().any(|other| other.met == seen.met && is_ours(other) == is_ours(&seen)) {
                distinct.push(seen);
            }
        }
        distinct
    }

    /// Callers that the policy can tell apart: those of the mapping first, then one through an endpoint that nobody named.
    fn origins(&self) -> Vec<Origin> {
        let mut referers = vec![None, Some("other.example".to_owned())];
        referers.extend(values_of(&self.statements, "aws:Referer").into_iter().map(Some));
        let mut vpces = self.ids.clone();
        vpces.push("vpce-00000000".to_owned());
        vpces.extend(values_of(&self.statements, "aws:SourceVpce"));
        let of = |vpce: &String| {
            referers.iter().map(|referer| Origin { vpce: vpce.clone(), referer: referer.clone() }).collect::<Vec<_>>()
        };
        vpces.iter().flat_map(of).collect()
    }

    fn search(&self, resources: &[&str], is_inverted: bool, (origin, met): (&Origin, &[Met])) -> Found {
        let taken = if is_inverted { Unknown::Nothing } else { Unknown::Anything };
        let wanted = resources.iter().filter_map(|resource| self.glob(resource, taken)).collect();
        let denies = |(statement, met): &(&Value, &Met)| {
            **met == Met::Yes
                && statement["Effect"] == "Deny"
                && is_everybody(&statement["Principal"])
                && has_invoke(statement, false)
        };
        let denied = self.statements.iter().zip(met).filter(denies).flat_map(|(statement, _)| resources_of(statement));
        let denied = denied.filter(|(_, is_inverted)| !is_inverted).flat_map(|(resources, _)| resources);
        let is_ours = self.ids.contains(&origin.vpce);
        let needed = self.needed_globs.iter().filter(|_| is_ours).cloned();
        let unwanted = denied.filter_map(|resource| self.glob(resource, Unknown::Nothing)).chain(needed).collect();
        Search { before: &self.before, wanted, is_inverted, within: None, unwanted }.run()
    }

    /// A resource as a pattern of whole ARNs.
    fn glob(&self, resource: &str, unknown: Unknown) -> Option<Glob> {
        // Ours are of the version that has variables, whatever the policy's is.
        let has_variables = self.has_variables || self.needed.iter().any(|own| own == resource);
        match resource.strip_prefix(SHORT) {
            Some(path) => Some(Glob::parse(path, has_variables, unknown)?.after_api()),
            None => Glob::parse(resource, has_variables, unknown),
        }
    }
}

/// How the ARN of every call of an API begins. Its account is the one that the policy names.
fn before(api: &Api<'_>, statements: &[Value]) -> String {
    let all = statements.iter().flat_map(resources_of).flat_map(|(resources, _)| resources);
    let accounts = all.filter_map(|resource| resource.split(':').nth(4));
    let mut known = accounts.filter(|account| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()));
    let account = known.next().unwrap_or(ANY_ACCOUNT);
    format!("arn:{}:execute-api:{}:{account}:{}/", partition_of(api.region), api.region, api.id)
}

/// The resources of a statement, each by itself; those of NotResource together. The second is whether it is that.
fn resources_of(statement: &Value) -> Vec<(Vec<&str>, bool)> {
    match (texts(&statement["Resource"]), texts(&statement["NotResource"])) {
        (Some(resources), _) => resources.into_iter().map(|resource| (vec![resource], false)).collect(),
        (None, Some(resources)) => vec![(resources, true)],
        (None, None) => Vec::new(),
    }
}

/// Whether a statement is about calling an API; `otherwise` where it cannot be read.
fn has_invoke(statement: &Value, otherwise: bool) -> bool {
    let any = |actions: &[&str]| {
        let pattern = |action: &&str| Glob::parse(&action.to_ascii_lowercase(), false, Unknown::Anything);
        actions.iter().filter_map(pattern).any(|glob| glob.matches(&INVOKE.to_ascii_lowercase()))
    };
    match (texts(&statement["Action"]), texts(&statement["NotAction"])) {
        (Some(actions), _) => any(&actions),
        (None, Some(actions)) => !any(&actions),
        (None, None) => otherwise,
    }
}

fn is_everybody(principal: &Value) -> bool {
    principal == "*"
        || principal
            .as_object()
            .is_some_and(|kinds| kinds.get("AWS").is_some_and(|who| texts(who).is_some_and(|who| who.contains(&"*"))))
}

fn witness(call: &str, origin: &Origin, is_conditional: bool) -> Witness {
    let mut pieces = call.splitn(3, '/');
    let [stage, verb, path] = std::array::from_fn(|_| pieces.next().unwrap_or_default());
    Witness::Call {
        stage: stage.to_owned(),
        verb: verb.to_owned(),
        path: format!("/{path}"),
        origin: origin.clone(),
        is_conditional,
    }
}

#[cfg(test)]
mod tests;
