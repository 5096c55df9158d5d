//! The policy an API has, as AWS gives it back: which statements are ours, and what a new one changes.
//!
//! AWS keeps what it is given in another form: whole ARNs, lists of one as texts, and, in the answer to
//! GetRestApi, the text escaped once more. All of these are the same policy here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use super::document::{Effect, INVOKE, Policy, VERSION, WHOLE_API};
use super::resource::{is_like_ours, shortened};

/// A policy that is in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InForce {
    ours: Vec<Own>,
    /// Statements that we would not write, as they are.
    foreign: Vec<Value>,
    /// Statements of the form of ours that are not ours.
    disowned: Vec<Value>,
    /// Its version of the policy language, where that is not ours.
    version: Option<String>,
    id: Option<String>,
}

/// The version of a policy that names none (IAM User Guide, "IAM JSON policy elements: Version").
const FIRST_VERSION: &str = "2008-10-17";

/// A statement of the form of ours.
#[derive(Clone, Debug, PartialEq)]
struct Own {
    head: Head,
    resources: BTreeSet<String>,
    /// As it is.
    statement: Value,
}

/// Resources by what is said of them: statements that differ in nothing else are one.
type Groups = BTreeMap<Head, BTreeSet<String>>;

/// A statement of ours without its resources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    effect: Effect,
    /// Operator, key, values.
    condition: Option<(String, String, BTreeSet<String>)>,
}

/// Why a policy cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy in force cannot be read: {0}")]
pub struct Unreadable(String);

impl Unreadable {
    pub(super) fn of(why: &str) -> Unreadable {
        Unreadable(why.to_owned())
    }
}

impl InForce {
    /// Reads what AWS gives back for an API, escaped or not. Nothing is an API without a policy.
    pub fn read(text: &str, region: &str, api_id: &str) -> Result<InForce, Unreadable> {
        if text.trim().is_empty() {
            return Ok(InForce::default());
        }
        let document = plain(text)?;
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) => statements.clone(),
            Some(statement @ Value::Object(_)) => vec![statement.clone()],
            _ => return Err(Unreadable("it has no Statement".to_owned())),
        };
        let text = |key: &str| document.get(key).and_then(Value::as_str).map(str::to_owned);
        let version = text("Version").unwrap_or_else(|| FIRST_VERSION.to_owned());
        let version = (version != VERSION).then_some(version);
        let mut policy = InForce { version, id: text("Id"), ..InForce::default() };
        for statement in statements {
            match ours(&statement, region, api_id) {
                Some((head, resources)) => policy.ours.push(Own { head, resources, statement }),
                None => policy.foreign.push(statement),
            }
        }
        Ok(policy)
    }

    /// Takes statements for somebody else's that a new policy would take something away from. For an API that
    /// we never deployed: a form like ours is no proof that we wrote it.
    pub fn disown(&mut self, policy: &Policy) {
        let new = groups_of(policy);
        let stays = |own: &Own| new.get(&own.head).is_some_and(|resources| own.resources.is_subset(resources));
        let (ours, theirs) = std::mem::take(&mut self.ours).into_iter().partition(stays);
        self.ours = ours;
        self.disowned.extend(theirs.into_iter().map(|own: Own| own.statement));
    }

    /// Whether there are statements of the form of ours that are not ours.
    pub fn has_disowned(&self) -> bool {
        !self.disowned.is_empty()
    }

    /// The statements that we did not write, each as compact JSON.
    pub fn foreign(&self) -> Vec<String> {
        self.foreign.iter().chain(&self.disowned).map(Value::to_string).collect()
    }

    /// The policy's Id, which nobody decides by.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The version of the policy language, where a statement that is kept would mean another thing in ours.
    pub fn version_at_odds(&self) -> Option<&str> {
        let mut foreign = self.foreign.iter().chain(&self.disowned);
        self.version.as_deref().filter(|_| foreign.any(|statement| statement.to_string().contains("${")))
    }

    /// Reports whether two policies of one API have the same statements, whatever their order.
    pub fn says_the_same(&self, other: &InForce) -> bool {
        let sorted = |policy: &InForce| {
            let mut foreign = policy.foreign();
            foreign.sort();
            foreign
        };
        self.version == other.version && self.groups() == other.groups() && sorted(self) == sorted(other)
    }

    fn groups(&self) -> Groups {
        let mut groups = Groups::new();
        for Own { head, resources, .. } in &self.ours {
            groups.entry(head.clone()).or_default().extend(resources.iter().cloned());
        }
        groups
    }

    /// What becomes of the statements of ours, and of the version.
    pub fn change_to(&self, policy: &Policy) -> Change {
        let new = groups_of(policy);
        let old = self.groups();
        let heads: BTreeSet<&Head> = old.keys().chain(new.keys()).collect();
        let nothing = BTreeSet::new();
        let step = |head: &Head| {
            let (had, has) = (old.get(head), new.get(head));
            let (before, after) = (had.unwrap_or(&nothing), has.unwrap_or(&nothing));
            let of = |from: &BTreeSet<String>, without: &BTreeSet<String>| from.difference(without).cloned().collect();
            Step {
                head: head.clone(),
                kind: match (had.is_some(), has.is_some()) {
                    (true, true) if before == after => Kind::Same,
                    (true, true) => Kind::Changed,
                    (true, false) => Kind::Removed,
                    _ => Kind::Added,
                },
                added: of(after, before),
                removed: of(before, after),
                kept: before.intersection(after).count(),
            }
        };
        // The Deny first, as in the policy.
        let mut steps: Vec<Step> = heads.into_iter().map(step).collect();
        steps.sort_by_key(|step| step.head.effect != Effect::Deny);
        let everybody_of_aws = self.ours.iter().any(|own| own.statement["Principal"].is_object());
        Change { version: self.version.clone(), everybody_of_aws, steps }
    }

    /// A policy with the foreign statements behind its own, and the Id. Statements of the form of ours get a Sid,
    /// which tells them from ours from then on.
    pub fn kept_beside(&self, policy: &Policy) -> String {
        let mut text = policy.text();
        if let Some(id) = &self.id {
            text = text.replacen(",\"Statement\":", &format!(",\"Id\":{},\"Statement\":", Value::from(&**id)), 1);
        }
        let own = text.strip_suffix("]}").unwrap_or(&text);
        let taken: BTreeSet<&str> = self.foreign.iter().filter_map(|statement| statement["Sid"].as_str()).collect();
        let sids = (1..).map(|number| format!("kept{number}")).filter(|sid| !taken.contains(sid.as_str()));
        let named = self.disowned.iter().zip(sids).map(|(statement, sid)| {
            let mut statement = statement.clone();
            statement["Sid"] = sid.into();
            statement
        });
        let foreign: String =
            self.foreign.iter().cloned().chain(named).map(|statement| format!(",{statement}")).collect();
        format!("{own}{foreign}]}}")
    }
}

fn groups_of(policy: &Policy) -> Groups {
    let mut groups = Groups::new();
    for statement in &policy.statements {
        let condition = statement.condition.as_ref();
        let condition =
            condition.map(|c| (c.operator.to_owned(), c.key.to_owned(), c.values.iter().cloned().collect()));
        let head = Head { effect: statement.effect, condition };
        groups.entry(head).or_default().extend(statement.resources.iter().cloned());
    }
    groups
}

/// A policy as JSON. One that is escaped is the inside of a JSON text.
pub(super) fn plain(text: &str) -> Result<Value, Unreadable> {
    let as_it_is = serde_json::from_str::<Value>(text);
    let read = as_it_is.or_else(|first| {
        let unescaped = serde_json::from_str::<String>(&format!("\"{text}\"")).map_err(|_| first)?;
        serde_json::from_str(&unescaped)
    });
    match read {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Unreadable("it is no object".to_owned())),
        Err(fault) => Err(Unreadable(format!("it is no JSON: {fault}"))),
    }
}

/// A statement of ours, or none if it is somebody else's.
fn ours(statement: &Value, region: &str, api_id: &str) -> Option<(Head, BTreeSet<String>)> {
    let statement = statement.as_object()?;
    let known = ["Effect", "Principal", "Action", "Resource", "Condition"];
    let text = |key: &str| statement.get(key).and_then(one);
    let everybody = is_everybody(statement.get("Principal")?);
    if statement.keys().any(|key| !known.contains(&key.as_str())) || !everybody || text("Action") != Some(INVOKE) {
        return None;
    }
    let resources: BTreeSet<String> =
        texts(statement.get("Resource")?)?.into_iter().map(|text| shortened(text, region, api_id)).collect();
    let condition = match statement.get("Condition") {
        None => None,
        Some(condition) => Some(condition_of(condition.as_object()?)?),
    };
    let (effect, is_ours) = match (text("Effect")?, &condition) {
        ("Deny", Some((operator, key, _))) => {
            let whole = resources.len() == 1 && resources.contains(WHOLE_API);
            (Effect::Deny, whole && operator == "StringNotEquals" && key == "aws:SourceVpce")
        }
        ("Allow", None) => (Effect::Allow, resources.iter().all(|resource| is_like_ours(resource))),
        ("Allow", Some((operator, key, _))) => {
            let by_referer = key == "aws:Referer" && matches!(operator.as_str(), "StringEquals" | "StringLike");
            (Effect::Allow, by_referer && resources.iter().all(|resource| is_like_ours(resource)))
        }
        _ => return None,
    };
    is_ours.then_some((Head { effect, condition }, resources))
}

/// A Principal of kind AWS lets nobody call methods without IAM authorization (Developer Guide, "Create and attach
/// an API Gateway resource policy to an API"). Whether `{"AWS":"*"}` is one it does not say, so that is rewritten.
fn is_everybody(principal: &Value) -> bool {
    match principal {
        Value::Object(kinds) => kinds.len() == 1 && kinds.get("AWS").and_then(one) == Some("*"),
        principal => principal.as_str() == Some("*"),
    }
}

fn condition_of(operators: &Map<String, Value>) -> Option<(String, String, BTreeSet<String>)> {
    let (operator, keys) = operators.iter().next().filter(|_| operators.len() == 1)?;
    let keys = keys.as_object()?;
    let (key, values) = keys.iter().next().filter(|_| keys.len() == 1)?;
    let values = texts(values)?.into_iter().map(str::to_owned).collect();
    Some((operator.clone(), key.clone(), values))
}

/// A text, or a list of one.
fn one(value: &Value) -> Option<&str> {
    match &texts(value)?[..] {
        [text] => Some(text),
        _ => None,
    }
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(texts) => texts.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// What becomes of the statements of ours. As text it is a diff for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The version there was, where ours is another.
    version: Option<String>,
    /// Whether everybody was named otherwise than we do.
    everybody_of_aws: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    head: Head,
    kind: Kind,
    added: Vec<String>,
    removed: Vec<String>,
    kept: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Added,
    Removed,
    Changed,
    Same,
}

impl Change {
    /// Whether nothing changes.
    pub fn is_none(&self) -> bool {
        self.version.is_none() && !self.everybody_of_aws && self.steps.iter().all(|step| step.kind == Kind::Same)
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} everybody", self.effect)?;
        match &self.condition {
            None => Ok(()),
            Some((operator, key, values)) => {
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                write!(f, " where {operator} {key} {}", values.join(", "))
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(version) = &self.version {
            writeln!(f, "  ~ Version {version} becomes {VERSION}")?;
        }
        if self.everybody_of_aws {
            writeln!(f, "  ~ Principal {{\"AWS\":\"*\"}} becomes \"*\"")?;
        }
        for step in &self.steps {
            let sign = match step.kind {
                Kind::Added => '+',
                Kind::Removed => '-',
                Kind::Changed => '~',
                Kind::Same => '=',
            };
            writeln!(f, "  {sign} {}", step.head)?;
            for (sign, resources) in [('-', &step.removed), ('+', &step.added)] {
                resources.iter().try_for_each(|resource| writeln!(f, "      {sign} {resource}"))?;
            }
            if step.kept > 0 {
                let what = if step.kept == 1 { "resource" } else { "resources" };
                writeln!(f, "        {} {what} unchanged", step.kept)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
