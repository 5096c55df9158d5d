//! `check --against` and `plan` go by the same rules, told by the same options.

use super::{Folder, mapping};

#[track_caller]
fn check(old: &[&str], new: &[&str], words: &str, code: i32, want: &str) {
    let folder = Folder::with(&mapping(new));
    folder.write("old.yaml", &mapping(old));
    let output = folder.run(&format!("check @mapping.yaml --against @old.yaml {words}"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{words}: {said}");
    assert!(said.contains(want), "{words}: {said}");
}

#[test]
fn a_domain_right_under_a_registrable_one_is_hot_for_who_owns_it() {
    let (old, new) = (["a.example.com"], ["a.example.com", "b.example.com"]);
    check(&old, &new, "", 3, "  private hosted zone b.example.com\n");
    check(&old, &new, "--own example.com", 0, "\nhot: ");
    check(&old, &new, "--own example.org", 3, "  private hosted zone b.example.com\n");
}

/// Consent in the settings is the tasks', so none of them would hold it.
#[test]
fn what_tasks_have_consent_for_is_not_held() {
    let (old, new) = (["a.in.example.com", "b.in.example.com", "c.in.example.com"], ["a.in.example.com"]);
    check(&old, &new, "", 4, "\nheld: ");
    check(&old, &new, r#"--settings {"reload":{"allow_shrink":true}}"#, 0, "\nhot: ");
    check(&old, &new, r#"--settings {"reload":{"allow_shrink":true}} --max-removed 50"#, 4, "\nheld: ");
}

#[test]
fn by_name_each_domain_needs_a_deployment() {
    let (old, new) = (["a.in.example.com"], ["a.in.example.com", "b.in.example.com"]);
    check(&old, &new, "", 0, "\nhot: ");
    check(&old, &new, "--zones per-name", 3, "  private hosted zone b.in.example.com\n");
    check(
        &["*.in.example.com"],
        &["*.in.example.com", "in.example.com"],
        "--zones per-name",
        3,
        "  record in.example.com in",
    );
}
