//! The dashboard by itself: nothing without a name, nothing twice, nothing over another.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{list, text, word};

/// Grafana's grid is so many columns wide.
const COLUMNS: u64 = 24;

/// The dashboard.
pub(super) fn dashboard() -> Value {
    serde_json::from_str(&text("dashboard.json")).expect("JSON")
}

/// All that is on it, rows included.
fn everything() -> Vec<Value> {
    list(&dashboard()["panels"])
}

/// Its panels, without the rows between them.
fn panels() -> Vec<Value> {
    everything().into_iter().filter(|panel| panel["type"] != "row").collect()
}

/// Each panel's title and query, and each variable's.
pub(super) fn queries() -> Vec<(String, String)> {
    let of = |panel: &Value| {
        let title = word(&panel["title"]);
        list(&panel["targets"]).iter().map(|target| (title.clone(), word(&target["expr"]))).collect::<Vec<_>>()
    };
    panels().iter().flat_map(of).collect()
}

/// The variables.
pub(super) fn variables() -> Vec<Value> {
    list(&dashboard()["templating"]["list"])
}

/// What a grid position covers: left, right, top, bottom.
fn area(panel: &Value) -> [u64; 4] {
    let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().expect("a number"));
    [x, x + w, y, y + h]
}

#[test]
fn each_panel_says_what_it_shows_and_in_which_unit() {
    assert!(panels().len() > 40, "{}", panels().len());
    for panel in everything() {
        let title = word(&panel["title"]);
        assert!(!title.is_empty(), "no title: {panel}");
        if panel["type"] == "row" {
            assert!(list(&panel["panels"]).is_empty(), "{title}: what is folded away is not looked at here");
            continue;
        }
        let description = word(&panel["description"]);
        assert!(description.ends_with('.') && description.len() > 10, "{title}: {description:?}");
        assert!(!word(&panel["fieldConfig"]["defaults"]["unit"]).is_empty(), "{title} has no unit");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = list(&panel["targets"]);
        let ids: BTreeSet<_> = targets.iter().map(|target| word(&target["refId"])).collect();
        assert!(!targets.is_empty() && ids.len() == targets.len() && !ids.contains(""), "{title}: {ids:?}");
        assert!(targets.iter().all(|target| !word(&target["expr"]).is_empty()), "{title} asks for nothing");
    }
}

#[test]
fn no_panel_is_there_twice_or_over_another() {
    let all = everything();
    let ids: BTreeSet<_> = all.iter().map(|panel| panel["id"].as_u64().expect("an id")).collect();
    assert_eq!(ids.len(), all.len());
    for (at, panel) in all.iter().enumerate() {
        let [left, right, top, bottom] = area(panel);
        assert!(left < right && right <= COLUMNS && top < bottom, "{}", panel["title"]);
        for other in &all[at + 1..] {
            let [other_left, other_right, other_top, other_bottom] = area(other);
            let apart = right <= other_left || other_right <= left || bottom <= other_top || other_bottom <= top;
            assert!(apart, "{} is over {}", panel["title"], other["title"]);
        }
    }
}

/// The variables that a text names, `$job` as `job`; those of Grafana itself begin with two underscores.
fn used(text: &str) -> BTreeSet<String> {
    let after = text.split('$').skip(1).map(|rest| rest.trim_start_matches('{'));
    let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    // `${1}` is the first group of a regular expression.
    after.map(name).filter(|name| !name.starts_with("__") && name != "1").collect()
}

#[test]
fn the_variables_are_those_that_are_used() {
    let names: BTreeSet<_> = variables().iter().map(|variable| word(&variable["name"])).collect();
    let sources = panels().iter().map(|panel| word(&panel["datasource"]["uid"])).collect::<String>();
    let all = queries().into_iter().map(|(_, query)| query).collect::<String>() + &sources;
    assert_eq!(names, used(&all));
    assert!(names.is_superset(&["datasource", "instance", "domain"].map(str::to_owned).into()));
}
