//! The entries that are held because their new target answers worse than the old one.

use maud::{Markup, html};

use super::figures::{ago, counted, name};
use super::view::View;
use crate::live::held_entries::HeldStatus;

/// How many are shown. `/mapping` has more.
const MOST: usize = 50;

pub(super) fn section(view: &View<'_>) -> Markup {
    let held = &view.report.held;
    html! {
        @if !held.is_empty() {
            section #held .wide aria-labelledby="held-title" data-live {
                h2 #held-title { "Held entries" }
                div.scroll #held-scroll role="group" tabindex="0" aria-label="Held entries" {
                    table {
                        caption { span {
                            (counted(held.len(), "entry keeps", "entries keep")) " the old target, because the new one answers worse."
                            @if held.len() > MOST { " The first " (MOST) " are shown; " code { "/mapping" } " has more." }
                        } }
                        thead { tr {
                            th scope="col" { "Entry" } th scope="col" { "New target" } th scope="col" { "Answers" }
                            th scope="col" { "Keeps" } th scope="col" { "Held" }
                        } }
                        tbody { @for held in held.iter().take(MOST) { (row(view, held)) } }
                    }
                }
            }
        }
    }
}

fn row(view: &View<'_>, held: &HeldStatus) -> Markup {
    html! {
        tr {
            th.name scope="row" { (name(&held.domain)) (held.base_path) }
            td { (held.target) }
            td { (held.why()) }
            td { (held.keeps) }
            td { (ago(held.since, view.now.time)) }
        }
    }
}
