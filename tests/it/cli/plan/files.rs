//! Where plans come from and go to: mappings from anywhere, files replaced whole, and nothing written when
//! there is no plan.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Folder, mapping};
use crate::harness::web::{Page, Web};

#[test]
fn the_file_for_terraform_holds_the_printed_plan() {
    let folder = Folder::with(&mapping(["a.in.example.com"]));
    let printed = folder.plan("@mapping.yaml --tfvars @nameplate.auto.tfvars.json");
    let variables: Value = serde_json::from_str(&folder.read("nameplate.auto.tfvars.json")).expect("JSON");
    assert_eq!(variables, serde_json::json!({ "PLAN": printed }));
    assert_eq!(folder.names(), ["mapping.yaml", "nameplate.auto.tfvars.json"]);
}

#[test]
fn with_output_nothing_is_printed_and_the_file_is_the_same() {
    let folder = Folder::with(&mapping(["a.in.example.com"]));
    let printed = folder.run("plan @mapping.yaml --format json").stdout;
    let output = folder.run("plan @mapping.yaml --output @plan.json --tfvars @t.json");
    assert_eq!((output.status.code(), &*output.stdout, &*output.stderr), (Some(0), &b""[..], &b""[..]));
    assert_eq!(folder.read("plan.json").as_bytes(), printed);
    assert_eq!(folder.names(), ["mapping.yaml", "plan.json", "t.json"]);
}

#[test]
fn a_plan_replaces_the_one_it_was_made_from() {
    let folder = Folder::with(&mapping((0..26).map(|n| format!("a.p{n:02}.example.com"))));
    assert!(folder.run("plan @mapping.yaml --output @plan.json").status.success());
    let first: Value = serde_json::from_str(&folder.read("plan.json")).expect("JSON");
    folder.write("mapping.yaml", &mapping((0..27).map(|n| format!("a.p{n:02}.example.com"))));
    assert!(folder.run("plan @mapping.yaml --state @plan.json --output @plan.json").status.success());
    let second: Value = serde_json::from_str(&folder.read("plan.json")).expect("JSON");
    let (before, after) = (first["certificates"].as_array().unwrap(), second["certificates"].as_array().unwrap());
    assert!(before.iter().all(|certificate| after.contains(certificate)));
    assert_eq!((before.len(), after.len()), (3, 4));
}

/// Nothing would say that certificates are replaced: the plan before is the only one that knows them.
#[test]
fn a_plan_is_not_written_over_without_its_state() {
    let hosts = |count| mapping((0..count).map(|n| format!("a.p{n:02}.example.com")));
    let folder = Folder::with(&hosts(25));
    assert!(folder.run("plan @mapping.yaml --output @plan.json --tfvars @t.json").status.success());
    let before = (folder.read("plan.json"), folder.read("t.json"));
    folder.write("mapping.yaml", &hosts(26));
    for words in ["--output @plan.json", "--tfvars @t.json", "--output @new.json --tfvars @t.json"] {
        let output = folder.run(&format!("plan @mapping.yaml {words}"));
        let said = folder.said(&output);
        assert_eq!((output.status.code(), &*output.stdout), (Some(2), &b""[..]), "{words}: {said}");
        assert!(said.contains(".json is a plan already") && said.contains("help: say `--state "), "{words}: {said}");
        assert_eq!((folder.read("plan.json"), folder.read("t.json")), before, "{words}");
    }
    let output = folder.run("plan @mapping.yaml --repack --output @plan.json");
    assert_eq!((output.status.code(), &*folder.said(&output)), (Some(0), ""));
    assert!(folder.run("plan @mapping.yaml --state @t.json --tfvars @t.json").status.success());
}

#[test]
fn repacking_nothing_is_said() {
    let folder = Folder::with(&mapping(["a.in.example.com"]));
    let plan = folder.plan("@mapping.yaml --repack");
    let what = "`--repack` changes nothing without `--state`: all certificates are planned anew anyway";
    assert_eq!(plan["warnings"][0]["what"], what);
}

#[test]
fn standard_input_and_a_url_are_mappings_too() {
    let text = mapping(["a.in.example.com"]);
    let folder = Folder::with(&text);
    let want = folder.run("plan @mapping.yaml --format json").stdout;
    let mut child = Command::new(env!("CARGO_BIN_EXE_nameplate"))
        .args(["plan", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("taken");
    assert_eq!(child.wait_with_output().expect("its end").stdout, want);
    let server = Web::start(Page::text(&text));
    assert_eq!(folder.run(&format!("plan {} --format json", server.url("/mapping"))).stdout, want);
}

/// Neither output is there, and what was there before still is.
#[track_caller]
fn leaves_all_alone(folder: &Folder, words: &str, code: i32, wants: &[&str]) {
    folder.write("plan.json", "before");
    let mut names = folder.names();
    let output = folder.run(&format!("plan {words} --output @plan.json --tfvars @t.json"));
    let said = folder.said(&output);
    assert_eq!((output.status.code(), &*output.stdout), (Some(code), &b""[..]), "{words}: {said}");
    assert!(wants.iter().all(|want| said.contains(want)), "{words}: {said}");
    names.sort();
    assert_eq!((folder.names(), folder.read("plan.json")), (names, "before".to_owned()), "{words}");
}

#[test]
fn without_a_plan_nothing_is_written() {
    let folder = Folder::with(&mapping(["a.in.example.com"]));
    folder.write("faulty.yaml", "APIS: []\n");
    folder.write("state.json", "{}");
    leaves_all_alone(&folder, "@faulty.yaml", 1, &["faulty.yaml:1:1: error: APIS lists no entry\n", "1 error\n"]);
    leaves_all_alone(&folder, "@missing.yaml", 2, &["error: cannot read missing.yaml: ", "help: "]);
    leaves_all_alone(&folder, "@mapping.yaml --state @state.json", 1, &["state.json: error: it is no plan", "help: "]);
    leaves_all_alone(
        &folder,
        "@mapping.yaml --state @no.json",
        2,
        &["cannot read the previous plan no.json", "help: "],
    );
    leaves_all_alone(&folder, "@mapping.yaml --config @no.yaml", 2, &["read settings file no.yaml"]);
    let quota = "@mapping.yaml --zones per-name --quota hosted-zones=1";
    folder.write("mapping.yaml", &mapping(["a.in.example.com", "b.in.example.com"]));
    leaves_all_alone(
        &folder,
        quota,
        1,
        &["mapping.yaml: error: the mapping needs 2 private hosted zones", "1 error\n"],
    );
}

/// Of two files either both are replaced, or none where one cannot be written.
#[test]
fn a_file_that_cannot_be_written_leaves_the_other_alone() {
    let folder = Folder::with(&mapping(["a.in.example.com"]));
    folder.write("plan.json", "before");
    for words in ["--output @plan.json --tfvars @none/t.json", "--output @none/plan.json --tfvars @plan.json"] {
        let output = folder.run(&format!("plan @mapping.yaml {words}"));
        let said = folder.said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("error: cannot write none/") && said.contains("  help: name a file in a folder"),
            "{said}"
        );
        assert_eq!(
            (folder.names(), &*folder.read("plan.json")),
            (vec!["mapping.yaml".into(), "plan.json".into()], "before")
        );
    }
}

#[test]
fn no_file_is_written_over_another() {
    let text = mapping(["a.in.example.com"]);
    let folder = Folder::with(&text);
    for (words, want) in [
        ("--output @plan.json --tfvars @./plan.json", "--output and --tfvars are both plan.json"),
        ("--output @mapping.yaml", "the plan would be written over the mapping, mapping.yaml"),
        ("--tfvars @./mapping.yaml", "the plan would be written over the mapping"),
    ] {
        let output = folder.run(&format!("plan @mapping.yaml {words}"));
        let said = folder.said(&output);
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        assert!(said.contains(want) && said.contains("help: name another file"), "{words}: {said}");
        assert_eq!((folder.names(), &folder.read("mapping.yaml")), (vec!["mapping.yaml".to_owned()], &text), "{words}");
    }
}

#[test]
fn what_is_no_file_is_written_to_and_a_link_stays_one() {
    let folder = Folder::with(&mapping(["a.in.example.com"]));
    let printed = folder.run("plan @mapping.yaml --format json").stdout;
    assert_eq!(folder.run("plan @mapping.yaml --output /dev/stdout").stdout, printed);
    folder.write("plan-1.json", "before");
    std::os::unix::fs::symlink("plan-1.json", folder.path("plan.json")).expect("a link");
    assert!(folder.run("plan @mapping.yaml --output @plan.json").status.success());
    assert_eq!(folder.read("plan-1.json").as_bytes(), printed);
    assert!(fs::symlink_metadata(folder.path("plan.json")).expect("a link").is_symlink());
}

#[test]
fn settings_say_which_endpoints_there_are() {
    let text = mapping(["a.in.example.com"]) + "    ENDPOINT: shared\n";
    let folder = Folder::with(&text);
    assert_eq!(folder.plan("@mapping.yaml")["endpoints"], serde_json::json!(["default", "shared"]));
    folder.write("nameplate.yaml", "endpoints: { other: { name: vpce-1.execute-api.eu-west-1.vpce.amazonaws.com } }\n");
    let output = folder.run("plan @mapping.yaml --config @nameplate.yaml");
    assert_eq!(output.status.code(), Some(1), "{}", folder.said(&output));
    assert!(folder.said(&output).contains("shared"), "{}", folder.said(&output));
}

/// As on Fargate, where no file can be put into the container.
#[test]
fn settings_of_the_environment_are_read_as_serve_reads_them() {
    let folder = Folder::with(&(mapping(["a.in.example.com"]) + "    ENDPOINT: shared\n"));
    for command in ["plan", "check"] {
        let run = |endpoint: &str| {
            let settings =
                format!("endpoints: {{ {endpoint}: {{ name: vpce-1.execute-api.eu-west-1.vpce.amazonaws.com }} }}");
            let mut nameplate = Command::new(env!("CARGO_BIN_EXE_nameplate"));
            nameplate.arg(command).arg(folder.path("mapping.yaml")).env("NAMEPLATE_SETTINGS", settings);
            nameplate.output().expect("the binary runs").status.code()
        };
        assert_eq!((run("shared"), run("other")), (Some(0), Some(1)), "{command}");
    }
}

#[test]
fn a_command_line_that_is_wrong_says_why() {
    let folder = Folder::with(&mapping(["a.in.example.com"]));
    for (words, want) in [
        ("", "<MAPPING>"),
        ("@mapping.yaml --own com", "a public suffix"),
        ("@mapping.yaml --own *.example.com", "it is a wildcard"),
        ("@mapping.yaml --validation-zone internal", "a single label"),
        ("@mapping.yaml --own exa_mple.com", "has an underscore"),
        ("@mapping.yaml --quota zones=1", "it is one of hosted-zones, records-per-zone"),
        ("@mapping.yaml --quota names-per-certificate=101", "a number from 1 to 100"),
        ("@mapping.yaml --zones per-domain", "per-parent, per-name"),
        ("@mapping.yaml --elb CLB", "NLB, ALB"),
        ("@mapping.yaml --imported-certificates 0", "a number from 1 to"),
    ] {
        let output = folder.run(&format!("plan {words}"));
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(folder.said(&output).contains(want), "{words}: {}", folder.said(&output));
    }
}

/// What a company's mapping may grow to; how long it takes is told in docs/plan.md.
#[test]
fn a_hundred_thousand_domains_are_planned() {
    let folder = Folder::with(&mapping((0..100_000).map(|n| format!("api{n}.p{:03}.example.com", n % 250))));
    let plan = folder.plan("@mapping.yaml");
    assert_eq!((plan["used"]["hosted_zones"].as_u64(), plan["used"]["certificates"].as_u64()), (Some(250), Some(25)));
    assert_eq!(plan["mapping"]["domains"].as_u64(), Some(100_000));
}
