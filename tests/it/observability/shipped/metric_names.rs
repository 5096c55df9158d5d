//! Rules, dashboard and page name what is there: metrics of docs/metrics.md, which a unit test holds against
//! the program, and recording rules.

use super::{recorded, text};

const METRICS: &str = include_str!("../../../../docs/metrics.md");

/// What the page of metrics has a row for.
fn documented() -> Vec<&'static str> {
    METRICS.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

/// The names in a text that begin like a metric or a recording rule of ours.
fn names(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    // A colon that ends a word is the prose's or YAML's.
    let words = words.map(|word| word.trim_end_matches(':'));
    let ours = ["nameplate_", "nameplate:", "process_"];
    words.filter(|word| ours.iter().any(|start| word.len() > start.len() && word.starts_with(start))).collect()
}

#[test]
fn no_name_is_made_up() {
    let (documented, recorded) = (documented(), recorded());
    let exists = |name: &str| {
        let family = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        documented.contains(&name) || documented.contains(&family) || recorded.iter().any(|(rule, _)| rule == name)
    };
    let page = include_str!("../../../../docs/observability.md").to_owned();
    let files = ["recording.rules.yaml", "alerts.rules.yaml", "dashboard.json"].map(|file| (file, text(file)));
    for (file, text) in files.iter().chain([&("docs/observability.md", page)]) {
        let names = names(text);
        assert!(names.len() > 5, "{file}: {names:?}");
        let unknown: Vec<_> = names.into_iter().filter(|name| !exists(name)).collect();
        assert!(unknown.is_empty(), "{file} names what is not there: {unknown:?}");
    }
}

#[test]
fn the_page_has_each_recording_rule() {
    let page = include_str!("../../../../docs/observability.md");
    let left: Vec<_> =
        recorded().into_iter().map(|(name, _)| name).filter(|name| !names(page).contains(&&**name)).collect();
    assert!(left.is_empty(), "{left:?}");
}
