//! How IAM decides by a resource policy: a Deny wins, then an Allow, else nobody gets in (IAM User Guide,
//! "Policy evaluation logic"). Written from the guide, not from what the product does.

use serde_json::Value;

/// A call of an API.
#[derive(Clone, Copy, Debug)]
pub struct Call<'c> {
    pub stage: &'c str,
    pub verb: &'c str,
    pub path: &'c str,
    pub vpce: &'c str,
    pub referer: Option<&'c str>,
}

/// Whether a policy lets an anonymous call in.
pub fn allows(policy: &Value, call: &Call<'_>) -> bool {
    let counts = |statement: &&Value| {
        statement["Principal"] == "*"
            && each(&statement["Action"]).any(|action| action == "execute-api:Invoke")
            && each(&statement["Resource"]).any(|resource| matches(path_of(resource), &called(call)))
            && is_met(&statement["Condition"], call)
    };
    let statements = policy["Statement"].as_array().expect("statements");
    let effects: Vec<&Value> = statements.iter().filter(counts).map(|statement| &statement["Effect"]).collect();
    effects.iter().all(|effect| *effect != "Deny") && effects.iter().any(|effect| *effect == "Allow")
}

/// What stands behind the API's id in the ARN of a call: `dev/GET/pets`, and for the root `dev/GET/`.
fn called(call: &Call<'_>) -> String {
    format!("{}/{}{}", call.stage, call.verb, call.path)
}

/// The same of a resource, in either form.
fn path_of(resource: &str) -> &str {
    match resource.strip_prefix("execute-api:/") {
        Some(path) => path,
        None => resource.splitn(6, ':').nth(5).and_then(|api| api.split_once('/')).expect("a whole ARN").1,
    }
}

fn is_met(condition: &Value, call: &Call<'_>) -> bool {
    let Some(operators) = condition.as_object() else { return true };
    operators.iter().all(|(operator, keys)| {
        keys.as_object().expect("keys").iter().all(|(key, values)| {
            let told = match key.as_str() {
                "aws:SourceVpce" => Some(call.vpce),
                "aws:Referer" => call.referer,
                other => panic!("the evaluator has no {other}"),
            };
            let mut values = each(values);
            match operator.as_str() {
                "StringEquals" => told.is_some_and(|told| values.any(|value| value == told)),
                "StringLike" => told.is_some_and(|told| values.any(|value| matches(value, told))),
                "StringNotEquals" => told.is_none_or(|told| values.all(|value| value != told)),
                other => panic!("the evaluator has no {other}"),
            }
        })
    })
}

fn each(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str().into_iter();
    one.chain(value.as_array().into_iter().flatten().map(|text| text.as_str().expect("a text")))
}

/// `*` is any characters, `?` is one; `${*}`, `${?}` and `${$}` are these characters themselves.
fn matches(pattern: &str, text: &str) -> bool {
    let literal = |of: &'static str| {
        pattern.strip_prefix(of).map(|rest| text.strip_prefix(&of[2..3]).is_some_and(|text| matches(rest, text)))
    };
    if let Some(decided) = ["${*}", "${?}", "${$}"].into_iter().find_map(literal) {
        return decided;
    }
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|at| text.is_char_boundary(at) && matches(rest.as_str(), &text[at..])),
        Some('?') => text.chars().next().is_some_and(|c| matches(rest.as_str(), &text[c.len_utf8()..])),
        Some(c) => text.strip_prefix(c).is_some_and(|text| matches(rest.as_str(), text)),
    }
}

#[test]
fn the_evaluator_matches_as_iam_does() {
    for (pattern, text, want) in [
        ("dev/*/a", "dev/GET/a", true),
        ("dev/*/a", "dev/GET/x/a", true),
        ("dev/GET/*", "dev/GET/", true),
        ("dev/GET/a?", "dev/GET/ab", true),
        ("dev/GET/a?", "dev/GET/a", false),
        ("dev/GET/${*}", "dev/GET/*", true),
        ("dev/GET/${*}", "dev/GET/x", false),
        ("dev/GET/a", "dev/GET/A", false),
    ] {
        assert_eq!(matches(pattern, text), want, "{pattern} {text}");
    }
}
