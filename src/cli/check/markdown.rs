//! What `check` says as Markdown, for a comment on a pull request. What names in it is text, whatever it is.

/// A mapping without errors, and what its change does.
pub(super) fn accepted(name: &str, summary: &str, change: &str) -> String {
    format!("### Mapping {}\n\n{summary}\n{change}", code(name))
}

/// A mapping with errors, or one that could not be read.
pub(super) fn refused(name: &str, errors: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!(" {}", code(name)) };
    format!("### Mapping{name}: errors\n{}", fenced(errors))
}

/// Lines as they are, between fences that are longer than any in them.
pub(super) fn fenced(lines: &str) -> String {
    let longest = lines.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("\n{fence}text\n{}\n{fence}\n", lines.trim_end())
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_ends_the_fence() {
        assert_eq!(fenced("a\n```\nb\n"), "\n````text\na\n```\nb\n````\n");
        assert_eq!(refused("a`b", "x"), "### Mapping `a'b`: errors\n\n```text\nx\n```\n");
    }
}
