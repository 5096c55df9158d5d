//! The names of parts that an owner has.

/// Names of parts: a path, a folder with everything below it (`payments/`), or a path with `*` for any characters of
/// one segment (`payments/*.yaml`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Box<str>);

/// The longest name of a part, as S3 has it for keys.
const MOST: usize = 1_024;

impl Pattern {
    /// Reads a pattern. Returns what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Pattern, String> {
        let is_odd = |segment: &str| matches!(segment, "" | "." | "..");
        let path = text.strip_suffix('/').unwrap_or(text);
        match () {
            () if text.is_empty() => Err("is empty".into()),
            () if text.len() > MOST => Err(format!("has {} characters; {MOST} is the most", text.len())),
            () if text.starts_with('/') => {
                Err("starts with `/`: write it as it stands below the mapping's folder".into())
            }
            () if path.split('/').any(is_odd) => Err("has an empty segment, `.` or `..`".into()),
            () => Ok(Pattern(text.into())),
        }
    }

    /// The patterns of an owner that lists none: the files and the folder of its name.
    pub(super) fn of_owner(name: &str) -> Vec<Pattern> {
        ["/", ".yaml", ".yml", ".json"].iter().map(|end| Pattern(format!("{name}{end}").into())).collect()
    }

    /// As it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Reports whether a part's name is one of these.
    pub(super) fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('/') {
            Some(folder) => begins_with(name, folder),
            None => glob(&self.0, name),
        }
    }

    /// How much it says: of two patterns that match a name, the one that says more is the nearer one.
    pub(super) fn weight(&self) -> (bool, usize) {
        let is_exact = !self.0.contains('*') && !self.0.ends_with('/');
        (is_exact, self.0.bytes().filter(|byte| *byte != b'*').count())
    }
}

/// Reports whether the first segments of a name match a folder's.
fn begins_with(name: &str, folder: &str) -> bool {
    let segments = folder.split('/').count();
    let end = name.match_indices('/').nth(segments - 1).map(|(at, _)| at);
    end.is_some_and(|end| glob(folder, &name[..end]))
}

/// Reports whether a path matches; `*` stands for characters of one segment. Linear in the path for each `*`.
fn glob(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut names) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(pattern), Some(name)) if segment(pattern, name) => {}
            _ => return false,
        }
    }
}

fn segment(pattern: &str, mut name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(rest) = name.strip_prefix(first) else { return false };
    name = rest;
    let Some(last) = pieces.next_back() else { return name.is_empty() };
    for piece in pieces {
        let Some(at) = name.find(piece) else { return false };
        name = &name[at + piece.len()..];
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, want: bool) {
        assert_eq!(Pattern::parse(pattern).expect(pattern).matches(name), want, "{pattern} {name}");
    }

    #[test]
    fn a_pattern_is_a_path_a_folder_or_has_stars() {
        check("pay.yaml", "pay.yaml", true);
        check("pay.yaml", "a/pay.yaml", false);
        check("pay/", "pay/a.yaml", true);
        check("pay/", "pay/deep/a.yaml", true);
        check("pay/", "payments/a.yaml", false);
        check("pay/", "pay", false);
        check("pay/*.yaml", "pay/a.yaml", true);
        check("pay/*.yaml", "pay/deep/a.yaml", false);
        check("*/api.yaml", "pay/api.yaml", true);
        check("team-*/", "team-a/x/y.yaml", true);
        check("team-*/", "teams/x.yaml", false);
        check("a*b*c.yaml", "aXbYc.yaml", true);
        check("a*b*c.yaml", "abc.yaml", true);
        check("a*a", "a", false);
    }

    #[test]
    fn a_pattern_that_can_match_nothing_is_an_error() {
        for pattern in ["", "/pay/", "a//b", "../a", "a/./b", "a/..", &"x".repeat(1_025)] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn without_a_list_an_owner_has_the_file_and_the_folder_of_its_name() {
        let patterns = Pattern::of_owner("pay");
        let matches = |name: &str| patterns.iter().any(|pattern| pattern.matches(name));
        assert!(matches("pay.yaml") && matches("pay.json") && matches("pay/any/thing.yaml"));
        assert!(!matches("pay2.yaml") && !matches("x/pay.yaml"));
    }
}
