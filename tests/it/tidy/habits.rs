//! What every file keeps to: its length, no stub, and tests that run and do not wait for the clock.

use super::paths::words;

/// A file longer than this does more than one thing.
const MOST_LINES: usize = 500;

/// What is wrong with a file.
pub(super) fn faults(path: &str, text: &str) -> Vec<String> {
    let tokens = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let words = words(tokens);
    let has = |sought: &[&str]| {
        words.windows(sought.len()).any(|found| found.iter().map(|(word, _)| word.as_str()).eq(sought.iter().copied()))
    };
    let tests = path.starts_with("tests/");
    let faults = [
        (text.lines().count() > MOST_LINES, "over 500 lines: it does more than one thing"),
        (has(&["todo", "!"]) || has(&["unimplemented", "!"]), "a stub"),
        (has(&["#", "[", "ignore"]), "a test that does not run"),
        (tests && has(&["sleep"]), "a test that waits for the clock"),
    ];
    faults.into_iter().filter(|(found, _)| *found).map(|(_, what)| format!("{path}: {what}")).collect()
}

#[test]
fn a_bad_habit_is_found_and_a_text_about_it_is_not() {
    let text = "#[ignore]\nfn a() { todo!() }\nfn b() { std::thread::sleep(x) }\n";
    assert_eq!(faults("tests/it/x.rs", text).len(), 3);
    assert_eq!(faults("src/live/x.rs", text).len(), 2);
    assert_eq!(faults("src/live/x.rs", &"\n".repeat(501)).len(), 1);
    let about = "// todo!\nconst A: &str = \"sleep, #[ignore]\";\nproptest! { fn a() {} }\n";
    assert!(faults("tests/it/x.rs", about).is_empty());
    assert_eq!(faults("tests/it/x.rs", "proptest! { fn a() { sleep(x) } }").len(), 1);
}
