//! Annotations of a GitHub workflow: commands in its log that GitHub shows at the line they are about.
//!
//! Syntax and escapes are those of GitHub's documentation, "Workflow commands for GitHub Actions"; a message ends at the
//! end of its line, and what separates the properties is escaped in them as well.

use nameplate_core::diagnostic::Diagnostic;

/// An error or a warning at its place.
pub(super) fn annotation(file: &str, found: &Diagnostic) -> String {
    let place = format!(",line={},col={},title={}", found.line, found.column, found.code);
    command(&found.severity.to_string(), file, &place, &format!("{}\n{}", found.what, found.help))
}

pub(super) fn unreadable(file: &str, what: &str) -> String {
    command("error", file, "", what)
}

/// Lines that are no commands, whatever names are in them: `::` begins one, and `##[` did in older runners.
pub(super) fn plain(text: &str) -> String {
    text.replace("##[", "# #[").replace("::", ": :")
}

fn command(kind: &str, file: &str, place: &str, message: &str) -> String {
    let file = if file.is_empty() { String::new() } else { format!(" file={}{place}", property(file)) };
    format!("::{kind}{file}::{}", escaped(message))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::diagnostic::{Code, Severity};

    #[test]
    fn nothing_in_a_mapping_can_write_a_command_of_its_own() {
        let found = Diagnostic {
            line: 3,
            column: 7,
            what: "`100%\r\n::error::x` is not a host".into(),
            text: String::new(),
            help: "write one".into(),
            severity: Severity::Error,
            code: Code::BadDomain,
        };
        let want = "::error file=a%2Cb%3A100%25.yaml,line=3,col=7,title=bad-domain::`100%25%0D%0A::error::x` is not a \
                    host%0Awrite one";
        assert_eq!(annotation("a,b:100%.yaml", &found), want);
        assert_eq!(unreadable("m.yaml", "cannot read it"), "::error file=m.yaml::cannot read it");
        assert_eq!(unreadable("", "no mapping"), "::error::no mapping");
        assert_eq!(plain("::set-output::x: ok\n##[add-path]x"), ": :set-output: :x: ok\n# #[add-path]x");
        let warning = Diagnostic { severity: Severity::Warning, ..found };
        assert!(annotation("m.yaml", &warning).starts_with("::warning file=m.yaml,line=3,"));
    }
}
