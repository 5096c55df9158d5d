//! `check --against`: what a change does to requests, told so that people can read it and programs can rely on it.

use serde_json::Value;

use super::folder::Folder;

/// A mapping of entries: domain and base path, API with its stage, and what else an entry says.
fn mapping(entries: &[(&str, &str, &str)]) -> String {
    let entry = |(domain, api, more): &(&str, &str, &str)| {
        let (id, stage) = api.split_once('/').expect("a stage");
        format!(
            "  - CUSTOM_DOMAIN_URL: \"{domain}\"\n    PRIVATE_API_URL: \
             https://{id}.execute-api.eu-west-1.amazonaws.com/{stage}\n{more}"
        )
    };
    format!("APIS:\n{}", entries.iter().map(entry).collect::<String>())
}

fn folder(old: &str, new: &str) -> Folder {
    let folder = Folder::with(new);
    folder.write("old.yaml", old);
    folder
}

fn said(folder: &Folder, words: &str) -> String {
    let output = folder.run(&format!("check @mapping.yaml --against @old.yaml --max-removed 100 {words}"));
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The classes that change.
fn classes(folder: &Folder) -> Vec<Value> {
    let said: Value = serde_json::from_str(&said(folder, "--format json")).expect("JSON");
    said["against"]["requests"]["changes"].as_array().expect("a list").clone()
}

#[test]
fn the_most_dangerous_change_comes_first_whatever_its_domain() {
    let old = [
        ("a.in.example.com", "one111/prod", ""),
        ("b.in.example.com", "one111/prod", "    VERBS: GET\n"),
        ("c.in.example.com", "one111/prod", ""),
        ("d.in.example.com", "one111/prod", ""),
    ];
    let new = [
        ("0.in.example.com", "one111/prod", ""),
        ("a.in.example.com", "one111/prod", "    TIMEOUT: total=5s\n"),
        ("b.in.example.com", "one111/prod", "    VERBS: [GET, OPTIONS]\n"),
        ("d.in.example.com", "two222/prod", ""),
    ];
    let folder = folder(&mapping(&old), &mapping(&new));
    let kinds: Vec<_> =
        classes(&folder).iter().map(|class| class["kind"].as_str().expect("a kind").to_owned()).collect();
    assert_eq!(kinds, ["api", "domain_gone", "verb_added", "settings", "domain_added"]);
    let text = said(&folder, "");
    assert!(text.contains("\n      TIMEOUT: none -> total=5s\n"), "{text}");
}

/// What `explain` says of every witness is what `check` says of it.
#[test]
fn each_witness_is_a_request_that_explain_tells_the_same_of() {
    let old = [
        ("*.in.example.com", "one111/prod", ""),
        ("pay.in.example.com", "one111/prod", ""),
        ("pay.in.example.com/a'b;c", "two222/v1", ""),
        ("old.in.example.com/x", "one111/prod", ""),
    ];
    let new = [
        ("*.in.example.com", "two222/prod", ""),
        ("example.in.example.com", "one111/prod", "    VERBS: GET\n"),
        ("pay.in.example.com", "one111/prod", ""),
        ("pay.in.example.com/admin", "one111/prod/admin", "    VERBS: GET\n"),
    ];
    let folder = folder(&mapping(&old), &mapping(&new));
    let classes = classes(&folder);
    assert!(classes.len() > 6, "{classes:#?}");
    for class in &classes {
        for (file, side) in [("old.yaml", "old"), ("mapping.yaml", "new")] {
            let request = &class["request"];
            let [method, url] = ["method", "url"].map(|key| request[key].as_str().expect("text"));
            let output = folder.run(&format!("explain {method} {url} --format json -m @{file}"));
            let explained: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            let told = &class[side];
            for key in ["verdict", "status", "reason"] {
                assert_eq!(explained[key], told[key], "{key} of {request} in {file}");
            }
            if told["verdict"] == "forwarded" {
                let upstream = explained["facts"]["upstream"].as_str().expect("text");
                let target = told["target"].as_str().expect("text");
                assert!(upstream.ends_with(&format!(".amazonaws.com{target}")), "{target} is not in {upstream}");
                assert_eq!(explained["facts"]["x_apigw_api_id"], told["api_id"]);
                assert_eq!(explained["entry"]["line"], told["entry"]["line"]);
            }
        }
    }
}

#[test]
fn thousands_of_changes_stay_readable() {
    let of = |api: &str| {
        let domains: Vec<String> = (0..3_000).map(|at| format!("d{at}.in.example.com")).collect();
        mapping(&domains.iter().map(|domain| (domain.as_str(), api, "")).collect::<Vec<_>>())
    };
    let folder = folder(&of("one111/prod"), &of("two222/prod"));
    let text = said(&folder, "");
    assert!(text.lines().count() < 200, "{} lines", text.lines().count());
    let shown = "  another API: API one111 in eu-west-1, stage prod -> API two222 in eu-west-1, stage prod\n";
    assert!(text.contains(shown) && text.contains("\n    and 2995 more; `--all` shows them\n"), "{text}");
    assert!(text.contains("\n  and 2950 more; `--all` shows them\n"), "{text}");
    let all = said(&folder, "--all");
    assert!(all.matches(", every verb: GET https://").count() == 3_000 && !all.contains("more;"));
    assert_eq!(classes(&folder).len(), 3_000);
    let comment = said(&folder, "--format markdown");
    assert!(comment.len() < 20_000 && comment.contains("and 2995 classes more;"), "{comment}");
}
