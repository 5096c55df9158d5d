//! The mapping in force, and what came after it and was not taken.

use maud::{Markup, html};

use super::figures::{age, ago, count, counted};
use super::state::reason;
use super::view::View;
use crate::live::reload::Cause;
use crate::live::status::{Origin, Trouble};
use nameplate_core::diagnostic::{Diagnostic, Diagnostics};
use nameplate_core::domain::version::Version;

/// The most faults on the page. `/mapping` has more, and `nameplate check` all of them.
const MOST_SHOWN: usize = 20;

pub(super) fn section(view: &View<'_>) -> Markup {
    html! {
        section #mapping aria-labelledby="mapping-title" data-live {
            h2 #mapping-title { "Mapping in force" }
            @match view.report.in_force {
                Some((since, origin)) => (in_force(view, origin, &ago(since, view.now.time))),
                None => p.empty { "None yet. It will be read from " code.text { (view.live().mapping.source) } "." }
            }
        }
    }
}

fn in_force(view: &View<'_>, origin: Origin, since: &Markup) -> Markup {
    let (live, snapshot) = (view.live(), &view.snapshot);
    let source = match origin {
        Origin::Source => "the source",
        Origin::Cache => "the cache on this host, because the source was away",
    };
    html! {
        dl {
            dt { "Version" }
            dd {
                code #mapping-version { (snapshot.version.map(|version| version.to_string()).unwrap_or_default()) }
                " · generation " (count(snapshot.generation))
            }
            dt { "SHA-256" }
            dd { code #sha256 { (snapshot.version.as_ref().map(Version::full).unwrap_or_default()) } }
            dt { "Source" } dd { code.text #source { (live.mapping.source) } }
            dt { "Read from" } dd { (source) }
            dt { "In force" } dd { (since) }
            dt { "Last seen at the source" }
            dd { (age(live.mapping.staleness(view.now.time))) " ago" }
            @if let Some((version, entries)) = view.report.verifying {
                dt { "Being verified" }
                dd { code { (version) } ", which leads " (counted(entries, "entry", "entries")) " elsewhere" }
            }
            dt { "Contents" }
            dd {
                (counted(snapshot.table.domains(), "domain", "domains")) " in "
                (counted(snapshot.table.len(), "entry", "entries"))
            }
        }
    }
}

/// What came after it and was not taken. The element is always there, so that the script can fill it.
pub(super) fn trouble(view: &View<'_>) -> Markup {
    html! {
        div #trouble .wide data-live {
            @if let Some(trouble) = &view.report.trouble { (not_taken(view, trouble)) }
        }
    }
}

fn not_taken(view: &View<'_>, trouble: &Trouble) -> Markup {
    html! {
        section.trouble aria-labelledby="trouble-title" {
            h2 #trouble-title { "Not in force: " (reason(trouble)) }
            p {
                "Since " (ago(trouble.since, view.now.time))
                @if let Some(version) = trouble.version { ", version " code { (version) } }
                ". What is in force serves on."
            }
            @match &trouble.cause {
                Cause::Rejected(faults) => (diagnostics(faults)),
                cause => pre.text { (cause) }
            }
        }
    }
}

fn diagnostics(faults: &Diagnostics) -> Markup {
    let more = faults.len().saturating_sub(MOST_SHOWN);
    html! {
        ol.faults {
            @for fault in faults.iter().take(MOST_SHOWN) { (diagnostic(faults.file(), fault)) }
        }
        @if more > 0 {
            p { "And " (count(more)) " more; " code { "nameplate check" } " shows them all." }
        }
    }
}

fn diagnostic(file: &str, fault: &Diagnostic) -> Markup {
    let Diagnostic { line, column, what, text, help, .. } = fault;
    html! {
        li {
            p { code.place { (file) ":" (line) ":" (column) } " " strong { (what) } }
            @if !text.is_empty() { pre.text { (text) } }
            p.help { "Help: " (help) }
        }
    }
}
