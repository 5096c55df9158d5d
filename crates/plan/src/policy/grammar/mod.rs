//! The grammar of resource policies, as far as API Gateway's go: IAM User Guide, "Grammar of the IAM JSON
//! policy language", with what the API Gateway Developer Guide says of resources and condition keys.
//!
//! It is stricter than AWS where AWS takes what can do nothing: a resource that names no verb, say. What
//! passes here can still be refused there: whether a principal exists only AWS knows.

use std::collections::BTreeSet;
use std::fmt;

use super::document::VERSION;
use super::json::Json;
use super::pattern::{has_wildcard, variable_fault};
use super::resource::resource_fault;

/// What is wrong with a policy, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which statement, from 1; none where it is the policy as a whole.
    pub statement: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.statement {
            Some(number) => write!(f, "statement {number}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Everything that is wrong with a policy, in order; nothing where it follows the grammar.
pub fn check(text: &str, max_size: usize) -> Vec<Fault> {
    let mut check = Check { faults: Vec::new(), statement: None };
    let size = text.chars().count();
    if size > max_size {
        check.fault(format!("the policy has {size} characters, and {max_size} are the most"));
    }
    match serde_json::from_str::<Json>(text) {
        Ok(Json::Map(document)) => check.document(&document),
        Ok(other) => check.fault(format!("the policy is {}, not an object", other.kind())),
        Err(fault) => check.fault(format!("the policy is no JSON: {fault}")),
    }
    check.faults
}

const DOCUMENT_KEYS: [&str; 3] = ["Version", "Id", "Statement"];

const STATEMENT_KEYS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

const PRINCIPALS: [&str; 4] = ["AWS", "Service", "Federated", "CanonicalUser"];

/// The operators, without `IfExists` behind and `ForAllValues:` before.
const OPERATORS: [&str; 27] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// API Gateway Developer Guide, "AWS condition keys that can be used in API Gateway resource policies".
const CONDITION_KEYS: [&str; 22] = [
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:TokenIssueTime",
    "aws:MultiFactorAuthPresent",
    "aws:MultiFactorAuthAge",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalTag",
    "aws:PrincipalType",
    "aws:Referer",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIp",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:VpcSourceIp",
    "aws:UserAgent",
    "aws:userid",
    "aws:username",
];

struct Check {
    faults: Vec<Fault>,
    statement: Option<usize>,
}

type Map = [(String, Json)];

impl Check {
    fn fault(&mut self, what: String) {
        self.faults.push(Fault { statement: self.statement, what });
    }

    fn document(&mut self, document: &Map) {
        self.keys(document, &DOCUMENT_KEYS);
        match find(document, "Version") {
            None => self.fault("Version is missing".to_owned()),
            Some(Json::Text(version)) if version == VERSION || version == "2008-10-17" => {}
            Some(_) => self.fault(format!("Version is not \"{VERSION}\" (or \"2008-10-17\")")),
        }
        if let Some(other) = find(document, "Id").filter(|id| !matches!(id, Json::Text(_))) {
            self.fault(format!("Id is {}, not a text", other.kind()));
        }
        let statements = match find(document, "Statement") {
            None => return self.fault("Statement is missing".to_owned()),
            Some(Json::List(statements)) if statements.is_empty() => {
                return self.fault("Statement lists no statement".to_owned());
            }
            Some(Json::List(statements)) => &statements[..],
            Some(statement) => std::slice::from_ref(statement),
        };
        let mut sids = BTreeSet::new();
        for (at, statement) in statements.iter().enumerate() {
            self.statement = Some(at + 1);
            match statement {
                Json::Map(statement) => self.one(statement, &mut sids),
                other => self.fault(format!("it is {}, not an object", other.kind())),
            }
        }
    }

    fn one<'s>(&mut self, statement: &'s Map, sids: &mut BTreeSet<&'s str>) {
        self.keys(statement, &STATEMENT_KEYS);
        match find(statement, "Sid") {
            None => {}
            Some(Json::Text(sid)) if sids.insert(sid) => {}
            Some(Json::Text(sid)) => self.fault(format!("Sid `{sid}` is another statement's, too")),
            Some(other) => self.fault(format!("Sid is {}, not a text", other.kind())),
        }
        match find(statement, "Effect") {
            Some(Json::Text(effect)) if effect == "Allow" || effect == "Deny" => {}
            Some(_) => self.fault("Effect is neither \"Allow\" nor \"Deny\"".to_owned()),
            None => self.fault("Effect is missing".to_owned()),
        }
        if let Some((key, principal)) = self.one_of(statement, "Principal", "NotPrincipal") {
            self.principal(key, principal);
        }
        if let Some((key, actions)) = self.one_of(statement, "Action", "NotAction") {
            self.texts(key, actions, action_fault);
        }
        if let Some((key, resources)) = self.one_of(statement, "Resource", "NotResource") {
            self.texts(key, resources, resource_fault);
        }
        match find(statement, "Condition") {
            None => {}
            Some(Json::Map(operators)) => self.condition(operators),
            Some(other) => self.fault(format!("Condition is {}, not an object", other.kind())),
        }
    }

    /// The one of two keys that a statement has.
    fn one_of<'s>(
        &mut self,
        statement: &'s Map,
        key: &'static str,
        not: &'static str,
    ) -> Option<(&'static str, &'s Json)> {
        match (find(statement, key), find(statement, not)) {
            (Some(value), None) => Some((key, value)),
            (None, Some(value)) => Some((not, value)),
            (None, None) => {
                self.fault(format!("{key} is missing"));
                None
            }
            (Some(_), Some(_)) => {
                self.fault(format!("it has {key} and {not}, which exclude each other"));
                None
            }
        }
    }

    fn principal(&mut self, key: &str, principal: &Json) {
        match principal {
            Json::Text(text) if text == "*" => {}
            Json::Text(_) => self.fault(format!("{key} is a text other than \"*\"")),
            Json::Map(kinds) if kinds.is_empty() => self.fault(format!("{key} names nobody")),
            Json::Map(kinds) => {
                self.keys(kinds, &PRINCIPALS);
                for (kind, names) in kinds {
                    self.texts(&format!("{key} {kind}"), names, |name| {
                        name.is_empty().then(|| "an empty text".to_owned())
                    });
                }
            }
            other => self.fault(format!("{key} is {}, neither \"*\" nor an object", other.kind())),
        }
    }

    fn condition(&mut self, operators: &Map) {
        if operators.is_empty() {
            self.fault("Condition is empty".to_owned());
        }
        self.twice(operators);
        for (operator, keys) in operators {
            if !is_operator(operator) {
                self.fault(format!("Condition: `{operator}` is no condition operator"));
            }
            let Json::Map(keys) = keys else {
                self.fault(format!("Condition: {operator} is {}, not an object", keys.kind()));
                continue;
            };
            if keys.is_empty() {
                self.fault(format!("Condition: {operator} names no key"));
            }
            self.twice(keys);
            for (key, values) in keys {
                if !is_condition_key(key) {
                    self.fault(format!("Condition: `{key}` is no condition key of API Gateway's resource policies"));
                }
                self.values(&format!("Condition: {operator} {key}"), values);
            }
        }
    }

    fn values(&mut self, place: &str, values: &Json) {
        let values = match values {
            Json::List(values) if values.is_empty() => return self.fault(format!("{place} lists no value")),
            Json::List(values) => &values[..],
            value => std::slice::from_ref(value),
        };
        for value in values {
            match value {
                Json::Text(text) => {
                    if let Some(what) = variable_fault(text) {
                        self.fault(format!("{place}: {what}"));
                    }
                }
                Json::Bool | Json::Number => {}
                other => self.fault(format!("{place} is {}, not a text", other.kind())),
            }
        }
    }

    /// A text, or a list of texts, each of which follows a rule.
    fn texts(&mut self, key: &str, value: &Json, rule: impl Fn(&str) -> Option<String>) {
        let list = match value {
            Json::List(list) if list.is_empty() => return self.fault(format!("{key} is an empty list")),
            Json::List(list) => &list[..],
            one => std::slice::from_ref(one),
        };
        let mut seen = BTreeSet::new();
        for item in list {
            match item {
                Json::Text(text) => {
                    if !seen.insert(text) {
                        self.fault(format!("{key}: `{text}` is listed twice"));
                    }
                    if let Some(what) = variable_fault(text).or_else(|| rule(text)) {
                        self.fault(format!("{key} `{text}`: {what}"));
                    }
                }
                other => self.fault(format!("{key} holds {}, not a text", other.kind())),
            }
        }
    }

    /// Keys that are known, and none twice.
    fn keys(&mut self, map: &Map, known: &[&str]) {
        self.twice(map);
        for (key, _) in map.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            self.fault(format!("`{key}` is no key here; the keys are {}", known.join(", ")));
        }
    }

    fn twice(&mut self, map: &Map) {
        let mut seen = BTreeSet::new();
        for (key, _) in map {
            if !seen.insert(key) {
                self.fault(format!("`{key}` stands there twice"));
            }
        }
    }
}

fn find<'m>(map: &'m Map, key: &str) -> Option<&'m Json> {
    map.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

fn is_operator(operator: &str) -> bool {
    let bare = operator.strip_prefix("ForAllValues:").or_else(|| operator.strip_prefix("ForAnyValue:"));
    let bare = bare.unwrap_or(operator);
    bare.strip_suffix("IfExists").filter(|bare| *bare != "Null").is_some_and(|bare| OPERATORS.contains(&bare))
        || OPERATORS.contains(&bare)
}

/// Keys are read without regard to case; a tag's name follows its key.
fn is_condition_key(key: &str) -> bool {
    let (name, tag) = key.split_once('/').map_or((key, None), |(name, tag)| (name, Some(tag)));
    let tagged = name.eq_ignore_ascii_case("aws:PrincipalTag");
    let known = CONDITION_KEYS.iter().any(|known| known.eq_ignore_ascii_case(name));
    known && tagged == tag.is_some_and(|tag| !tag.is_empty())
}

/// The actions clients need stand behind `execute-api:`, whose names may hold wildcards.
fn action_fault(action: &str) -> Option<String> {
    const ACTIONS: [&str; 3] = ["Invoke", "InvalidateCache", "ManageConnections"];
    if action == "*" {
        return None;
    }
    let name = match action.split_once(':') {
        Some((service, name)) if service.eq_ignore_ascii_case("execute-api") => name,
        _ => return Some("an action here starts with `execute-api:`".to_owned()),
    };
    let known = has_wildcard(name) || ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(name));
    (!known).then(|| format!("an action here is one of {}", ACTIONS.join(", ")))
}

#[cfg(test)]
mod tests;
