//! What goes through now.

use std::time::Duration;

use maud::{Markup, html};

use super::figures::{count, percent, rate};
use super::view::View;
use crate::telemetry::traffic::{KEPT, Rates, Traffic};

/// What is called now.
const NOW: Duration = Duration::from_secs(10);

/// The width of a second in the picture, and the height of the most requests in one.
const STEP: usize = 4;
const HEIGHT: u64 = 40;

pub(super) fn section(view: &View<'_>) -> Markup {
    let live = view.live();
    let traffic = live.metrics.traffic();
    let (now, minute) = (traffic.rates(NOW), traffic.rates(KEPT));
    html! {
        section #traffic aria-labelledby="traffic-title" data-live {
            h2 #traffic-title { "Traffic now" }
            dl.tiles {
                div { dt { "Requests/s" } dd #rate { (rate(now.requests())) } }
                div { dt { "In flight" } dd #in-flight { (count(live.metrics.requests.in_flight())) } }
                div { dt { "Connections" } dd { (count(view.admin.clients.open())) } }
                div {
                    dt { "CPU of " (live.metrics.cpu_limit()) " cores" }
                    dd { (live.metrics.cpu_utilization().map_or("not measured".into(), percent)) }
                }
                div { dt { "CPU/request" } dd { (cpu(live.metrics.cpu_per_request())) } }
            }
            (by_second(traffic))
            div.scroll #traffic-scroll role="group" tabindex="0" aria-label="Answers by status" { (table(&now, &minute)) }
        }
    }
}

fn cpu(seconds: f64) -> String {
    if seconds == 0.0 { "none yet".into() } else { format!("{:.2} ms", seconds * 1_000.0) }
}

fn table(now: &Rates, minute: &Rates) -> Markup {
    const CLASSES: [(usize, &str); 5] = [(2, "2xx"), (3, "3xx"), (4, "4xx"), (5, "5xx"), (1, "1xx")];
    // Nearly nobody has those, and a row of zeros says nothing.
    let is_told = |class: usize| (2..=5).contains(&class) || minute.classes[class] > 0.0;
    let row = |name: &str, now: f64, minute: f64| {
        html! { tr { th scope="row" { (name) } td.number { (rate(now)) } td.number { (rate(minute)) } } }
    };
    html! {
        table {
            caption { span { "Mean answers a second, by status." } }
            thead { tr {
                th scope="col" { "Status" }
                th.number scope="col" { "Last " (NOW.as_secs()) " s" }
                th.number scope="col" { "Last " (KEPT.as_secs()) " s" }
            } }
            tbody {
                (row("All", now.requests(), minute.requests()))
                @for (class, name) in CLASSES {
                    @if is_told(class) { (row(name, now.classes[class], minute.classes[class])) }
                }
                @if is_told(0) { (row("Other", now.classes[0], minute.classes[0])) }
                (row("Refused by Nameplate", now.refused, minute.refused))
            }
        }
    }
}

/// Bars, one a second, the youngest at the right. What they say is in their name, too.
fn by_second(traffic: &Traffic) -> Markup {
    let seconds = traffic.by_second();
    let most = seconds.iter().max().copied().unwrap_or_default();
    let all: u64 = seconds.iter().sum();
    let shown = KEPT.as_secs() as usize;
    let from = (shown - seconds.len().min(shown)) * STEP;
    html! {
        figure {
            svg.seconds role="img" aria-labelledby="seconds-title" viewBox=(format!("0 0 {} {HEIGHT}", shown * STEP))
                preserveAspectRatio="none" {
                title #seconds-title { (count(all)) " requests in the last minute, at most " (count(most)) " in a second" }
                @for (at, requests) in seconds.iter().rev().take(shown).rev().enumerate() {
                    @let height = (requests * HEIGHT).div_ceil(most.max(1));
                    @if height > 0 {
                        rect.fill x=(from + at * STEP) y=(HEIGHT - height) width=(STEP - 1) height=(height) {}
                    }
                }
            }
            figcaption {
                @if all == 0 {
                    "No request in the last " (KEPT.as_secs()) " s."
                } @else {
                    "Each of the last " (KEPT.as_secs()) " s; the highest is " (count(most)) " requests."
                }
            }
        }
    }
}
