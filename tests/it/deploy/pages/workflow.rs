//! The workflow for mapping repositories may do what it needs, and no more.

use serde_json::Value;

use super::{place, text};

fn workflow() -> Value {
    serde_yaml::from_str(&text("deploy/pipeline/workflow.yaml")).expect("YAML")
}

fn nightly() -> Value {
    serde_yaml::from_str(&text("deploy/pipeline/nightly.yaml")).expect("YAML")
}

/// The steps of both jobs.
fn steps(of: &Value) -> Vec<Value> {
    let jobs = of["jobs"].as_object().expect("jobs");
    jobs.values().flat_map(|job| job["steps"].as_array().expect("steps").clone()).collect()
}

fn permissions(of: &Value) -> Vec<(&str, &str)> {
    let map = of["permissions"].as_object().expect("permissions");
    map.iter().map(|(name, level)| (&**name, level.as_str().expect("a level"))).collect()
}

#[test]
fn each_job_has_only_the_permissions_that_it_needs() {
    let all = workflow();
    assert!(permissions(&all).is_empty());
    let mut review = permissions(&all["jobs"]["review"]);
    review.sort_unstable();
    assert_eq!(review, [("contents", "read"), ("id-token", "write"), ("pull-requests", "write")]);
    let mut release = permissions(&all["jobs"]["release"]);
    release.sort_unstable();
    assert_eq!(release, [("contents", "read"), ("id-token", "write")]);
    let nightly = nightly();
    assert!(permissions(&nightly).is_empty());
    let mut drift = permissions(&nightly["jobs"]["drift"]);
    drift.sort_unstable();
    assert_eq!(drift, [("contents", "read"), ("id-token", "write")]);
}

/// A tag can be moved to other code; a commit cannot.
#[test]
fn actions_are_pinned_by_commit_and_say_their_version() {
    let text = text("deploy/pipeline/workflow.yaml") + &text("deploy/pipeline/nightly.yaml");
    let uses: Vec<_> =
        text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: ")).collect();
    assert_eq!(uses.len(), 7, "{uses:?}");
    for action in uses {
        let (action, version) = action.split_once(" # v").unwrap_or_else(|| panic!("{action} says no version"));
        let commit = action.split_once('@').expect("a commit").1;
        assert!(commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()), "{action} {version}");
    }
}

/// What a pull request says (its title, its branch) would be code there.
#[test]
fn no_expression_is_put_into_a_command() {
    for step in [steps(&workflow()), steps(&nightly())].concat() {
        let run = step["run"].as_str().unwrap_or_default();
        assert!(!run.contains("${{"), "{run}");
    }
}

#[test]
fn every_command_is_a_script_of_the_folder_that_may_be_run() {
    let mut named = 0;
    for step in [steps(&workflow()), steps(&nightly())].concat() {
        let run = step["run"].as_str().unwrap_or_default().to_owned();
        for word in run.split_whitespace().filter(|word| word.starts_with("pipeline/")) {
            let script = place("deploy").join(word);
            let mode = std::fs::metadata(&script).unwrap_or_else(|e| panic!("{word}: {e}")).permissions();
            assert!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o111 != 0, "{word} is not executable");
            named += 1;
        }
    }
    assert!(named >= 10, "{named}");
}

/// Nobody's fork gets credentials, one release runs at a time and to its end, and from main alone.
#[test]
fn who_may_run_what_and_when() {
    let all = workflow();
    assert!(all["on"].get("pull_request_target").is_none() && all["on"].get("pull_request").is_some());
    let [review, release] = ["review", "release"].map(|job| all["jobs"][job]["if"].as_str().expect("a condition"));
    assert!(review.contains("github.event.pull_request.head.repo.full_name == github.repository"));
    assert!(release.contains("github.ref == 'refs/heads/main'"));
    let release = &all["jobs"]["release"];
    assert_eq!(release["environment"].as_str(), Some("production"));
    assert_eq!(release["concurrency"]["cancel-in-progress"].as_bool(), Some(false));
}

/// Deploy, keep the plan, upload, and only then take away.
#[test]
fn a_release_goes_in_this_order() {
    let all = workflow();
    let steps = all["jobs"]["release"]["steps"].as_array().expect("steps");
    let runs: Vec<_> = steps.iter().filter_map(|step| Some((step["run"].as_str()?, step["if"].as_str()))).collect();
    let (before, after) = ("steps.decide.outputs.deploy == 'before'", "steps.decide.outputs.deploy == 'after'");
    let rollout = "vars.APPCONFIG_ROLLOUT != ''";
    let want = [
        ("pipeline/program.sh", None),
        ("pipeline/pipeline.sh decide", None),
        ("pipeline/deploy.sh && pipeline/pipeline.sh save-plan", Some(before)),
        ("pipeline/pipeline.sh upload", None),
        ("pipeline/rollout.sh", Some(rollout)),
        ("pipeline/deploy.sh", Some(after)),
        ("pipeline/pipeline.sh save-plan && pipeline/pipeline.sh keep-commit", None),
    ];
    assert_eq!(runs, want);
}

/// Who reviews a file: those of the last line that matches, as GitHub reads it.
fn reviewers(path: &str) -> String {
    let owners = text("deploy/pipeline/CODEOWNERS");
    let lines = owners.lines().rev().filter(|line| !line.starts_with('#') && !line.is_empty());
    let matches = |pattern: &str| match pattern.strip_prefix('/') {
        Some(folder) if folder.ends_with('/') => path.starts_with(folder),
        Some(file) => path == file,
        None => pattern == "*",
    };
    let last = lines.filter_map(|line| line.split_once(' ')).find(|(pattern, _)| matches(pattern));
    last.expect("somebody").1.trim().to_owned()
}

#[test]
fn a_team_reviews_its_own_part_and_the_platform_team_the_owners() {
    for (path, want) in [
        ("mapping/payments/api.yaml", "@ORG/payments"),
        ("mapping/web/shop.yaml", "@ORG/web"),
        ("mapping/pages.yaml", "@ORG/web"),
        ("mapping/owners.yaml", "@ORG/platform"),
        ("mapping/new.yaml", "@ORG/platform"),
        ("pipeline/pipeline.sh", "@ORG/platform"),
        (".github/CODEOWNERS", "@ORG/platform"),
        ("infrastructure/main.tf", "@ORG/platform"),
    ] {
        assert_eq!(reviewers(path), want, "{path}");
    }
}

#[test]
fn the_roles_for_reviews_and_for_the_night_only_read() {
    let roles = ["review", "release", "drift"].map(|role| text(&format!("deploy/pipeline/{role}-role.json")));
    let [review, release, drift] = roles.map(|role| serde_json::from_str::<Value>(&role).expect("JSON"));
    let actions = |role: &Value| -> Vec<String> {
        let statements = role["Statement"].as_array().expect("statements").clone();
        let listed = statements.iter().map(|statement| &statement["Action"]);
        let each = listed.flat_map(|action| match action {
            Value::Array(actions) => actions.clone(),
            action => vec![action.clone()],
        });
        each.map(|action| action.as_str().expect("an action").to_owned()).collect()
    };
    let ecr = ["GetAuthorizationToken", "BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"];
    let pull = ecr.map(|action| format!("ecr:{action}"));
    let read = ["s3:GetObject", "s3:ListBucket"].map(str::to_owned);
    assert_eq!(actions(&review), [&read[..], &pull[..]].concat());
    assert_eq!(actions(&drift), [&read[..], &pull[..]].concat());
    let write = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"].map(str::to_owned);
    assert_eq!(actions(&release), [&write[..], &pull[..]].concat());
}
