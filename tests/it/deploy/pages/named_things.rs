//! Variables, outputs, addresses, files and headings that the pages name are there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{COST, DEPLOY, blocks, place, spans, text};

const PAGES: [(&str, &str); 2] = [("docs/deploy.md", DEPLOY), ("docs/cost.md", COST)];

/// What in a command stands for a value of the reader's.
const PLACEHOLDERS: [&str; 4] = ["ELB_DNS_NAME", "MAPPING_BUCKET", "ARN", "VERSION_ID"];

/// Upper-case names that are no variable of ours: the mapping's keys, the AWS CLI's, a capacity provider of ECS.
const OTHERS: [&str; 4] = ["PRIVATE_API_URL", "CUSTOM_DOMAIN_URL", "AWS_REGION", "FARGATE_SPOT"];

/// Files that the reader writes.
const READERS: [&str; 1] = ["deploy/terraform/terraform.tfvars"];

fn terraform_variables() -> BTreeSet<String> {
    let text = text("deploy/terraform/variables.tf");
    text.lines().filter_map(|line| line.strip_prefix("variable \"")?.split('"').next().map(str::to_owned)).collect()
}

fn cdk_variables() -> BTreeSet<String> {
    let text = text("deploy/cdk/lib/variables.ts");
    let names = text.lines().filter_map(|line| line.trim().split_once(": {")).map(|(name, _)| name.to_owned());
    names.filter(|name| is_constant(name)).collect()
}

fn is_constant(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The words of a text that are written like a variable.
fn constants(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| is_constant(word) && word.contains('_')).map(str::to_owned).collect()
}

#[test]
fn values_for_terraform_are_of_its_variables() {
    let variables = terraform_variables();
    let block = blocks(DEPLOY, "hcl").join("");
    let named: Vec<_> = block.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.trim()).collect();
    assert!(named.len() > 12, "{named:?}");
    for name in named {
        assert!(variables.contains(name), "deploy/terraform has no variable {name}");
    }
}

#[test]
fn values_for_cdk_are_of_its_variables_and_json_is_json() {
    let variables = cdk_variables();
    let blocks = blocks(DEPLOY, "json");
    assert_eq!(blocks.len(), 2);
    for block in &blocks {
        let json: Value = serde_json::from_str(block).unwrap_or_else(|e| panic!("{e}: {block}"));
        for name in json.as_object().expect("an object").keys().filter(|name| is_constant(name)) {
            assert!(variables.contains(name), "deploy/cdk has no variable {name}");
        }
    }
}

#[test]
fn every_upper_case_name_is_somebodys() {
    let mut known = terraform_variables();
    known.extend(cdk_variables());
    for file in
        ["workflow.yaml", "nightly.yaml", "pipeline.sh", "drift.sh", "deploy.sh", "program.sh", "review-trust.json"]
    {
        known.extend(constants(&text(&format!("deploy/pipeline/{file}"))));
    }
    known.extend(PLACEHOLDERS.iter().chain(&OTHERS).map(|name| (*name).to_owned()));
    for (page, text) in PAGES {
        let strangers: Vec<_> = constants(text).into_iter().filter(|name| !known.contains(name)).collect();
        assert!(strangers.is_empty(), "{page} names {strangers:?}, and nothing of ours is called so");
    }
}

/// "the output `x`", "the outputs `X` and `Y`", and `output -raw x`.
#[test]
fn outputs_are_put_out() {
    let (terraform, cdk) = (text("deploy/terraform/outputs.tf"), text("deploy/cdk/lib/nameplate.ts"));
    let flat = DEPLOY.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut named = Vec::new();
    for (at, before) in flat.match_indices("output `").chain(flat.match_indices("outputs `")) {
        named.push(flat[at + before.len()..].split('`').next().expect("a name").to_owned());
    }
    let raw = flat
        .split("output -raw ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next());
    named.extend(raw.map(str::to_owned));
    assert!(named.len() > 6, "{named:?}");
    for name in named {
        let there = match name.starts_with(|c: char| c.is_ascii_uppercase()) {
            true => cdk.contains(&format!(" {name}: ")),
            false => terraform.contains(&format!("output \"{name}\"")),
        };
        assert!(there, "no output is called {name}");
    }
}

#[test]
fn terraform_resources_have_these_addresses() {
    let words = DEPLOY.split(|c: char| c.is_whitespace() || "`=,;()".contains(c));
    let addresses: Vec<_> = words.map(|word| word.trim_end_matches('.')).filter(|word| word.contains("aws_")).collect();
    assert!(addresses.len() > 1, "{addresses:?}");
    let folder = place("deploy/terraform/module");
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let files =
        files.map(|file| file.expect("a file").path()).filter(|path| path.extension().is_some_and(|e| e == "tf"));
    let module: String = files.map(|path| std::fs::read_to_string(path).expect("a text")).collect();
    for address in addresses {
        let address = address.strip_prefix("module.nameplate.").unwrap_or(address);
        let (kind, name) = address.split_once('.').unwrap_or((address, ""));
        assert!(module.contains(&format!("resource \"{kind}\" \"{name}\"")), "there is no {address}");
    }
}

#[test]
fn files_that_are_named_are_there() {
    for (page, text) in PAGES {
        for span in spans(text) {
            let inside = ["deploy/", "docs/", "scripts/", "conf/", "src/"].iter().any(|top| span.starts_with(top));
            if inside && !span.contains(' ') && !READERS.contains(&&*span) {
                assert!(place(span.trim_end_matches('/')).exists(), "{page} names {span}");
            }
        }
    }
    // The image's folder comes by itself; once it is there, so must this be.
    assert!(DEPLOY.contains("-f docker/Dockerfile"));
    assert!(!place("docker").exists() || place("docker/Dockerfile").exists(), "docs/deploy.md names docker/Dockerfile");
}

/// A heading, as a link names it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
    kept.replace(' ', "-")
}

#[test]
fn links_lead_somewhere() {
    for (page, of) in PAGES {
        let links = of.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { place(page) } else { place("docs").join(file) };
            assert!(target.exists(), "{page} links to {link}");
            if heading.is_empty() {
                continue;
            }
            let text = std::fs::read_to_string(&target).expect("a page");
            let known: Vec<_> = text
                .lines()
                .filter(|line| line.starts_with('#'))
                .map(|line| anchor(line.trim_start_matches('#').trim()))
                .collect();
            assert!(known.contains(&heading.to_owned()), "{page} links to {link}: there are {known:?}");
        }
    }
}

#[test]
fn prose_is_no_wider_than_120_characters() {
    for (page, text) in PAGES {
        let wide: Vec<_> = text.lines().filter(|line| !line.starts_with('|') && line.chars().count() > 120).collect();
        assert!(wide.is_empty(), "{page}: {wide:#?}");
    }
}
