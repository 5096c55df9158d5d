//! The endpoints' addresses, by zone and state.

use maud::{Markup, html};

use super::figures::{age, count};
use super::view::View;
use crate::admin::endpoints::{Address, Endpoint, all};

pub(super) fn section(view: &View<'_>) -> Markup {
    let endpoints = all(&view.admin.endpoints, view.now);
    html! {
        section #endpoints aria-labelledby="endpoints-title" data-live {
            h2 #endpoints-title { "Endpoints" }
            div.scroll #census-scroll role="group" tabindex="0" aria-label="Addresses by zone and state" { (census(&endpoints)) }
            @for endpoint in &endpoints {
                @if let Some(fault) = &endpoint.fault {
                    p.trouble { strong { (endpoint.name) ": the last look-up failed. " } (fault) }
                }
            }
            @if endpoints.iter().any(|endpoint| !endpoint.addresses.is_empty()) {
                div.scroll #addresses-scroll role="group" tabindex="0" aria-label="Each address" { (addresses(view, &endpoints)) }
            } @else {
                p.empty { "No address is known yet." }
            }
        }
    }
}

fn census(endpoints: &[Endpoint<'_>]) -> Markup {
    html! {
        table {
            caption { span { "Addresses by zone and state. One that cools down kept failing, and is left alone for a while." } }
            thead {
                tr {
                    th scope="col" rowspan="2" { "Endpoint" }
                    th scope="colgroup" colspan="2" { "Our zone" }
                    th scope="colgroup" colspan="2" { "Other zones" }
                }
                tr {
                    th.number scope="col" { "In use" } th.number scope="col" { "Cooling" }
                    th.number scope="col" { "In use" } th.number scope="col" { "Cooling" }
                }
            }
            tbody {
                @for endpoint in endpoints {
                    tr {
                        th.name scope="row" { (endpoint.name) br; span.when { (found(endpoint)) } }
                        @for states in [&endpoint.counts.local, &endpoint.counts.other] {
                            td.number { (count(states.in_use)) }
                            td.number { (count(states.cooling)) }
                        }
                    }
                }
            }
        }
    }
}

fn found(endpoint: &Endpoint<'_>) -> String {
    match (endpoint.kind, endpoint.dns_name) {
        ("fixed", _) => "fixed addresses".into(),
        ("private_dns", _) => "each API's own name, by private DNS".into(),
        (_, name) => name.unwrap_or_default().into(),
    }
}

fn addresses(view: &View<'_>, endpoints: &[Endpoint<'_>]) -> Markup {
    let more: usize = endpoints.iter().map(|endpoint| endpoint.more_addresses).sum();
    html! {
        table {
            caption { span { "Each address." @if more > 0 { " " (count(more)) " more are not shown." } } }
            thead { tr {
                th scope="col" { "Address" } th scope="col" { "Endpoint" } th scope="col" { "Zone" }
                th scope="col" { "State" }
            } }
            tbody {
                @for endpoint in endpoints {
                    @for address in &endpoint.addresses {
                        tr {
                            th.name scope="row" {
                                code { (address.address) }
                                @if let Some(api) = &address.api_host { br; span.when { (api) } }
                            }
                            td { (endpoint.name) }
                            td { @if address.zone == "local" { "ours" } @else { "other" } }
                            td { (state(view, address)) }
                        }
                    }
                }
            }
        }
    }
}

fn state(view: &View<'_>, address: &Address) -> Markup {
    let now = view.now.time;
    html! {
        @match (address.since, address.until) {
            (Some(since), Some(until)) => {
                strong.cooling { "Cooling" } " for " (age(now.duration_since(since).unwrap_or_default())) "; "
                @match until.duration_since(now) {
                    Ok(left) => { "tried again in " (age(left)) },
                    Err(_) => "the next request tries it"
                }
            }
            _ => "In use"
        }
    }
}
