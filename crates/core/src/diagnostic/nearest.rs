//! "Did you mean": the word somebody probably wanted.

/// A longer word is no slip of the pen, and comparing it would cost more than the answer is worth.
const MAX_WORD: usize = 64;

/// The candidate that differs from `word` only in case, or by a slip in about every third letter.
pub(crate) fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    if word.is_empty() || word.len() > MAX_WORD {
        return None;
    }
    let word = word.to_ascii_lowercase();
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()), *candidate))
        .min_by_key(|(slips, _)| *slips)
        .filter(|(slips, candidate)| *slips <= (candidate.len() / 3).max(1))
        .map(|(_, candidate)| candidate)
}

/// A help line: the nearest candidate if there is one, otherwise all of them.
pub(crate) fn did_you_mean(word: &str, candidates: &[&str]) -> String {
    match nearest(word, candidates) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("write {}", one_of(candidates)),
    }
}

fn one_of(candidates: &[&str]) -> String {
    let quoted: Vec<String> = candidates.iter().map(|candidate| format!("`{candidate}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 3] = ["CUSTOM_DOMAIN_URL", "VERBS", "HOST"];

    #[test]
    fn case_and_small_slips_are_seen_through() {
        assert_eq!(nearest("verbs", &KEYS), Some("VERBS"));
        assert_eq!(nearest("VERB", &KEYS), Some("VERBS"));
        assert_eq!(nearest("CUSTOM_DOMAIN", &KEYS), Some("CUSTOM_DOMAIN_URL"));
        assert_eq!(nearest("HSOT", &KEYS), Some("HOST"));
    }

    #[test]
    fn another_word_is_not_guessed_at() {
        assert_eq!(nearest("METHODS", &KEYS), None);
        assert_eq!(nearest("", &KEYS), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), &KEYS), None);
        assert_eq!(did_you_mean("METHODS", &KEYS), "write `CUSTOM_DOMAIN_URL`, `VERBS` or `HOST`");
    }
}
