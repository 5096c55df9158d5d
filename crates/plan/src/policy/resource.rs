//! Resources of a policy: the short form that API Gateway writes out, and whole ARNs.

use super::pattern::has_wildcard;
use nameplate_core::domain::verbs::VERBS;

/// What the short form starts with; whole ARNs have the same path behind the API's id.
const SHORT: &str = "execute-api:/";

/// What is wrong with a resource, if anything is.
pub(super) fn resource_fault(resource: &str) -> Option<String> {
    if resource == "*" {
        return None;
    }
    if resource.starts_with("arn:") {
        return arn_fault(resource);
    }
    match resource.strip_prefix(SHORT) {
        Some(path) => path_fault(path),
        None => Some("a resource is `execute-api:/stage/VERB/path`, or the whole ARN".to_owned()),
    }
}

/// `arn:{partition}:execute-api:{region}:{account}:{api}[/{stage}/{VERB}/{path}]`. A `*` at the end of a
/// piece stands for those that follow, too.
fn arn_fault(arn: &str) -> Option<String> {
    let mut pieces = arn.splitn(6, ':');
    let [_, partition, service, region, account, api] = std::array::from_fn(|_| pieces.next());
    let fault = |what: &str| Some(what.to_owned());
    if !partition.is_some_and(|partition| partition == "*" || partition.starts_with("aws")) {
        return fault("the ARN's partition is `aws`, `aws-cn` or the like");
    }
    if service != Some("execute-api") {
        return fault("the ARN is not one of execute-api");
    }
    let Some(region) = region else { return fault("the ARN ends before its region") };
    let open = |piece: &str| piece.ends_with('*');
    let Some(account) = account else {
        return if open(region) { None } else { fault("the ARN ends before its account") };
    };
    let Some(api) = api else {
        return if open(account) { None } else { fault("the ARN ends before its API's id") };
    };
    if !has_wildcard(account) && (account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit())) {
        return fault("the ARN's account is not 12 digits");
    }
    match api.split_once('/') {
        Some((_, path)) => path_fault(path),
        None if open(api) => None,
        None => fault("the ARN names an API and nothing of it; add `/*`"),
    }
}

/// `{stage}/{VERB}/{path}`, with wildcards that reach over slashes.
fn path_fault(path: &str) -> Option<String> {
    let mut pieces = path.splitn(3, '/');
    let stage = pieces.next().unwrap_or_default();
    let stage_ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '*' | '?');
    if stage.is_empty() {
        return Some("it names no stage".to_owned());
    }
    if !stage.chars().all(stage_ok) && !stage.contains("${") && stage != "$default" {
        return Some(format!("`{stage}` is not the name of a stage"));
    }
    match pieces.next() {
        None if stage.ends_with('*') => None,
        None => Some("it names a stage and no verb, which no request is; add `/*`".to_owned()),
        // What a wildcard stands for may have been the verb.
        Some(_) if stage.contains('*') => None,
        Some(verb) if has_wildcard(verb) || VERBS.contains(&verb) => match pieces.next() {
            None if !verb.ends_with('*') => Some("it ends at the verb, which no request does; add `/*`".to_owned()),
            _ => None,
        },
        Some(verb) => Some(format!("`{verb}` is not a verb; one of {}, or `*`", VERBS.join(", "))),
    }
}

/// An ARN of this API in the short form, and everything else as it is.
pub(super) fn shortened(resource: &str, region: &str, api_id: &str) -> String {
    let pieces: Vec<&str> = resource.splitn(6, ':').collect();
    let ["arn", _, "execute-api", of, account, path] = pieces[..] else { return resource.to_owned() };
    // A `*` in the place of the account means the same: the policy hangs on one API.
    let own = of == region && (account == "*" || account.bytes().all(|b| b.is_ascii_digit()));
    match path.strip_prefix(api_id) {
        Some(rest) if own && rest.starts_with('/') => format!("execute-api:{rest}"),
        _ => resource.to_owned(),
    }
}

/// Whether a resource has a form that we write: a stage by its name, then `*`, or a verb and a path.
pub(super) fn is_like_ours(resource: &str) -> bool {
    let Some(path) = resource.strip_prefix(SHORT) else { return false };
    let Some((stage, rest)) = path.split_once('/') else { return false };
    let plain = !stage.is_empty() && stage.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let (verb, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.strip_suffix('*').map_or(path, |path| path.strip_suffix('/').unwrap_or(path));
    plain && (rest == "*" || ((verb == "*" || VERBS.contains(&verb)) && rest.contains('/') && !has_wildcard(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_resources() {
        for good in [
            "*",
            "execute-api:/*",
            "execute-api:/dev/*",
            "execute-api:/dev/GET/",
            "execute-api:/dev/GET/pets/*",
            "execute-api:/dev/*/pets",
            "execute-api:/*/GET/pets",
            "execute-api:/d*/pets",
            "execute-api:/$default/GET/*",
            "arn:aws:execute-api:*",
            "arn:aws:execute-api:us-east-1:*",
            "arn:aws:execute-api:us-east-1:*:*",
            "arn:aws-cn:execute-api:cn-north-1:123456789012:abc123/dev/GET/a:b",
        ] {
            assert_eq!(resource_fault(good), None, "{good}");
        }
    }

    #[track_caller]
    fn fault(resource: &str, want: &str) {
        let fault = resource_fault(resource).unwrap_or_default();
        assert!(fault.contains(want), "{resource}: {fault:?}");
    }

    #[test]
    fn what_no_request_is_is_a_fault() {
        fault("arn:aws:s3:::bucket", "not one of execute-api");
        fault("abc123/dev/GET/pets", "whole ARN");
        fault("execute-api:/", "names no stage");
        fault("execute-api:/dev", "no verb");
        fault("execute-api:/dev/GET", "ends at the verb");
        fault("execute-api:/dev/get/pets", "`get` is not a verb");
        fault("execute-api:/de v/GET/pets", "not the name of a stage");
        fault("arn:aws:execute-api:us-east-1:1234:abc123/*", "12 digits");
        fault("arn:aws:execute-api:us-east-1:123456789012:abc123", "add `/*`");
        fault("arn:aws:execute-api:us-east-1", "before its account");
        fault("arn:aws:execute-api:us-east-1:123456789012", "before its API's id");
        fault("arn:azure:execute-api:x:*", "partition");
    }

    #[test]
    fn arns_of_this_api_are_shortened_and_others_are_not() {
        let short = |arn: &str| shortened(arn, "us-east-1", "1abc23");
        assert_eq!(short("arn:aws:execute-api:us-east-1:123456789012:1abc23/dev/GET/a:b"), "execute-api:/dev/GET/a:b");
        for other in [
            "arn:aws:execute-api:us-east-1:123456789012:1abc234/dev/GET/a",
            "arn:aws:execute-api:us-east-2:123456789012:1abc23/dev/GET/a",
            "arn:aws:execute-api:us-east-1:123456789012:1abc23",
            "execute-api:/dev/GET/a",
        ] {
            assert_eq!(short(other), other);
        }
    }

    #[test]
    fn only_what_we_write_is_like_ours() {
        for ours in
            ["/dev/*", "/dev/GET/*", "/dev/GET/a", "/dev/GET/a/*", "/dev/*/a/*", "/dev/GET/a${*}b", "/d-e_v/PUT/a"]
        {
            assert!(is_like_ours(&format!("execute-api:{ours}")), "{ours}");
        }
        for other in ["/*", "/*/GET/a", "/dev*", "/dev/GET", "/dev/GET/a*/b", "/dev/GET/a?", "/dev/get/a", "/de*v/*"] {
            assert!(!is_like_ours(&format!("execute-api:{other}")), "{other}");
        }
    }
}
