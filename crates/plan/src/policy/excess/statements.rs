//! One call against a policy, statement by statement: which let it in, which keep it out, and why the others do not count.

use serde_json::Value;

use super::condition::{Met, Origin, is_met, texts};
use super::glob::{Glob, Unknown};
use super::{ANY_ACCOUNT, SHORT, has_invoke, is_everybody, resources_of};
use crate::policy::document::VERSION;
use crate::policy::grants::partition_of;
use crate::policy::in_force::{Unreadable, plain};
use nameplate_core::diagnostic::printable_name;

/// A call of an API without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'c> {
    /// The region of the API.
    pub region: &'c str,
    /// Its id.
    pub api_id: &'c str,
    /// The stage.
    pub stage: &'c str,
    /// The method.
    pub verb: &'c str,
    /// The path in the stage, without a slash in front.
    pub path: &'c str,
    /// The id of the VPC endpoint that it comes through, where that is known.
    pub vpce: Option<&'c str>,
    /// The Referer.
    pub referer: Option<&'c str>,
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It depends on what is not known here.
    Maybe,
}

/// A statement, for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Which one, from 1.
    pub number: usize,
    /// Its Sid, where it has one.
    pub sid: Option<String>,
    /// It denies; otherwise it allows.
    pub denies: bool,
    /// Whether it counts for the call.
    pub counts: Answer,
    /// Why it does not, or may not.
    pub why: Option<String>,
}

/// What a policy says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the policy lets the call in.
    pub allows: Answer,
    /// The statements, in order.
    pub statements: Vec<Explained>,
}

/// Explains a call.
pub fn explain_call(policy: &str, call: &Call<'_>) -> Result<Explanation, Unreadable> {
    let document = plain(policy)?;
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.clone(),
        statement @ Value::Object(_) => vec![statement.clone()],
        _ => return Err(Unreadable::of("it has no Statement")),
    };
    let has_variables = document["Version"] == VERSION;
    let arn = arn(call, &statements);
    let each = statements.iter().enumerate();
    let explained: Vec<_> =
        each.map(|(at, statement)| explained(at + 1, statement, call, &arn, has_variables)).collect();
    Ok(Explanation { allows: decision(&explained), statements: explained })
}

/// An explicit Deny comes before every Allow; without an Allow, nothing is let in.
fn decision(statements: &[Explained]) -> Answer {
    let of = |denies: bool, counts: Answer| statements.iter().any(|one| one.denies == denies && one.counts == counts);
    if of(true, Answer::Yes) {
        return Answer::No;
    }
    let may_be_denied = of(true, Answer::Maybe);
    match (of(false, Answer::Yes), of(false, Answer::Maybe)) {
        (true, _) if !may_be_denied => Answer::Yes,
        (true, _) | (_, true) => Answer::Maybe,
        (false, false) => Answer::No,
    }
}

fn explained(number: usize, statement: &Value, call: &Call<'_>, arn: &str, has_variables: bool) -> Explained {
    let (counts, why) = match reason(statement, call, arn, has_variables) {
        Ok(()) => (Answer::Yes, None),
        Err((answer, why)) => (answer, Some(printable_name(&why))),
    };
    let sid = statement["Sid"].as_str().map(printable_name);
    Explained { number, sid, denies: statement["Effect"] == "Deny", counts, why }
}

/// Why a statement does not count, or may not.
fn reason(statement: &Value, call: &Call<'_>, arn: &str, has_variables: bool) -> Result<(), (Answer, String)> {
    let no = |why: String| Err((Answer::No, why));
    if !has_invoke(statement, true) {
        return no("its action is not execute-api:Invoke".to_owned());
    }
    match is_about(statement, arn, has_variables) {
        Answer::Yes => {}
        Answer::No => return no(format!("its resource is not {arn}")),
        Answer::Maybe => return Err((Answer::Maybe, "a policy variable in its resource decides".to_owned())),
    }
    if !is_everybody(&statement["Principal"]) {
        return Err((Answer::Maybe, "it is for a principal; a call without credentials is nobody's".to_owned()));
    }
    condition(&statement["Condition"], call)
}

/// Whether the resources of a statement are that of the call.
fn is_about(statement: &Value, arn: &str, has_variables: bool) -> Answer {
    let of = |unknown| {
        let any = |resources: &[&str]| resources.iter().any(|resource| matches(resource, arn, has_variables, unknown));
        resources_of(statement).iter().any(|(resources, is_inverted)| any(resources) != *is_inverted)
    };
    match (of(Unknown::Nothing), of(Unknown::Anything)) {
        (true, true) => Answer::Yes,
        (false, false) => Answer::No,
        _ => Answer::Maybe,
    }
}

fn condition(conditions: &Value, call: &Call<'_>) -> Result<(), (Answer, String)> {
    let Some(operators) = conditions.as_object() else { return Ok(()) };
    let origin = Origin { vpce: call.vpce.unwrap_or_default().to_owned(), referer: call.referer.map(str::to_owned) };
    let mut maybe = None;
    for (operator, keys) in operators {
        for (key, values) in keys.as_object().into_iter().flatten() {
            let is_unknown = call.vpce.is_none() && key.eq_ignore_ascii_case("aws:SourceVpce");
            let one = serde_json::json!({ operator: { key: values } });
            let met = if is_unknown { Met::Maybe } else { is_met(&one, &origin) };
            let listed = texts(values).map_or_else(|| values.to_string(), |values| values.join(", "));
            match met {
                Met::Yes => {}
                Met::No => return Err((Answer::No, format!("its condition is not met: {operator} {key} {listed}"))),
                Met::Maybe => maybe = Some(format!("its condition is not known here: {operator} {key} {listed}")),
            }
        }
    }
    maybe.map_or(Ok(()), |why| Err((Answer::Maybe, why)))
}

/// The ARN of a call. Its account is the one that the policy names.
fn arn(call: &Call<'_>, statements: &[Value]) -> String {
    let Call { region, api_id, stage, verb, path, .. } = call;
    let all = statements.iter().flat_map(resources_of).flat_map(|(resources, _)| resources);
    let is_account = |account: &&str| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let account = all.filter_map(|resource| resource.split(':').nth(4)).find(is_account).unwrap_or(ANY_ACCOUNT);
    format!("arn:{}:execute-api:{region}:{account}:{api_id}/{stage}/{verb}/{path}", partition_of(region))
}

fn matches(resource: &str, arn: &str, has_variables: bool, unknown: Unknown) -> bool {
    // The short form stands for what follows the API's id.
    let text = match resource.strip_prefix(SHORT) {
        Some(path) => return Glob::parse(path, has_variables, unknown).is_some_and(|glob| glob.matches(called(arn))),
        None => resource,
    };
    Glob::parse(text, has_variables, unknown).is_some_and(|glob| glob.matches(arn))
}

/// `{stage}/{VERB}/{path}` of an ARN.
fn called(arn: &str) -> &str {
    arn.split_once('/').map_or("", |(_, called)| called)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"endpoints","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*",
         "Condition":{"StringNotEquals":{"aws:SourceVpce":["vpce-1"]}}},
        {"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke",
         "Resource":["arn:aws:execute-api:eu-west-1:111122223333:abc/prod/GET/pets","execute-api:/prod/GET/pets/*"]}]}"#;

    fn call<'c>(verb: &'c str, path: &'c str, vpce: Option<&'c str>) -> Call<'c> {
        Call { region: "eu-west-1", api_id: "abc", stage: "prod", verb, path, vpce, referer: None }
    }

    #[track_caller]
    fn check(call: &Call<'_>, allows: Answer, counts: [Answer; 2]) -> Explanation {
        let explanation = explain_call(POLICY, call).expect("a policy");
        assert_eq!(explanation.allows, allows, "{explanation:#?}");
        assert_eq!(explanation.statements.iter().map(|one| one.counts).collect::<Vec<_>>(), counts);
        explanation
    }

    #[test]
    fn each_statement_says_whether_it_counts() {
        check(&call("GET", "pets", Some("vpce-1")), Answer::Yes, [Answer::No, Answer::Yes]);
        check(&call("GET", "pets/1", Some("vpce-1")), Answer::Yes, [Answer::No, Answer::Yes]);
        let other = check(&call("GET", "pets", Some("vpce-2")), Answer::No, [Answer::Yes, Answer::Yes]);
        assert_eq!((other.statements[0].sid.as_deref(), other.statements[0].denies), (Some("endpoints"), true));
        let post = check(&call("POST", "pets", Some("vpce-1")), Answer::No, [Answer::No, Answer::No]);
        let why = post.statements[1].why.as_deref().unwrap_or_default();
        assert_eq!(why, "its resource is not arn:aws:execute-api:eu-west-1:111122223333:abc/prod/POST/pets");
    }

    #[test]
    fn what_is_not_known_is_not_decided() {
        let unknown = check(&call("GET", "pets", None), Answer::Maybe, [Answer::Maybe, Answer::Yes]);
        let why = unknown.statements[0].why.as_deref().unwrap_or_default();
        assert_eq!(why, "its condition is not known here: StringNotEquals aws:SourceVpce vpce-1");
        let by_address = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*",
            "Resource":"*","Condition":{"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/8"}}}}"#;
        let explanation = explain_call(by_address, &call("GET", "x", Some("vpce-1"))).expect("a policy");
        assert_eq!(explanation.allows, Answer::Maybe);
        assert!(explain_call("{}", &call("GET", "x", None)).is_err());
    }

    #[test]
    fn no_text_of_a_policy_moves_the_cursor() {
        let policy = r#"{"Version":"2012-10-17","Statement":{"Sid":"a\u001b[2J","Effect":"Allow","Principal":"*","Action":"*",
            "Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce\u001b[2J"}}}}"#;
        let explanation = explain_call(policy, &call("GET", "x", Some("vpce-1"))).expect("a policy");
        let [one] = &explanation.statements[..] else { panic!("{explanation:?}") };
        assert_eq!(one.sid.as_deref(), Some("a\\u{1b}[2J"));
        assert!(one.why.as_deref().is_some_and(|why| why.ends_with("vpce\\u{1b}[2J")), "{one:?}");
    }
}
