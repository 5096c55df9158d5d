//! The parts of a mapping in parts: whose they are, and which of them are not active as the source has them.

use maud::{Markup, html};

use super::figures::{ago, count, counted, name};
use super::view::View;
use nameplate_core::parts::assembly::PartStatus;

/// How many are shown, those with errors first. `/mapping` has all.
const MOST: usize = 50;

pub(super) fn section(view: &View<'_>) -> Markup {
    let parts = &view.report.parts;
    let (bad, good): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.error.is_some());
    html! {
        @if !parts.is_empty() {
            section #parts .wide aria-labelledby="parts-title" data-live {
                h2 #parts-title { "Parts" }
                div.scroll #parts-scroll role="group" tabindex="0" aria-label="Parts of the mapping" {
                    table {
                        caption { span {
                            (counted(parts.len(), "part", "parts")) ", " (count(bad.len())) " with an error."
                            @if parts.len() > MOST { " The first " (MOST) " are shown; " code { "/mapping" } " has all." }
                        } }
                        thead { tr {
                            th scope="col" { "Part" } th scope="col" { "Owner" } th scope="col" { "State" }
                            th scope="col" { "Version" } th.number scope="col" { "Entries" } th scope="col" { "Active" }
                        } }
                        tbody { @for part in bad.into_iter().chain(good).take(MOST) { (row(view, part)) } }
                    }
                }
            }
        }
    }
}

fn row(view: &View<'_>, part: &PartStatus) -> Markup {
    html! {
        tr {
            th.name scope="row" { (name(&part.name)) }
            td {
                (part.owner.as_deref().unwrap_or("–"))
                @if let Some(contact) = &part.contact { br; span.when { (contact) } }
            }
            td {
                @match &part.error {
                    Some((error, since)) => { (error.label()) " " (ago(*since, view.now.time)) }
                    None => "active",
                }
            }
            td { @if let Some(version) = part.version { code { (version) } } @else { "–" } }
            td.number { (count(part.entries)) }
            td { @if let Some(since) = part.since { (ago(since, view.now.time)) } @else { "–" } }
        }
    }
}
