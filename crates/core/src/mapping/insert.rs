//! New entries in a mapping that people wrote: text is inserted, and every byte of theirs stays.

use saphyr_parser::{Event, Marker, Parser, ScanError};

use super::load::compile_bytes;
use crate::domain::table::MappingTable;

/// An entry to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Comments above it, each a line; left out of a JSON document, which has no comments.
    pub comments: Vec<String>,
    /// CUSTOM_DOMAIN_URL.
    pub domain: String,
    /// PRIVATE_API_URL.
    pub api: String,
}

/// No place for new entries was found in a text. The text is a mapping, so its form is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no place for new entries was found in it")]
pub struct NoPlace;

/// The form of the list of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Items behind a `-` at this column, counted from 0.
    Block { indent: usize },
    /// Items between brackets, the last of which ends at this byte, and starts at this column where that is the first
    /// of its line.
    Flow { last_end: usize, indent: Option<usize> },
}

/// The place of the list of entries.
#[derive(Clone, Copy, Debug)]
struct List {
    form: Form,
    /// The byte behind it, or in the flow form that of its bracket.
    end: usize,
    /// True if a key follows it.
    is_followed: bool,
}

/// A new mapping with these entries, and with OWNER where it has one; `head` are comments above them, each a line.
pub fn new_mapping(head: &[String], owner: Option<&str>, entries: &[NewEntry]) -> String {
    let comments: String = head.iter().map(|line| comment(line, 0, "\n")).collect();
    // A name may look like a number.
    let owner = owner.map(|owner| format!("OWNER: \"{owner}\"\n")).unwrap_or_default();
    format!("{comments}{owner}APIS:\n{}", block(entries, 2, "\n"))
}

/// The text of a mapping, which has no error, with these entries behind those that it has.
pub fn with_entries(text: &str, entries: &[NewEntry]) -> Result<String, NoPlace> {
    if entries.is_empty() {
        return Ok(text.to_owned());
    }
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let body = &text[mark..];
    let (at, added) = match list(body).ok().flatten().ok_or(NoPlace)? {
        List { form: Form::Block { indent }, end, is_followed } => {
            let at = end_of_entries(body, end, indent, is_followed);
            let broken = if body[..at].ends_with('\n') { "" } else { line_end(body) };
            (at, format!("{broken}{}", block(entries, indent, line_end(body))))
        }
        List { form: Form::Flow { last_end, indent }, end, .. } => {
            let gap = match indent {
                Some(indent) => format!("{}{}", line_end(body), " ".repeat(indent)),
                None => " ".to_owned(),
            };
            let comma = comma(&body[last_end..end]);
            let items: Vec<_> = entries.iter().map(|entry| format!("{gap}{}", flow(entry))).collect();
            match comma {
                // Behind the comma that is there already, with one behind it as well.
                Some(comma) => (last_end + comma + 1, format!("{},", items.join(","))),
                None => (last_end, format!(",{}", items.join(","))),
            }
        }
    };
    let merged = format!("{}{}{added}{}", &text[..mark], &body[..at], &body[at..]);
    if keeps(text, &merged, entries) { Ok(merged) } else { Err(NoPlace) }
}

/// The place of the first comma that is not in a comment.
fn comma(text: &str) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(at) = line.split('#').next().and_then(|line| line.find(',')) {
            return Some(start + at);
        }
        start += line.len();
    }
    None
}

/// Reports whether the merged text has every entry of the old one as it was, and the new ones, and nothing else.
fn keeps(text: &str, merged: &str, entries: &[NewEntry]) -> bool {
    let compile = |text: &str| compile_bytes(text.as_bytes(), "", None).ok();
    let written = new_mapping(&[], None, entries);
    let (Some(old), Some(new), Some(added)) = (compile(text), compile(merged), compile(&written)) else { return false };
    let has = |table: &MappingTable| {
        table.routes().iter().all(|route| new.routes_of(route.host()).iter().any(|other| other.says_the_same(route)))
    };
    new.len() == old.len() + added.len() && has(&old) && has(&added)
}

/// Finds the list of entries: the value of the document's key `APIS`.
fn list(text: &str) -> Result<Option<List>, ScanError> {
    let place = |mark: &Marker| byte_of(text, mark);
    let (mut depth, mut is_value, mut found) = (0_usize, false, None::<List>);
    // The start of the list, and those of its last item.
    let (mut start, mut last) = (None::<Marker>, None::<(usize, Marker)>);
    for event in Parser::new_from_str(text) {
        let (event, span) = event?;
        let is_inside = start.is_some() && found.is_none();
        match &event {
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if depth == 1 && is_value && matches!(event, Event::SequenceStart(..)) {
                    start = Some(span.start);
                } else if depth == 2 && is_inside {
                    last = Some((place(&span.end), span.start));
                }
                depth += 1;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                depth = depth.saturating_sub(1);
                if depth == 2 && is_inside {
                    // The span of a bracket may reach over a comment behind it.
                    let end = place(&span.start);
                    last = last.map(|(_, at)| (end + usize::from(text[end..].starts_with('}')), at));
                } else if depth == 1 && is_inside {
                    let list = start.map(|start| form(text, &start, last));
                    found = list.map(|form| List { form, end: place(&span.start), is_followed: false });
                } else if depth == 1 {
                    is_value = false;
                }
                continue;
            }
            Event::Scalar(value, ..) if depth == 1 => {
                if let Some(list) = &mut found {
                    list.is_followed = true;
                }
                is_value = !is_value && value == "APIS";
                continue;
            }
            _ => {}
        }
    }
    Ok(found)
}

fn form(text: &str, start: &Marker, last: Option<(usize, Marker)>) -> Form {
    let at = byte_of(text, start);
    if !text[at..].starts_with('[') {
        let item = last.map_or(at, |(_, mark)| byte_of(text, &mark));
        return Form::Block { indent: indent_of(text, item) };
    }
    let (last_end, last_start) = last.unwrap_or((at + 1, *start));
    let before = &text[..byte_of(text, &last_start)];
    let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    Form::Flow { last_end, indent: line.trim().is_empty().then_some(line.len()) }
}

/// The column of the `-` of an item of a block list that starts at this byte, or behind it.
fn indent_of(text: &str, item: usize) -> usize {
    let end = text[item..].find('\n').map_or(text.len(), |at| item + at);
    let column = |line: &str| {
        let inner = line.trim_start_matches(' ');
        (inner.starts_with("- ") || inner.trim_end() == "-").then(|| line.len() - inner.len())
    };
    text[..end].lines().rev().find_map(column).unwrap_or_default()
}

/// The byte that a mark stands at.
fn byte_of(text: &str, mark: &Marker) -> usize {
    let line = text.split_inclusive('\n').take(mark.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let rest = &text[line.min(text.len())..];
    line + rest.char_indices().nth(mark.col()).map_or(rest.len(), |(at, _)| at)
}

/// Returns the byte behind the last line of the entries, and behind indented comments right below it.
fn end_of_entries(text: &str, end: usize, indent: usize, is_followed: bool) -> usize {
    let end = text[..end].rfind('\n').filter(|_| is_followed).map_or(end, |at| at + 1);
    let is_open = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let (mut at, mut kept) = (0, 0);
    let mut is_near = false;
    for line in text[..end].split_inclusive('\n') {
        at += line.len();
        let depth = line.len() - line.trim_start_matches(' ').len();
        let is_set_in = depth >= indent && (depth > 0 || !is_followed);
        if !is_open(line) {
            (kept, is_near) = (at, true);
        } else if is_near && line.trim_start().starts_with('#') && is_set_in {
            kept = at;
        } else {
            is_near = false;
        }
    }
    kept
}

fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

fn comment(line: &str, indent: usize, end: &str) -> String {
    let text = if line.is_empty() { "#".to_owned() } else { format!("# {line}") };
    format!("{}{text}{end}", " ".repeat(indent))
}

fn block(entries: &[NewEntry], indent: usize, end: &str) -> String {
    let mut text = String::new();
    let gap = " ".repeat(indent);
    for NewEntry { comments, domain, api } in entries {
        text.extend(comments.iter().map(|line| comment(line, indent, end)));
        let domain = if domain.starts_with('*') { format!("\"{domain}\"") } else { domain.clone() };
        text.push_str(&format!("{gap}- CUSTOM_DOMAIN_URL: {domain}{end}{gap}  PRIVATE_API_URL: {api}{end}"));
    }
    text
}

fn flow(NewEntry { domain, api, .. }: &NewEntry) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!("{{\"CUSTOM_DOMAIN_URL\": {}, \"PRIVATE_API_URL\": {}}}", quoted(domain), quoted(api))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const URL: &str = "https://abc123.execute-api.eu-west-1.amazonaws.com/prod";

    fn entry(name: &str) -> NewEntry {
        NewEntry { comments: vec![format!("{name}, of web")], domain: format!("{name}.example.com"), api: URL.into() }
    }

    /// `text` with `+` where the new entry belongs, and the entry as it is written there.
    #[track_caller]
    fn inserts(text: &str, added: &str) {
        let old = text.replacen('+', "", 1);
        let want = text.replacen('+', added, 1);
        assert_eq!(with_entries(&old, &[entry("new")]).as_deref(), Ok(&*want), "{text}");
    }

    #[test]
    fn an_entry_is_set_in_as_the_others_are() {
        let one = format!("- CUSTOM_DOMAIN_URL: a.example.com\n    PRIVATE_API_URL: {URL}\n");
        let new = format!("  # new, of web\n  - CUSTOM_DOMAIN_URL: new.example.com\n    PRIVATE_API_URL: {URL}\n");
        inserts(&format!("# head\nAPIS: # ours\n  {one}+"), &new);
        inserts(&format!("APIS:\n  {one}    # - the old one\n+\n# vim: set ft=yaml:\n"), &new);
        inserts(&format!("OWNER: web\nAPIS:\n  {one}+\n\n# who\nCONTACT: web@example.com\n"), &new);
        inserts(&format!("APIS:\n  {one}+# who\nCONTACT: web@example.com\n"), &new);
        inserts(&format!("\u{feff}# ä\nAPIS:\n  {one}+...\n"), &new);
    }

    #[test]
    fn a_list_at_the_margin_stays_there() {
        let one = format!("- PRIVATE_API_URL: {URL}\n  CUSTOM_DOMAIN_URL: a.example.com\n");
        let new = format!("# new, of web\n- CUSTOM_DOMAIN_URL: new.example.com\n  PRIVATE_API_URL: {URL}\n");
        inserts(&format!("APIS:\n{one}+"), &new);
        inserts(&format!("APIS:\n{one}+OWNER: web\n"), &new);
        inserts(&format!("APIS:\n{one}# old\n+"), &new);
    }

    #[test]
    fn a_last_line_without_an_end_gets_one() {
        let text = format!("APIS:\n- CUSTOM_DOMAIN_URL: a.example.com\n  PRIVATE_API_URL: {URL}+");
        let new = format!("\n# new, of web\n- CUSTOM_DOMAIN_URL: new.example.com\n  PRIVATE_API_URL: {URL}\n");
        inserts(&text, &new);
    }

    #[test]
    fn lines_end_as_they_do() {
        let text = format!("APIS:\r\n- CUSTOM_DOMAIN_URL: a.example.com\r\n  PRIVATE_API_URL: {URL}\r\n+");
        let new = format!("# new, of web\r\n- CUSTOM_DOMAIN_URL: new.example.com\r\n  PRIVATE_API_URL: {URL}\r\n");
        inserts(&text, &new);
    }

    #[test]
    fn json_and_brackets_stay_what_they_are() {
        let one = format!("{{\"CUSTOM_DOMAIN_URL\": \"a.example.com\", \"PRIVATE_API_URL\": \"{URL}\"}}");
        let new = format!("{{\"CUSTOM_DOMAIN_URL\": \"new.example.com\", \"PRIVATE_API_URL\": \"{URL}\"}}");
        inserts(&format!("{{\"APIS\": [{one}+]}}\n"), &format!(", {new}"));
        inserts(&format!("{{\n  \"APIS\": [\n    {one}+\n  ],\n  \"OWNER\": \"web\"\n}}\n"), &format!(",\n    {new}"));
        inserts(&format!("APIS: [\n  {one},+ # ours\n  ]\n"), &format!("\n  {new},"));
        inserts(&format!("APIS: [\n  {one}+ # a, b\n  ]\n"), &format!(",\n  {new}"));
        inserts(&format!("APIS: [\n  {one} # a, b\n  ,+\n  ]\n"), &format!("\n  {new},"));
    }

    /// A mapping in the block form, as different people write it.
    fn written() -> impl Strategy<Value = String> {
        let line = prop_oneof![Just(String::new()), "[ ]{0,6}# [a-z:\\[\\]{},' -]{0,12}".prop_map(String::from),];
        let between = prop::collection::vec(line, 0..3);
        let gaps = prop::collection::vec(between, 5);
        (0..3_usize, 1..4_usize, gaps, any::<[bool; 4]>()).prop_map(
            |(indent, count, gaps, [head, tail, is_dos, ends])| {
                let mut lines: Vec<String> = gaps[0].clone();
                lines.extend(head.then(|| "OWNER: web # ours".to_owned()));
                lines.push("APIS:".to_owned());
                let gap = "  ".repeat(indent);
                for at in 0..count {
                    lines.extend(gaps[1 + at].clone());
                    lines.push(format!("{gap}-  CUSTOM_DOMAIN_URL: n{at}.example.com"));
                    lines.push(format!("{gap}   PRIVATE_API_URL:   '{URL}'  # p"));
                }
                lines.extend(gaps[4].clone());
                lines.extend(tail.then(|| "CONTACT: web@example.com".to_owned()));
                lines.join(if is_dos { "\r\n" } else { "\n" }) + if ends { "\n" } else { "" }
            },
        )
    }

    proptest! {
        #[test]
        fn every_byte_of_people_stays_where_it_is(text in written()) {
            let merged = with_entries(&text, &[entry("new")]);
            let merged = merged.unwrap_or_else(|_| panic!("{text}"));
            let front = text.bytes().zip(merged.bytes()).take_while(|(a, b)| a == b).count();
            let back = text.bytes().rev().zip(merged.bytes().rev()).take_while(|(a, b)| a == b).count();
            prop_assert!(front + back >= text.len(), "{text}\n{merged}");
        }
    }

    #[test]
    fn nothing_new_changes_nothing() {
        assert_eq!(with_entries("APIS: any\n", &[]).as_deref(), Ok("APIS: any\n"));
    }

    #[test]
    fn a_text_that_would_not_keep_its_entries_is_refused() {
        let text = format!("APIS:\n- CUSTOM_DOMAIN_URL: new.example.com\n  PRIVATE_API_URL: {URL}\n");
        assert_eq!(with_entries(&text, &[entry("new")]), Err(NoPlace), "the domain is there already");
        assert_eq!(with_entries("nothing", &[entry("new")]), Err(NoPlace));
    }

    #[test]
    fn a_new_mapping_says_what_it_is() {
        let text = new_mapping(&["A draft.".to_owned(), String::new()], Some("7"), &[entry("new")]);
        assert!(
            text.starts_with(
                "# A draft.\n#\nOWNER: \"7\"\nAPIS:\n  # new, of web\n  - CUSTOM_DOMAIN_URL: new.example.com\n"
            ),
            "{text}"
        );
        assert!(compile_bytes(text.as_bytes(), "m", None).is_ok());
    }
}
