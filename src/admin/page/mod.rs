//! `/` for a browser: how it stands, for people. One page of HTML with its style and its script inside.
//!
//! **Invariant:** every text is escaped, because `maud` escapes what it is not told to leave alone, and it
//! is told so for the style and the script only. Were it not, the page's policy still lets nothing run,
//! load or leave but these two.

mod domains;
mod endpoints;
mod figures;
mod held;
mod mapping;
mod parts;
mod probes;
mod search;
mod state;
mod traffic;
mod view;

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::endpoints::Now;
use super::page_response::PageResponse;
use super::sources::Admin;
use search::Search;
use view::View;

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = include_str!("../page.css");
const SCRIPT: &str = include_str!("../page.js");

/// The page. `?domain=NAME` adds the entries of a domain, and with `method` and `path` what would become of
/// such a request.
pub(super) fn page(admin: &Admin, query: Option<&str>, now: Now) -> PageResponse {
    let Some(search) = Search::of(query) else {
        return PageResponse::text(400, "write / or /?domain=NAME&method=GET&path=/PATH");
    };
    let live = &admin.live;
    let view = View { admin, snapshot: live.snapshot(), report: live.mapping.report(), now };
    PageResponse { policy: policy(), ..PageResponse::of(200, HTML, document(&view, &search).into_string()) }
}

/// The style and the script by their hashes, and from this listener what the script fetches.
fn policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    let hash = |text: &str| STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()));
    POLICY.get_or_init(|| {
        format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT)
        )
    })
}

fn document(view: &View<'_>, search: &Search) -> Markup {
    let state = state::headline(view);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (state.1) " – Nameplate" }
                // No icon: a browser would ask for one otherwise.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the status" }
                (header(view))
                main #main tabindex="-1" {
                    (state::section(&state))
                    div.columns {
                        (mapping::trouble(view))
                        div.column {
                            (mapping::section(view))
                            (endpoints::section(view))
                        }
                        div.column { (traffic::section(view)) }
                        (held::section(view))
                        (parts::section(view))
                        (probes::section(view))
                        (search::section(view, search))
                        (domains::section(view))
                    }
                }
                (footer())
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn header(view: &View<'_>) -> Markup {
    html! {
        header {
            div {
                h1 { "Nameplate" }
                p #process data-live {
                    "Version " span #version { (env!("CARGO_PKG_VERSION")) } " · up " (figures::age(view.up()))
                    " · as of " (figures::time(view.now.time))
                }
            }
            // For the script, which shows it.
            div #updates hidden {
                button #pause type="button" aria-pressed="false" { "Pause updates" }
                p #updated role="status" {}
            }
        }
    }
}

fn footer() -> Markup {
    let pages = [
        ("/livez", "alive"),
        ("/readyz", "ready"),
        ("/metrics", "for Prometheus"),
        ("/mapping", "JSON"),
        ("/endpoints", "JSON"),
    ];
    html! {
        footer {
            nav aria-label="Other pages" {
                ul {
                    @for (path, what) in pages {
                        li { a href=(path) { code { (path) } } " " (what) }
                    }
                }
            }
            p { "Read-only: nothing on this listener changes anything." }
        }
    }
}
