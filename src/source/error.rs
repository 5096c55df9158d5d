//! Why a source could not be read, in words that are safe to show.

use nameplate_core::settings::MappingSource;

/// Why a source could not be read, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {source_name}: {cause}\n  help: {help}")]
pub struct FetchError {
    source_name: String,
    /// What went wrong, in one line.
    pub cause: String,
    /// How to fix it, in one line.
    pub help: String,
}

impl FetchError {
    pub(super) fn new(source: &MappingSource, cause: impl Into<String>, help: impl Into<String>) -> FetchError {
        FetchError { source_name: source.to_string(), cause: one_line(&cause.into()), help: help.into() }
    }

    /// An error of Nameplate's own while it read what the source brought.
    pub fn internal(source_name: &str) -> FetchError {
        let help = "keep this version and report it; `nameplate check` shows whether it still does";
        let cause = "reading it ended in a fault of Nameplate's own".into();
        FetchError { source_name: source_name.to_owned(), cause, help: help.into() }
    }

    /// A mapping in parts where only one document can be used.
    pub(crate) fn in_parts(source: &MappingSource) -> FetchError {
        FetchError::new(source, "it has parts, and one document is needed here", "name the file or object itself")
    }

    /// A folder or prefix without a part.
    pub(crate) fn no_part(source: &MappingSource) -> FetchError {
        FetchError::new(source, "it holds no part", "put a mapping there, in a file that ends in .yaml, .yml or .json")
    }

    pub(super) fn too_large(source: &MappingSource, size: Option<u64>, most: u64) -> FetchError {
        let has = size.map_or("more".into(), |size| format!("{size} bytes, more"));
        FetchError::new(
            source,
            format!("it has {has} than the {most} bytes of `max_bytes`"),
            "check that it is a mapping: 100,000 entries have about 15 MB; else raise `reload: max_bytes`",
        )
    }
}

/// Returns another program's text so that it fits in a line and cannot move a terminal's cursor.
pub(super) fn one_line(text: &str) -> String {
    const MOST: usize = 400;
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let words: Vec<String> = text.split_whitespace().map(|word| word.chars().map(clean).collect()).collect();
    words.join(" ").chars().take(MOST).collect()
}

/// Returns an error's text with those of its causes.
pub(super) fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some repeat their cause in their own words.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_fits_in_a_line() {
        assert_eq!(one_line("a\r\n\tb\u{1b}[2J  c"), "a b [2J c");
        assert_eq!(one_line(&"x".repeat(999)).len(), 400);
    }

    #[test]
    fn a_fault_names_the_source_and_the_way_out() {
        let source: MappingSource = "https://example.com/m?token=secret".parse().expect("a URL");
        let fault = FetchError::too_large(&source, Some(9), 5).to_string();
        assert!(fault.starts_with("cannot read https://example.com/m: it has 9 bytes"), "{fault}");
        assert!(fault.contains("\n  help: ") && !fault.contains("secret"), "{fault}");
    }
}
