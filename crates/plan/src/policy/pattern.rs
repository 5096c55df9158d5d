//! Policy variables and wildcards in the texts of a policy.

/// What is wrong with the `${...}` of a text, if anything is.
pub(super) fn variable_fault(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else {
            return Some("`${` is not closed; write `${$}{` for these two characters".to_owned());
        };
        let named =
            |name: &str| name.contains(':') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b":-_/".contains(&b));
        let key = name.split_once(", '").map_or(name, |(key, _)| key);
        if !matches!(name, "*" | "?" | "$") && !named(key) {
            return Some(format!("`${{{name}}}` is no policy variable"));
        }
        rest = behind;
    }
    None
}

/// Whether a text has a wildcard of its own, beside `${*}` and `${?}`.
pub(super) fn has_wildcard(text: &str) -> bool {
    text.replace("${*}", "").replace("${?}", "").contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_closed_and_named() {
        for good in ["/a", "/${*}${?}${$}{x}", "${aws:username}", "${aws:PrincipalTag/team, 'none'}", "/$x"] {
            assert_eq!(variable_fault(good), None, "{good}");
        }
        for bad in ["/${", "/${x", "/${}", "/${name}"] {
            assert!(variable_fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn an_escaped_wildcard_is_none() {
        assert!(has_wildcard("/a*") && has_wildcard("/a${*}?"));
        assert!(!has_wildcard("/a${*}${?}"));
    }
}
