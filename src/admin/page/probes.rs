//! What probes have found: how many APIs answer, and why the others do not.

use maud::{Markup, html};

use super::figures::{ago, count, name};
use super::view::View;
use crate::live::probes::{ProbeOutcome, Probes};
use nameplate_core::domain::route::Route;
use nameplate_core::verdict::{Class, Standing};

/// How many APIs are shown that do not answer. `/mapping?domain=NAME` has each.
const MOST: usize = 20;

/// Nothing where no API is probed.
pub(super) fn section(view: &View<'_>) -> Markup {
    html! {
        @if let Some(probes) = &view.admin.probes {
            section #probes .wide aria-labelledby="probes-title" data-live {
                h2 #probes-title { "Probes" }
                (counts(probes))
                (trouble(view, probes))
            }
        }
    }
}

fn counts(probes: &Probes) -> Markup {
    let (by_class, pending) = probes.counts();
    let named = Class::ALL.map(Class::label).into_iter().zip(by_class).chain([("pending", pending)]);
    html! {
        p #probe-counts {
            "APIs by what the last probe from this task showed: "
            @for (at, (class, number)) in named.filter(|(_, number)| *number > 0).enumerate() {
                @if at > 0 { ", " }
                (class) " " strong { (count(number)) }
            }
            "."
            @let without = probes.without_safe_verb();
            @if without > 0 {
                " Entries that are not probed, because their VERBS list no GET, HEAD or OPTIONS and they have no PROBE: "
                strong { (count(without)) } "."
            }
        }
    }
}

fn trouble(view: &View<'_>, probes: &Probes) -> Markup {
    let is_trouble = |outcome: &ProbeOutcome| outcome.verdict.standing() != Standing::Answers;
    let (found, more) = probes.pick(&view.snapshot, MOST, is_trouble);
    html! {
        @if !found.is_empty() {
            div.scroll #probes-scroll role="group" tabindex="0" aria-label="APIs that do not answer" {
                table {
                    caption { span {
                        "APIs that do not answer, or not well, each with an entry that leads there."
                        @if more > 0 { " " (count(more)) " more are not shown." }
                    } }
                    thead { tr {
                        th scope="col" { "API" } th scope="col" { "Entry" } th scope="col" { "Cause" }
                        th scope="col" { "What to do" } th scope="col" { "Probed" }
                    } }
                    tbody { @for (place, outcome) in &found { (row(view, view.snapshot.table.route(*place), outcome)) } }
                }
            }
        }
    }
}

fn row(view: &View<'_>, route: &Route, outcome: &ProbeOutcome) -> Markup {
    let causes = outcome.verdict.causes();
    html! {
        tr {
            th.name scope="row" { (name(route.api_host())) (route.prefix()) }
            td.name { (name(route.host())) (route.base()) }
            td {
                @for (at, cause) in causes.iter().enumerate() { @if at > 0 { br; "or: " } (cause.title()) }
                @if let Some(status) = outcome.status { br; span.when { "status " (status) } }
            }
            td { @for (at, cause) in causes.iter().enumerate() { @if at > 0 { br; } (cause.cure()) } }
            td { (ago(outcome.at, view.now.time)) }
        }
    }
}
