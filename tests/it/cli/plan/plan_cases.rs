//! `nameplate plan` as the cases in `tests/cases/plan` tell it.

use std::fs;

use super::repository;
use crate::cli::stories::hold;

#[test]
fn every_story_goes_as_its_file_tells() {
    hold("plan", 8);
}

/// The page's examples are what the cases hold.
#[test]
fn the_pages_examples_are_real() {
    let page = fs::read_to_string(repository("docs/plan.md")).expect("a page");
    let cases = fs::read_dir(repository("tests/cases/plan")).expect("cases");
    let cases: String = cases.map(|file| fs::read_to_string(file.unwrap().path()).unwrap().replace('@', "")).collect();
    let mut blocks = page.split("```text\n").skip(1).map(|block| block.split("```").next().unwrap()).peekable();
    assert!(blocks.peek().is_some());
    for block in blocks.filter(|block| block.starts_with("$ nameplate plan")) {
        for piece in block.split("...\n") {
            assert!(cases.contains(piece), "no case says\n{piece}");
        }
    }
}
