//! `docs/parts.md`: its files are written, its commands are run, and they print what the page says. `UPDATE_CASES=1`
//! rewrites what they print.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::SETTINGS;
use crate::harness::origin::Origin;
use crate::harness::server::server;

const PAGE: &str = "docs/parts.md";

/// Commands whose exit code is not 0, in the order of the page.
const FAILING: usize = 1;

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).expect("a page")
}

/// The blocks of code of a page, each with its language, and the text between them.
fn pieces(page: &str) -> Vec<(Option<&str>, String)> {
    let mut pieces: Vec<(Option<&str>, String)> = vec![(None, String::new())];
    for line in page.split_inclusive('\n') {
        let (is_open, fence) = (pieces.last().is_some_and(|(of, _)| of.is_some()), line.trim_end().strip_prefix("```"));
        match fence {
            Some(language) if !is_open => pieces.push((Some(language), String::new())),
            Some(_) => pieces.push((None, String::new())),
            None => pieces.last_mut().expect("a piece").1.push_str(line),
        }
    }
    pieces
}

/// Writes a block that begins with `# mapping/NAME`.
fn write(folder: &Path, block: &str) {
    let name = block.lines().next().and_then(|line| line.strip_prefix("# ")).expect("the first line names the file");
    assert!(name.starts_with("mapping/"), "{name}");
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, block).expect("written");
}

/// Runs the command of a block in the folder. Returns the block with what the command prints, and whether it failed.
fn run(folder: &Path, block: &str) -> (String, bool) {
    let line = block.lines().next().expect("a command");
    let words = line.strip_prefix("$ nameplate ").expect("a command of ours");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
    let output = command.args(words.split_whitespace()).current_dir(folder).output().expect("a run");
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
    (format!("{line}\n{printed}"), !output.status.success())
}

#[test]
fn commands_print_what_the_page_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let (page, mut now, mut failed) = (page(), String::new(), 0);
    for (language, text) in pieces(&page) {
        let text = match language {
            None => {
                now.push_str(&text);
                continue;
            }
            Some("yaml") => {
                write(folder.path(), &text);
                text
            }
            Some("text") => {
                let (text, is_failed) = run(folder.path(), &text);
                failed += usize::from(is_failed);
                text
            }
            Some("sh") => text,
            Some(other) => panic!("nobody tests a block of {other}"),
        };
        now.push_str(&format!("```{}\n{text}```\n", language.unwrap_or_default()));
    }
    if std::env::var_os("UPDATE_CASES").is_some() {
        return fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE), &now).expect("written");
    }
    assert_eq!(page, now, "UPDATE_CASES=1 rewrites {PAGE}");
    assert_eq!(failed, FAILING);
}

#[test]
fn orders_to_a_process_are_taken() {
    let api = Origin::ok();
    let builder = server(&api).settings(SETTINGS);
    let folder = super::Folder::of(&builder);
    folder.map("a.yaml", "a.example.com", "/prod");
    folder.map("payments.yaml", "pay.example.com", "/prod");
    let server = builder.start();
    assert_eq!(server.get("a.example.com"), 200);
    let page = page();
    let blocks: Vec<_> = pieces(&page).into_iter().filter(|(language, _)| *language == Some("sh")).collect();
    let lines: Vec<_> = blocks.iter().flat_map(|(_, text)| text.lines()).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in lines {
        let words: Vec<_> = line.strip_prefix("nameplate reload ").expect(line).split_whitespace().collect();
        let output = server.reload(&words);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
