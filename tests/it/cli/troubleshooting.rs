//! `docs/troubleshooting.md` is made of the table of causes that `nameplate doctor` uses.

use std::fs;

use nameplate_core::verdict::troubleshooting_page;

use super::folder::repository;

const PAGE: &str = "docs/troubleshooting.md";

#[test]
fn the_page_is_made_of_the_table() {
    let page = troubleshooting_page();
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(repository(PAGE), &page).expect("written");
    }
    let file = fs::read_to_string(repository(PAGE)).expect("a page");
    assert_eq!(file, page, "UPDATE_CASES=1 rewrites {PAGE}");
}
