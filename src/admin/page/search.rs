//! The entries of a domain, and what would become of a request for it.

use std::sync::Arc;

use maud::{Markup, html};

use super::figures::{count, counted, name};
use super::view::View;
use crate::admin::mapping::{Entry, Found, find};
use crate::admin::query;
use nameplate_core::domain::overrides::Timeouts;
use nameplate_core::domain::verbs::VERBS;
use nameplate_core::explain::{Explanation, Question, Verdict, explain};
use nameplate_core::mapping::files::Files;

/// What the form asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Search {
    domain: Option<String>,
    method: Option<String>,
    path: Option<String>,
    /// The path as bytes, which need not be UTF-8.
    target: Option<Vec<u8>>,
}

impl Search {
    /// `None` if the query is none that the form can send.
    pub(super) fn of(query: Option<&str>) -> Option<Search> {
        let [domain, method, path] = query::values(query, ["domain", "method", "path"])?;
        // Around a name that was pasted there may be anything.
        let domain = domain.map(|domain| domain.trim().to_owned());
        Some(Search { domain, method, path, target: query::bytes(query, "path") })
    }

    fn method(&self) -> &str {
        self.method.as_deref().filter(|method| !method.is_empty()).unwrap_or("GET")
    }

    fn path(&self) -> &str {
        self.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/")
    }

    /// The domain and its request, where one is asked about.
    fn question(&self) -> Option<Question<'_>> {
        let host = self.domain.as_deref().filter(|domain| !domain.is_empty())?.into();
        let target = self.target.as_deref().filter(|target| !target.is_empty()).unwrap_or(b"/").into();
        let asked = self.method.is_some() || self.path.is_some();
        asked.then(|| Question { method: self.method(), host, target, overrides: Vec::new() })
    }
}

/// Where the page shows this domain.
pub(super) fn link_to(domain: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("domain", domain).finish();
    format!("/?{query}#search")
}

pub(super) fn section(view: &View<'_>, search: &Search) -> Markup {
    html! {
        section #search .wide aria-labelledby="search-title" {
            h2 #search-title { "Search by domain" }
            (form(search))
            @if let Some(domain) = &search.domain {
                div #found data-live {
                    @if let Some(question) = search.question() {
                        (explanation(&question, &answer_to(view, &question)))
                    }
                    (found(&find(&view.snapshot, view.admin.probes.as_deref(), domain.clone())))
                }
            }
        }
    }
}

fn form(search: &Search) -> Markup {
    let method = search.method();
    html! {
        form action="/#search" method="get" role="search" aria-labelledby="search-title" {
            div.field {
                label for="domain" { "Domain, or a part of one" }
                input #domain name="domain" type="text" inputmode="url" autocomplete="off" autocapitalize="none"
                    spellcheck="false" value=(search.domain.as_deref().unwrap_or_default());
            }
            div.field.short {
                label for="method" { "Method" }
                select #method name="method" {
                    @if !VERBS.contains(&method) { option selected { (method) } }
                    @for verb in VERBS { option selected[verb == method] { (verb) } }
                }
            }
            div.field {
                label for="path" { "Path and query" }
                input #path name="path" type="text" autocomplete="off" autocapitalize="none" spellcheck="false"
                    value=(search.path());
            }
            button #submit type="submit" { "Search and explain" }
        }
    }
}

fn answer_to(view: &View<'_>, question: &Question<'_>) -> Explanation {
    let files = Files::new(&view.live().mapping.source, Arc::clone(&view.snapshot.parts));
    explain(&view.snapshot.table, &view.admin.settings, &files, question)
}

fn explanation(question: &Question<'_>, told: &Explanation) -> Markup {
    let (class, word) = match told.verdict {
        Verdict::Forwarded => ("good", "Forwarded".to_owned()),
        Verdict::Refused(refusal) => ("bad", format!("Refused: {} {}", refusal.status(), refusal.reason())),
    };
    html! {
        section #explanation .(class) aria-labelledby="explanation-title" {
            h3 #explanation-title {
                code.text { (question.method) " https://" (question.host) (String::from_utf8_lossy(&question.target)) }
            }
            p { strong.badge #verdict { (word) } }
            @if let Verdict::Refused(refusal) = told.verdict {
                p { (refusal) "." @if let Some(help) = &told.help { " " (help) } }
            } @else if let Some(help) = &told.help {
                p { (help) }
            }
            dl {
                @if let Some(entry) = &told.entry { dt { "Entry" } dd { code.text { (entry) } } }
                @for (fact, value) in told.facts.iter().filter(|(fact, _)| *fact != "timeouts") {
                    dt { (sentence(fact)) }
                    dd { code.text { @if value.is_empty() { "(the whole domain)" } @else { (value) } } }
                }
                @if told.timeouts != Timeouts::default() { dt { "Timeouts" } dd { code.text { (told.timeouts) } } }
            }
        }
    }
}

/// Names of headers as they are; everything else with a capital, as the other names on the page.
fn sentence(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) if !name.contains('-') => first.to_uppercase().chain(letters).collect(),
        _ => name.to_owned(),
    }
}

fn found(found: &Found<'_>) -> Markup {
    let Found { query, by, entries, more } = found;
    let entries_in_all = counted(entries.len() + more, "entry", "entries");
    html! {
        h3 #found-title {
            @if query.is_empty() { (entries_in_all) " in all" }
            @else if *by == "answers" {
                (entries_in_all) @if entries.len() + more == 1 { " answers for " } @else { " answer for " } "“" (query) "”"
            }
            @else if entries.is_empty() { "No entry answers for " "“" (query) "”" ", and no domain contains it" }
            @else { "No entry answers for " "“" (query) "”" "; domains of " (entries_in_all) " contain it" }
        }
        @if !entries.is_empty() {
            div.scroll #found-scroll role="group" tabindex="0" aria-label="Entries" { (table(entries, *more)) }
        }
    }
}

fn table(entries: &[Entry<'_>], more: usize) -> Markup {
    html! {
        table {
            caption { span {
                "Lines are those of the mapping; requests are counted since the entry is what it is."
                @if more > 0 { " " (count(more)) " more entries are not shown; search for a longer text." }
            } }
            thead { tr {
                th scope="col" { "Domain and base path" } th scope="col" { "API" } th scope="col" { "Methods" }
                th scope="col" { "Endpoint" } th.number scope="col" { "Line" } th.number scope="col" { "Requests" }
            } }
            tbody {
                @for entry in entries {
                    tr {
                        th.name scope="row" { (name(entry.domain)) (entry.base_path) }
                        td.name { (name(entry.api_host)) (entry.prefix) }
                        td { (entry.verbs.as_deref().unwrap_or("all")) }
                        td {
                            (entry.endpoint)
                            @for own in [&entry.timeout, &entry.rate_limit].into_iter().flatten() {
                                br; span.when { (own) }
                            }
                            @if let Some(probe) = &entry.probe { br; span.when { "probe: " (probe.class) } }
                        }
                        td.number {
                            @if let Some(part) = entry.part { (name(part)) ":" }
                            (count(entry.line))
                        }
                        td.number { (count(entry.requests)) }
                    }
                }
            }
        }
    }
}
