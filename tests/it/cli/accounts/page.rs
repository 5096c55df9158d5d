//! docs/discover.md: its file of accounts is one, its policy is what the program prints, and its commands are taken.

use super::Story;

const PAGE: &str = include_str!("../../../../docs/discover.md");

/// The code blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let start = format!("```{language}\n");
    PAGE.split(&*start).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn what_the_page_says_is_what_the_program_takes_and_prints() {
    let story = Story::new();
    story.file("accounts.yaml", blocks("yaml")[0]);
    let policy = story.run(&["discover", "--accounts", "accounts.yaml", "--print-policy"]).expect(0).out;
    assert_eq!(policy, blocks("json")[0]);
    let lines: Vec<&str> = blocks("text").into_iter().flat_map(str::lines).collect();
    assert!(lines.len() > 2, "{lines:?}");
    for line in lines {
        let words = line.split_whitespace().skip(1).take_while(|word| *word != ">");
        let words: Vec<&str> = words.map(|word| word.trim_matches('\'')).chain(["--help"]).collect();
        story.run(&words).expect(0);
    }
}
