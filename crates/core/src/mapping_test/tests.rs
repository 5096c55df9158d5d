//! What tests of a mapping say.

use super::*;
use crate::domain::table::MappingTable;
use crate::mapping::compile::compile;
use crate::mapping::files::Files;
use crate::settings::Settings;

const MAPPING: &str = "APIS:\n  - CUSTOM_DOMAIN_URL: a.example.com/v1\n    PRIVATE_API_URL: \
                       https://abc.execute-api.eu-west-1.amazonaws.com/p\n    VERBS: GET\n  - CUSTOM_DOMAIN_URL: \
                       '*.example.com'\n    PRIVATE_API_URL: https://xyz.execute-api.eu-west-1.amazonaws.com/q/w\n  - \
                       CUSTOM_DOMAIN_URL: it.example.org\n    PRIVATE_API_URL: \
                       https://abc.execute-api.eu-west-3.amazonaws.com/p\n";

fn table() -> MappingTable {
    compile(MAPPING, "m.yaml", None).expect("a mapping")
}

fn suite(text: &str) -> Suite {
    read(text.as_bytes(), "t.yaml").expect("tests")
}

/// What fails.
fn failures(text: &str) -> String {
    let outcome = run(&suite(text), (&table(), &Files::one("m.yaml")), &Settings::default(), &mut Coverage::new());
    outcome.failures.iter().map(|found| format!("{}:{} {}\n", found.line, found.column, found.what)).collect()
}

#[test]
fn what_happens_as_expected_passes() {
    let passing = "tests:\n  - request: GET https://a.example.com/v1/x?y=1\n    api: abc\n    region: eu-west-1\n    stage: p\n    \
                   target: /p/x?y=1\n    endpoint: default\n    headers: { host: abc.execute-api.eu-west-1.amazonaws.com, \
                   X-Upstream-Domain: a.example.com }\n  - request: POST a.example.com/v1\n    refused: 405\n    headers: { \
                   Allow: GET }\n  - request: GET a.example.com/v1\n    override: [GET, DELETE]\n    refused: \
                   method_not_allowed\n  - request: GET https://b.example.com/\n    target: /q/w/\n    stage: q\n";
    assert_eq!(failures(passing), "");
}

#[test]
fn what_happens_otherwise_fails_at_its_line() {
    let text = "tests:\n  - request: GET https://a.example.com/v1\n    api: xyz\n    stage: p\n  - request: GET a.example.com/v1\n    \
                refused: unknown_host\n  - request: GET a.example.com/v2\n    api: abc\n";
    let want = "3:10 GET https://a.example.com/v1: api is expected to be `xyz`, and the request is `abc`; decided by \
                a.example.com/v1 (m.yaml:2)\n6:14 GET a.example.com/v1: refused is expected to be `unknown_host`, and the \
                request is forwarded; decided by a.example.com/v1 (m.yaml:2)\n8:10 GET a.example.com/v2: api is expected to \
                be `abc`, and the request is refused with 404 unknown_path\n";
    assert_eq!(failures(text), want);
}

#[test]
fn every_error_of_a_file_is_told() {
    let errors = |text: &str| {
        let found = read(text.as_bytes(), "t.yaml").expect_err("errors");
        found
            .iter()
            .map(|found| format!("{}:{} {}; {}", found.line, found.column, found.what, found.help))
            .collect::<Vec<_>>()
    };
    let text = "tests:\n  - request: https://a.example.com/\n    apii: x\n  - api: abc\n    api: abc\n  - request: GET a\n    \
                refused: unknown_hots\n    stage: p\n  - just text\n  - request: GET a\n    headers: { Hots: x }\n";
    let found = errors(text);
    for want in [
        "2:14 `https://a.example.com/` is not a request; ",
        "3:5 unknown key `apii`; did you mean `api`?",
        "2:5 the test expects nothing; ",
        "5:5 `api` is already on line 4; ",
        "4:5 the test has no request; ",
        "6:5 the test expects a refusal and an API; ",
        "7:14 `unknown_hots` is neither a refusal nor the status of one; did you mean `unknown_host`?",
        "9:5 a test must be keys with values, and this is text; ",
        "11:16 `Hots` is not a header that the mapping decides; did you mean `Host`?",
    ] {
        assert!(found.iter().any(|said| said.starts_with(want)), "{want} is not in {found:#?}");
    }
    assert_eq!(found.len(), 9, "{found:#?}");
    for (text, want) in [
        ("", "1:1 the file has no tests; "),
        ("tests: []\n", "1:8 the file has no tests; "),
        ("- request: GET a\n", "1:1 tests must be below the key `tests`, and this is a list; "),
        ("tests: !x y\n", "1:8 `!` starts a YAML tag, which a file of tests cannot have; "),
    ] {
        assert!(errors(text)[0].starts_with(want), "{text:?}: {:?}", errors(text));
    }
}

#[test]
fn coverage_names_the_entries_that_a_test_reaches() {
    let mut coverage = Coverage::new();
    let text =
        "tests:\n  - request: POST a.example.com/v1\n    refused: 405\n  - request: GET b.example.com\n    api: xyz\n";
    run(&suite(text), (&table(), &Files::one("m.yaml")), &Settings::default(), &mut coverage);
    let lines: Vec<u32> = coverage.keys().map(|index| table().route(*index).line).collect();
    assert_eq!(lines, [5, 2]);
}

#[test]
fn tests_written_from_a_mapping_pass_reach_every_entry_and_notice_every_change() {
    let (table, settings) = (table(), Settings::default());
    let suite = suite(&written(&table, &settings));
    let mut coverage = Coverage::new();
    let outcome = run(&suite, (&table, &Files::one("m.yaml")), &settings, &mut coverage);
    assert!(outcome.failures.is_empty(), "{}", outcome.failures);
    assert_eq!((outcome.passed, coverage.len()), (suite.len(), table.len()));
    assert_eq!(survivors(&[suite], &table, &settings), []);
}

#[test]
fn a_change_that_no_test_notices_survives() {
    let text = "tests:\n  - request: GET a.example.com/v1/x\n    api: abc\n  - request: POST a.example.com/v1\n    refused: 405\n  - \
                request: GET b.example.com\n    stage: q\n";
    let table = table();
    let found = survivors(&[suite(text)], &table, &Settings::default());
    let lines: Vec<_> = found.into_iter().map(|(index, mutation)| (table.route(index).line, mutation)).collect();
    let want = [
        (5, Mutation::OtherApi),
        (2, Mutation::OtherStage),
        (7, Mutation::Deleted),
        (7, Mutation::OtherApi),
        (7, Mutation::OtherStage),
    ];
    assert_eq!(lines, want);
}
