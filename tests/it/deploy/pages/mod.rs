//! docs/deploy.md and docs/cost.md say what is so, and the workflow of deploy/pipeline is what they say.

mod commands;
mod cost;
mod named_things;
mod workflow;

use std::fs;
use std::path::{Path, PathBuf};

const DEPLOY: &str = include_str!("../../../../docs/deploy.md");
const COST: &str = include_str!("../../../../docs/cost.md");

fn place(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(of)
}

/// What another part of the repository says, at the time of the test.
#[track_caller]
fn text(of: &str) -> String {
    fs::read_to_string(place(of)).unwrap_or_else(|e| panic!("docs/deploy.md is about {of}: {e}"))
}

/// The blocks of a language in a page, however far they are indented.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let (mut blocks, mut open) = (Vec::new(), None::<(bool, String)>);
    for line in page.lines().map(str::trim) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(of)) => open = Some((of == language, String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take().filter(|(wanted, _)| *wanted).map(|(_, block)| block)),
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// What stands between single backticks outside of blocks.
fn spans(page: &str) -> Vec<String> {
    let (mut spans, mut inside) = (Vec::new(), false);
    let mut prose = String::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            prose.push_str(line);
            // A span may be broken into two lines, but no paragraph's may reach into the next.
            prose.push_str(if line.is_empty() { "\n" } else { " " });
        }
    }
    for paragraph in prose.lines() {
        spans.extend(paragraph.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    spans
}

#[test]
fn blocks_and_spans_are_found() {
    let page = "a `b c`\n`d\ne`\n\n```text\nf `g`\n```\n- x\n  ```hcl\n  H = 1\n  ```\n";
    assert_eq!(blocks(page, "text"), ["f `g`\n"]);
    assert_eq!(blocks(page, "hcl"), ["H = 1\n"]);
    assert_eq!(spans(page), ["b c", "d e"]);
}
