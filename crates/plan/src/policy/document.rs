//! A policy as we write it: statements in order, and compact JSON with its keys in a fixed order.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// The only version of the policy language that knows policy variables.
pub const VERSION: &str = "2012-10-17";

/// The one action API Gateway checks when a client calls an API.
pub const INVOKE: &str = "execute-api:Invoke";

/// Every stage, verb and path of the API a policy is attached to.
pub const WHOLE_API: &str = "execute-api:/*";

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Effect {
    /// Lets requests in, unless another statement keeps them out.
    Allow,
    /// Keeps requests out, whatever else lets them in.
    Deny,
}

/// What must be true of a request for a statement to count: one operator on one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// `StringEquals` and the like.
    pub operator: &'static str,
    /// `aws:SourceVpce` or `aws:Referer`.
    pub key: &'static str,
    /// Sorted; any of them will do.
    pub values: Vec<String>,
}

/// A statement of ours: for everybody, about calling the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it does.
    pub effect: Effect,
    /// What it is about, sorted.
    pub resources: Vec<String>,
    /// When it counts; without one, always.
    pub condition: Option<Condition>,
}

/// A policy of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The Deny first, then what is allowed.
    pub statements: Vec<Statement>,
}

impl Policy {
    /// As compact JSON: what AWS is given, and whose characters its quota counts.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("texts and lists of texts are JSON")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'p> {
    version: &'static str,
    statement: &'p [Statement],
}

#[derive(Serialize)]
#[serde(untagged)]
enum OneOrMore<'p> {
    One(&'p str),
    More(&'p [String]),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown<'p> {
    effect: Effect,
    principal: &'static str,
    action: &'static str,
    resource: OneOrMore<'p>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<BTreeMap<&'static str, BTreeMap<&'static str, &'p [String]>>>,
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Document { version: VERSION, statement: &self.statements }.serialize(serializer)
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let resource = match &self.resources[..] {
            [one] => OneOrMore::One(one),
            more => OneOrMore::More(more),
        };
        let condition = self.condition.as_ref().map(|condition| {
            BTreeMap::from([(condition.operator, BTreeMap::from([(condition.key, &condition.values[..])]))])
        });
        Shown { effect: self.effect, principal: "*", action: INVOKE, resource, condition }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_a_fixed_order() {
        let source = Condition {
            operator: "StringNotEquals",
            key: "aws:SourceVpce",
            values: vec!["vpce-1".into(), "vpce-2".into()],
        };
        let policy = Policy {
            statements: vec![
                Statement { effect: Effect::Deny, resources: vec![WHOLE_API.into()], condition: Some(source) },
                Statement { effect: Effect::Allow, resources: vec!["a".into(), "b".into()], condition: None },
            ],
        };
        let want = concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","#,
            r#""Resource":"execute-api:/*","Condition":{"StringNotEquals":{"aws:SourceVpce":["vpce-1","vpce-2"]}}},"#,
            r#"{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":["a","b"]}]}"#
        );
        assert_eq!(policy.text(), want);
    }
}
