//! What other programs print.

/// What h2load counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct H2load {
    pub ok: u64,
    pub failed: u64,
    pub per_second: f64,
}

/// From `requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, ...`, `status codes: 9 2xx, ...` and
/// `finished in 1.00s, 9.00 req/s, ...`.
pub fn h2load(text: &str) -> Option<H2load> {
    let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
    let count = |line: &str, what: &str| {
        let part = line.split(',').map(str::trim).find_map(|part| part.strip_suffix(what))?;
        part.trim().parse::<u64>().ok()
    };
    let requests = line("requests:")?;
    let ok = count(line("status codes:")?, "2xx")?;
    let done = count(requests, "done")?;
    // Those under way at the end are answered, too, and not done: more may be ok than are done.
    let wrong = ["failed", "errored", "timeout"].map(|what| count(requests, what));
    let failed = wrong.into_iter().flatten().fold(done.saturating_sub(ok), u64::max);
    let per_second = line("finished in")?.split(',').find_map(|part| part.trim().strip_suffix(" req/s"));
    Some(H2load { ok, failed, per_second: per_second?.parse().ok()? })
}

/// The first word with a digit and a dot in it, of what a program says its version is.
pub fn version(text: &str) -> Option<String> {
    let trimmed = |word: &str| {
        let word = word.rsplit('/').find(|part| part.contains('.') && part.contains(|c: char| c.is_ascii_digit()))?;
        let from = word.find(|c: char| c.is_ascii_digit())?;
        let version = &word[from..];
        let end = version.find(|c: char| !(c.is_ascii_alphanumeric() || ".-+~".contains(c))).unwrap_or(version.len());
        Some(version[..end].to_owned())
    };
    text.split_whitespace().filter(|word| word.contains('.')).find_map(trimmed).filter(|version| version.contains('.'))
}
