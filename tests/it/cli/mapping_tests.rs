//! `nameplate test`: the tests of a mapping, as they are run.

use serde_json::Value;

use super::folder::Folder;

const MAPPING: &str = "APIS:\n  - CUSTOM_DOMAIN_URL: a.example.com/v1\n    PRIVATE_API_URL: \
                       https://abc123.execute-api.eu-west-1.amazonaws.com/p\n    VERBS: GET\n  - CUSTOM_DOMAIN_URL: \
                       \"*.example.com\"\n    PRIVATE_API_URL: https://xyz789.execute-api.eu-west-1.amazonaws.com/q\n";

/// Exit code, standard output and standard error.
fn ran(folder: &Folder, words: &str) -> (Option<i32>, String, String) {
    let output = folder.run(&format!("test {words} -m @mapping.yaml"));
    (output.status.code(), folder.without_its_path(&output.stdout), folder.said(&output))
}

#[test]
fn tests_that_were_written_pass_until_the_mapping_does_something_else() {
    let folder = Folder::with(MAPPING);
    let (code, tests, err) = ran(&folder, "--init");
    assert_eq!((code, &*err), (Some(0), ""));
    folder.write("tests.yaml", &tests);
    let (code, out, err) = ran(&folder, "@tests.yaml --mutate");
    let want = "tests.yaml: 5 passed, 0 failed\ncoverage: 2 of 2 entries\nmutations: 6 of 6 noticed\n";
    assert_eq!((code, &*out, &*err), (Some(0), want, ""));

    folder.write("mapping.yaml", &MAPPING.replace("xyz789", "new111"));
    let (code, out, err) = ran(&folder, "@tests.yaml");
    assert_eq!(code, Some(1), "{out}");
    assert!(out.starts_with("tests.yaml: 4 passed, 1 failed\n"), "{out}");
    let failure =
        "api is expected to be `xyz789`, and the request is `new111`; decided by *.example.com (mapping.yaml:5)\n";
    assert!(err.contains(": error: GET https://example.example.com/example: ") && err.contains(failure), "{err}");
}

#[test]
fn what_tests_miss_is_listed() {
    let folder = Folder::with(MAPPING);
    folder.write("tests.yaml", "tests:\n  - request: GET https://b.example.com/x\n    api: xyz789\n");
    let (code, out, _) = ran(&folder, "@tests.yaml");
    let want = "tests.yaml: 1 passed, 0 failed\ncoverage: 1 of 2 entries; no test reaches\n  a.example.com/v1 (mapping.yaml:2)\n";
    assert_eq!((code, &*out), (Some(0), want));
    let (code, out, _) = ran(&folder, "@tests.yaml --mutate");
    let want = "mutations: 2 of 6 noticed; no test notices\n  *.example.com (mapping.yaml:5): led to another stage\n  \
                a.example.com/v1 (mapping.yaml:2): deleted\n";
    assert!(code == Some(1) && out.contains(want), "{out}");
    let (code, out, _) = ran(&folder, "@tests.yaml --mutate --format json");
    let said: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &said["ok"], &said["unreached"][0]["line"]), (Some(1), &Value::from(false), &Value::from(2)));
    assert_eq!(said["mutations"]["survivors"].as_array().map(Vec::len), Some(4));
}

#[test]
fn errors_of_a_file_are_told_at_their_place() {
    let folder = Folder::with(MAPPING);
    folder.write("tests.yaml", "tests:\n  - request: GET https://b.example.com/x\n    apy: xyz789\n");
    let (code, _, err) = ran(&folder, "@tests.yaml");
    assert_eq!(code, Some(1));
    assert!(err.contains("tests.yaml:3:5: error: unknown key `apy`\n") && err.contains("did you mean `api`?"), "{err}");
    assert_eq!(ran(&folder, "@nowhere.yaml").0, Some(2));
    assert_eq!(ran(&folder, "").0, Some(2));
    folder.write("mapping.yaml", "APIS: []\n");
    assert_eq!(ran(&folder, "@tests.yaml").0, Some(1));
}
