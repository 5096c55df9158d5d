//! The YAML reader's complaints in our words, with a way out of each.

/// What the complaint means, and how to mend the file. Matched on parts of the reader's wording:
/// one that has changed falls through to the last line, which is still true.
pub(super) fn explain(complaint: &str) -> (&'static str, &'static str) {
    let says = |part: &str| complaint.contains(part);
    match () {
        () if says("tab") => ("a tab where only spaces may stand", "indent with spaces"),
        () if says("anchor or alias") => {
            ("`*` and `&` start YAML aliases and anchors", "write text that starts with `*` or `&` in quotes")
        }
        () if says("expected ',' or '}'") => ("a `{` is not closed, or a `,` is missing", "close it with `}`"),
        () if says("expected ',' or ']'") => ("a `[` is not closed, or a `,` is missing", "close it with `]`"),
        () if says("misplaced bracket") => ("a bracket is closed that was not opened", "delete it, or quote the text"),
        () if says("end of stream") || says("document indicator") => {
            ("a quote is not closed", "close the text with the quote it starts with")
        }
        () if says("escape") || says("hexadecimal") => {
            ("an escape that YAML does not have", "write the character itself, or use single quotes")
        }
        () if says("in quoted scalar") => {
            ("a quote is not closed, or its text is not indented", "close it on its line")
        }
        () if says("mapping values are not allowed") => {
            ("`: ` where no key can stand", "check the indentation, and quote text that holds `: `")
        }
        () if says("trailing content") => ("text after a closed quote", "put the whole text inside the quotes"),
        () if says("unexpected character") => ("text cannot start with this character", "write the text in quotes"),
        () if says("recursion limit") => ("brackets are nested too deep", "a mapping is a list of entries, no deeper"),
        () if says("indent") || says("expected key") || says("'-'") || says("simple key") || says("document start") => {
            ("the line does not fit those above it", "indent entries alike, and end every key with `: `")
        }
        () => ("the text does not fit here", "compare the line and those above it with the sample mapping"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use saphyr_parser::Parser;

    #[track_caller]
    fn explained(yaml: &str, what: &str) {
        let fault = Parser::new_from_str(yaml).find_map(Result::err).expect(yaml);
        let (said, _) = explain(fault.info());
        assert!(said.contains(what), "{yaml:?}: {} became {said}", fault.info());
    }

    /// Pins the parts of the reader's wording that `explain` goes by.
    #[test]
    fn the_usual_faults_are_told_apart() {
        explained("a:\n  b: c\n\td: e\n", "tab");
        explained("a: *\n", "aliases");
        explained("a: {b: c\n", "`{` is not closed");
        explained("a: [b\n", "`[` is not closed");
        explained("a: b\n]\n", "bracket");
        explained("\"a", "quote is not closed");
        explained("a: \"\\q\"", "escape");
        explained("a: b: c\n", "no key can stand");
        explained("a: \"b\" c\n", "after a closed quote");
        explained("a: @b\n", "cannot start");
        explained(&"[".repeat(300), "nested too deep");
        explained("a:\n  - b\n c: d\n", "does not fit those above");
    }
}
