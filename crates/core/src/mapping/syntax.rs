//! The YAML reader's complaints in our words, with the line that is wrong and how to fix it.

use crate::diagnostic::Place;

/// A complaint, explained.
pub(super) struct Broken {
    /// Where the error is, which is not always where the reader noticed it.
    pub(super) at: Place,
    pub(super) what: &'static str,
    pub(super) help: &'static str,
}

/// Explains a complaint at a place of a text. Matched on parts of the reader's wording: one that has changed falls
/// through to the last line, which is still true.
pub(super) fn explain(complaint: &str, at: Place, text: &str) -> Broken {
    let says = |part: &str| complaint.contains(part);
    let (what, help) = meaning(complaint);
    if says("byte order mark") {
        return Broken { at, what: "U+FEFF BYTE ORDER MARK stands here", help: "delete it: it cannot be seen" };
    }
    let at = match () {
        () if says("tab") => indented_by_tab(text, at).unwrap_or(at),
        () if says("simple key") || rest_of(text, at).is_none() => line_before(text, at).unwrap_or(at),
        () => at,
    };
    let follows = says("trailing content") && rest_of(text, at).is_some_and(|rest| rest.starts_with(['"', '\'']));
    if follows {
        return Broken { at, what: "a `,` is missing before this", help: "write a `,` between the two" };
    }
    Broken { at, what, help }
}

/// The lines of a text, as YAML ends them.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// What stands at a place and after it on its line.
fn rest_of(text: &str, at: Place) -> Option<&str> {
    let line = lines(text).nth(at.line as usize - 1)?;
    line.char_indices().nth(at.column as usize - 1).map(|(byte, _)| &line[byte..])
}

/// The first tab in the indentation of a line, from a place on: the reader may be at the text above it still.
fn indented_by_tab(text: &str, at: Place) -> Option<Place> {
    let lines = lines(text).zip(1_u32..).skip(at.line as usize - 1);
    let mut tabs = lines.filter_map(|(line, number)| {
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        Some(Place { line: number, column: indent.find('\t')? as u32 + 1 })
    });
    tabs.next().filter(|_| rest_of(text, at).is_none_or(|rest| !rest.starts_with('\t')))
}

/// Where the text above a place starts, if nothing stands before the place on its own line: a key without its colon is
/// noticed on the next line, or at the end of the file.
fn line_before(text: &str, at: Place) -> Option<Place> {
    let above: Vec<&str> = lines(text).take(at.line as usize).collect();
    let own = above.get(at.line as usize - 1).copied().unwrap_or_default();
    let is_first = own.chars().take(at.column as usize - 1).all(char::is_whitespace);
    let before = above.iter().take(at.line as usize - 1).rposition(|line| is_content(line)).filter(|_| is_first)?;
    let line = above[before];
    let column = line.chars().take_while(|c| c.is_whitespace()).count() as u32 + 1;
    Some(Place { line: before as u32 + 1, column })
}

fn is_content(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with('#')
}

fn meaning(complaint: &str) -> (&'static str, &'static str) {
    let says = |part: &str| complaint.contains(part);
    match () {
        () if says("tab") => ("a tab where only spaces may stand", "indent with spaces"),
        () if says("anchor or alias") => {
            ("`*` and `&` start YAML aliases and anchors", "write text that starts with `*` or `&` in quotes")
        }
        () if says("expected ',' or '}'") => {
            ("a `{` is not closed, or a `,` is missing", "write a `,` before this, or close it with `}`")
        }
        () if says("expected ',' or ']'") => {
            ("a `[` is not closed, or a `,` is missing", "write a `,` before this, or close it with `]`")
        }
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
        let (said, _) = meaning(fault.info());
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
