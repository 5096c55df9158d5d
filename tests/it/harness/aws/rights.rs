//! The IAM action and resource that each call needs, by AWS's Service Authorization Reference.

use serde_json::Value;

use super::Seen;

/// An IAM policy: pairs of an action and a resource that it allows.
pub struct Policy(Vec<(String, String)>);

impl Policy {
    pub fn read(text: &str) -> Policy {
        let policy: Value = serde_json::from_str(text).expect("JSON");
        let texts = |value: &Value| match value {
            Value::Array(all) => all.iter().map(|of| of.as_str().expect("text").to_owned()).collect(),
            one => vec![one.as_str().expect("text").to_owned()],
        };
        let mut pairs = Vec::new();
        for statement in policy["Statement"].as_array().expect("statements") {
            assert_eq!(statement["Effect"], "Allow");
            for action in texts(&statement["Action"]) {
                pairs.extend(texts(&statement["Resource"]).into_iter().map(|resource| (action.clone(), resource)));
            }
        }
        Policy(pairs)
    }

    pub fn allows(&self, call: &Seen) -> bool {
        needed(call).is_none_or(|(action, resource)| self.0.iter().any(|pair| covers(pair, &action, &resource)))
    }

    /// The pairs that none of the calls needed.
    pub fn needless(&self, calls: &[Seen]) -> Vec<String> {
        let needed: Vec<_> = calls.iter().filter_map(needed).collect();
        let is_needless = |pair: &&(String, String)| !needed.iter().any(|(action, arn)| covers(pair, action, arn));
        self.0.iter().filter(is_needless).map(|(action, arn)| format!("{action} {arn}")).collect()
    }
}

/// The action and the resource of a call; `None` for one that everybody may make.
fn needed(call: &Seen) -> Option<(String, String)> {
    let Seen { account, region, path, .. } = call;
    let domain = || {
        let name = path.split("/domainnames/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        format!("/domainnames/{name}+{}", call.parameter("domainNameId"))
    };
    let (action, resource) = match &*call.service {
        "sts" => match call.parameter("Action") {
            "GetCallerIdentity" => return None,
            action => (format!("sts:{action}"), call.parameter("RoleArn").to_owned()),
        },
        "apigateway" if path.ends_with("/routingrules") => {
            ("apigateway:ListRoutingRules".to_owned(), format!("arn:aws:apigateway:{region}:{account}:{}", domain()))
        }
        "apigateway" => {
            let path = if path.ends_with("/basepathmappings") { domain() + "/basepathmappings" } else { path.clone() };
            (format!("apigateway:{}", call.method), format!("arn:aws:apigateway:{region}::{path}"))
        }
        "route53" => match path.trim_start_matches("/2013-04-01/") {
            zone if zone.ends_with("/rrset") => {
                let id = zone.split('/').nth(1).unwrap_or_default();
                ("route53:ListResourceRecordSets".to_owned(), format!("arn:aws:route53:::hostedzone/{id}"))
            }
            _ => ("route53:ListHostedZones".to_owned(), "*".to_owned()),
        },
        "acm" => {
            let operation = call.target.split('.').nth(1).unwrap_or_default();
            let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
            (format!("acm:{operation}"), body["CertificateArn"].as_str().unwrap_or("*").to_owned())
        }
        service => (format!("{service}:{}", call.parameter("Action")), "*".to_owned()),
    };
    Some((action, resource))
}

fn covers((action, pattern): &(String, String), needed: &str, resource: &str) -> bool {
    action == needed && matches(pattern.as_bytes(), resource.as_bytes())
}

/// Reports whether a text matches a pattern of IAM's.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) if matches(rest, text) => true,
        ([b'*', ..], [_, text @ ..]) => matches(pattern, text),
        ([p, pattern @ ..], [t, text @ ..]) if p == t => matches(pattern, text),
        _ => false,
    }
}
