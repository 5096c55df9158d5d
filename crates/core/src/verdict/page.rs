//! The troubleshooting page, made of the table of causes: docs/troubleshooting.md.

use std::fmt::Write;

use super::cause::Cause;
use super::class::Class;

const INTRODUCTION: &str = "\
# Troubleshooting

Find the response or the error message that you have, word for word. Below it are the causes that fit, each with what to
do. `nameplate doctor URL` asks the API itself and names the causes that fit all that it sees, the likeliest first:
[doctor.md](doctor.md).

`curl -i` shows `x-amzn-errortype`, whose value is the word that ends in `Exception`. API Gateway gives one response for
several causes: every cause that fits is listed, here and by `nameplate doctor`. Nameplate's own refusals have the header `x-nameplate-refusal`: [requests.md](requests.md).

This page is made of the table that `nameplate doctor` uses; a test holds it to that.
";

/// The page, as Markdown.
pub fn troubleshooting_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## By what you see\n");
    for seen in everything_seen() {
        let _ = write!(page, "\n### {}\n\n", quoted(seen));
        for cause in Cause::ALL.iter().filter(|cause| cause.seen().contains(&seen)) {
            let _ = writeln!(page, "- [{}](#{}). {}", cause.title(), anchor(*cause), cause.cure());
        }
    }
    page.push_str("\n## By cause\n\nThe labels are those of metrics, logs and JSON.\n");
    for class in Class::ALL {
        let causes: Vec<Cause> = Cause::ALL.into_iter().filter(|cause| cause.class() == class).collect();
        if causes.is_empty() {
            continue;
        }
        let _ = write!(page, "\n### Class `{}`\n", class.label());
        for cause in causes {
            let _ = write!(
                page,
                "\n#### {}\n\n{}. {}\n\n- Seen as: {}\n- AWS: <{}>\n",
                cause.label(),
                cause.title(),
                cause.cure(),
                cause.seen().iter().map(|seen| quoted(seen)).collect::<Vec<_>>().join(", "),
                cause.document(),
            );
        }
    }
    page
}

/// What people see, each once, in the order of the causes.
fn everything_seen() -> Vec<&'static str> {
    let mut all = Vec::new();
    for seen in Cause::ALL.iter().flat_map(|cause| cause.seen()) {
        if !all.contains(seen) {
            all.push(*seen);
        }
    }
    all
}

/// As code, unless it has code in it.
fn quoted(seen: &str) -> String {
    if seen.contains('`') { seen.to_owned() } else { format!("`{seen}`") }
}

/// As forges make it of a heading.
fn anchor(cause: Cause) -> &'static str {
    cause.label()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_and_everything_seen_is_on_the_page_once() {
        let page = troubleshooting_page();
        let has_once = |line: &str| page.lines().filter(|of| *of == line).count() == 1;
        for cause in Cause::ALL {
            assert!(has_once(&format!("#### {}", cause.label())), "{cause:?}");
            assert!(page.contains(cause.document()), "{cause:?}");
        }
        for seen in everything_seen() {
            assert!(has_once(&format!("### {}", quoted(seen))), "{seen}");
        }
    }
}
