//! What holds for every text; the single faults stand in `tests/cases/check`.

use proptest::prelude::*;

use super::*;
use crate::domain::route::{HostMode, RefererMode, ResponseMode};
use crate::domain::verbs::VERBS;
use crate::mapping::load::compile_bytes;

const API: &str = "https://abc123.execute-api.eu-west-1.amazonaws.com/prod";

fn mapping(entries: &[(&str, &str)]) -> String {
    let entry = |(domain, api): &(&str, &str)| format!("  - CUSTOM_DOMAIN_URL: {domain}\n    PRIVATE_API_URL: {api}\n");
    format!("APIS:\n{}", entries.iter().map(entry).collect::<String>())
}

#[track_caller]
fn fault(text: &str, want: &str) {
    let found = compile(text, "m", None).expect_err(text).to_string();
    assert!(found.contains(want), "{text}\n{found}");
}

#[test]
fn a_route_is_what_its_entry_says() {
    let text = mapping(&[("https://Pay.example.com/v1/", API)]) + "    VERBS: get\n    HOST: preserve\n";
    let table = compile(&text, "m", None).expect("a mapping");
    let found = table.lookup("pay.example.com", b"/v1/x").expect("mapped");
    let route = found.route;
    assert_eq!((route.line, route.base(), route.prefix(), found.rest), (2, "/v1", "/prod", &b"/x"[..]));
    assert_eq!((route.choices.verbs.to_string(), route.choices.host), ("GET".into(), HostMode::Preserve));
    assert_eq!((route.choices.referer, route.choices.response), (RefererMode::Domain, ResponseMode::Translate));
}

#[test]
fn one_faulty_entry_makes_no_table_of_the_others() {
    fault(&mapping(&[("a.example.com", API), ("b.example.com", "x")]), "m:5:22: error: ");
}

#[test]
fn faults_are_all_reported_in_one_run() {
    let found = compile(&mapping(&[("a..com", "x"), ("com", "https://"), ("a.com", API), ("a.com", "y")]), "m", None);
    assert_eq!(found.expect_err("faults").len(), 6);
}

#[test]
fn many_equal_faults_are_counted_not_kept() {
    let found = compile(&format!("APIS:\n{}", "- x\n".repeat(15_000)), "m", None).expect_err("faults");
    assert_eq!((found.len(), found.iter().count()), (15_000, 10_000));
    assert!(found.to_string().ends_with("\nand 5000 more\n15000 errors"));
}

#[test]
fn a_wildcard_without_quotes_keeps_no_other_entry_from_being_checked() {
    let text = mapping(&[("*.example.com", API), ("com", API)]);
    fault(&text, "m:2:24: error: `*` starts a YAML alias");
    fault(&text, "m:4:24: error: `com` is a public suffix");
    fault(&text, "2 errors");
}

/// Domain, base path, API id, stage, verbs as bits, the three choices, spelling.
type Drawn = (String, String, String, String, u8, (bool, bool, bool), u8);

fn drawn() -> impl Strategy<Value = Drawn> {
    (
        "[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?\\.[a-z]{3,8}\\.example",
        "(/[a-zA-Z0-9._~-]{1,6}x){0,3}",
        "[a-z0-9]{1,12}",
        "[a-zA-Z0-9_-]{1,12}",
        0..128_u8,
        any::<(bool, bool, bool)>(),
        0..4_u8,
    )
}

fn written((host, base, id, stage, verbs, choices, spelling): &Drawn) -> String {
    let names: Vec<&str> = VERBS.iter().enumerate().filter(|(at, _)| verbs & (1 << at) != 0).map(|(_, v)| *v).collect();
    let domain = match spelling {
        0 => format!("{host}{base}"),
        1 => format!("https://{}{base}/", host.to_uppercase()),
        2 => format!("\"{host}.{base}\""),
        _ => format!("'HTTPS://{host}{base}'"),
    };
    let mut text = format!("- CUSTOM_DOMAIN_URL: {domain}\n");
    text += &format!("  PRIVATE_API_URL: https://{id}.execute-api.eu-west-1.amazonaws.com/{stage}\n");
    match (names.is_empty(), spelling) {
        (true, _) => {}
        (_, 0 | 1) => text += &format!("  VERBS: [{}]\n", names.join(", ")),
        _ => text += &format!("  VERBS: {}\n", names.join(",").to_lowercase()),
    }
    for (chosen, line) in
        [(choices.0, "HOST: preserve"), (choices.1, "REFERER: preserve"), (choices.2, "RESPONSE: untouched")]
    {
        text += &if chosen { format!("  {line}\n") } else { String::new() };
    }
    text
}

/// Every entry of a table as far as anybody can tell, in its order.
fn told(table: &MappingTable) -> Vec<String> {
    table.routes().iter().map(|route| format!("{route:?}")).collect()
}

/// Whatever the quick reader reads, the whole one reads to the same table.
#[track_caller]
fn read_alike(text: &str) -> Option<Vec<String>> {
    let told = |part: PartText| {
        let head = format!("{:?}", part.head);
        [vec![head], told(&MappingTable::new(part.routes))].concat()
    };
    let quick = quickly(text, None, Pace::default()).map(told);
    if quick.is_some() {
        let whole = with_places(text, "m", None, Pace::default()).map(told);
        assert_eq!(quick.as_ref(), whole.as_ref().ok(), "{text}\n{whole:?}");
    }
    quick
}

#[test]
fn what_an_entry_overrides_is_read_by_both_readers() {
    let keys = "    ENDPOINT: shared\n    TIMEOUT: first_byte=60s,total=15m\n    RATE_LIMIT: 100/s\n";
    let text = mapping(&[("pay.example.com", API)]) + keys;
    assert!(read_alike(&text).is_some(), "not read quickly");
    let table = compile(&text, "m", None).expect("a mapping");
    let overrides = table.routes()[0].overrides().expect("they are there");
    assert_eq!(overrides.endpoint.as_deref(), Some("shared"));
    assert_eq!(overrides.timeouts.to_string(), "first_byte=1m, total=15m");
    assert_eq!(overrides.rate.map(|rate| rate.to_string()).as_deref(), Some("100/s"));
    assert_eq!(table.routes()[0].prefix(), "/prod");
}

#[test]
fn an_endpoint_that_the_settings_do_not_have_is_a_fault_where_they_are_at_hand() {
    let text = mapping(&[("pay.example.com", API)]) + "    ENDPOINT: shard\n";
    let found = compile(&text, "m", Some(&["shared".to_owned()])).expect_err("a fault").to_string();
    assert!(found.contains("m:4:15: error: the settings have no endpoint `shard`"), "{found}");
    assert!(found.contains("did you mean `shared`?"), "{found}");
}

#[test]
fn the_usual_forms_are_read_quickly() {
    let entry = format!("CUSTOM_DOMAIN_URL: a.example.com # x\n    PRIVATE_API_URL: {API}\n");
    for text in [
        include_str!("../../../../../conf/mapping.yaml").to_owned(),
        format!("---\nAPIS:\n- CUSTOM_DOMAIN_URL: 'a.example.com'\n\n  PRIVATE_API_URL: \"{API}\"\n# end"),
        format!("APIS:\n  - {entry}    VERBS:\n    - GET\n    - POST\n"),
        format!("APIS:\n  - {entry}    VERBS:\n      - 'GET'\n    HOST: api\n"),
        format!("APIS:\n  - {entry}    VERBS: [GET,\"POST\" ] # x\n").replace('\n', "\r\n"),
    ] {
        assert!(read_alike(&text).is_some(), "not read quickly:\n{text}");
    }
}

#[test]
fn json_makes_the_same_table() {
    let block = mapping(&[("a.example.com/v1", API), ("b.example.com", API)]) + "    VERBS: [GET]\n";
    let json = format!(
        "{{\"APIS\": [\n{{\"CUSTOM_DOMAIN_URL\": \"a.example.com/v1\",\n\"PRIVATE_API_URL\": \"{API}\"}},\n\
         {{\"CUSTOM_DOMAIN_URL\": \"b.example.com\",\n\"PRIVATE_API_URL\": \"{API}\", \"VERBS\": [\"GET\"]}}]}}"
    );
    assert_eq!(read_alike(&json), None, "the general reader alone takes it");
    let of = |text: &str| told(&compile(text, "m", None).expect("a mapping"));
    assert_eq!(of(&json), of(&block));
}

#[test]
fn a_text_without_an_end_is_refused_before_all_of_it_is_read() {
    let long = "a ".repeat(super::super::document::MAX_CHARACTERS as usize);
    fault(&long, "a text or a comment without an end");
    fault(&format!("# {long}"), "a text or a comment without an end");
}

#[test]
fn after_a_hundred_thousand_errors_the_rest_is_not_read() {
    let found = compile(&format!("APIS:\n{}", "- x\n".repeat(200_000)), "m", None).expect_err("errors");
    assert_eq!(found.len(), 110_000);
}

#[test]
fn what_is_repaired_keeps_every_place() {
    let text = "APIS:\n  - CUSTOM_DOMAIN_URL:a..example.com\n\u{a0}\u{a0}\u{a0} PRIVATE_API_URL: x\n    VERBS = PSOT\n";
    for place in [
        "m:2:23: error: no space",
        "m:2:25: error: a host label",
        "m:3:1: error: U+00A0",
        "m:3:22: error: PRIV",
        "m:4:11: error: `=`",
    ] {
        fault(text, place);
    }
    fault(text, "m:4:13: error: `PSOT`");
    fault(text, "\n6 errors");
}

#[test]
fn comments_that_are_too_much_for_one_reader_are_for_the_other() {
    let text = |lines| format!("{}{}", mapping(&[("a.example.com", API)]), "# a: [b, c: {d: e}]\n".repeat(lines));
    assert!(read_alike(&text(1_000)).is_some());
    assert!(read_alike(&text(60_000)).is_none());
    fault(&text(60_000), "a bracket or a comment that holds too much");
}

#[test]
fn damage_behind_a_damaged_indentation_is_reported_and_never_a_panic() {
    for text in [
        "\u{a0}```\nAPIS:\n",
        "APIS:\n\u{a0}{% if x %}\n",
        "\u{3000}{{ x }}\n",
        "\u{200b}{{ x }}\nAPIS:\n",
        "\t\u{feff}APIS: x\n",
        "APIS:\n\u{a0}\u{feff}- x\n",
    ] {
        let found = compile(text, "m", None).expect_err(text);
        assert!(found.iter().any(|error| error.code != Code::BrokenYaml), "{text:?}: {found}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _ = compile(&text, "m", None);
    }

    #[test]
    fn no_yaml_like_text_makes_it_panic(text in "([-?:,\\[\\]{}#&*!|>'\"%@`~<A \t\r\n\u{feff}\u{a0}\u{3000}\u{200b}é]|APIS|: |- |\n  |VERBS|```|\\{%|\\{\\{|<<<<<<< |\n\t\u{feff}){0,80}") {
        read_alike(&text);
        if let Err(found) = compile(&text, "m", None) {
            prop_assert!(!found.is_empty());
            let ending = if found.len() == 1 { "1 error" } else { " errors" };
            prop_assert!(found.to_string().ends_with(ending));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = compile_bytes(&bytes, "m", None);
    }

    #[test]
    fn no_slip_in_a_mapping_makes_it_panic(
        entries in proptest::collection::vec(drawn(), 1..4),
        slips in proptest::collection::vec((any::<prop::sample::Index>(), "[-?:,\\[\\]{}#&*!|>'\"%@ \t\r\né]{0,2}", 0..3_usize), 1..4),
    ) {
        let mut text: Vec<char> = format!("APIS:\n{}", entries.iter().map(written).collect::<String>()).chars().collect();
        for (at, insert, delete) in slips {
            let at = at.index(text.len() + 1);
            text.splice(at..(at + delete).min(text.len()), insert.chars());
        }
        let text: String = text.into_iter().collect();
        read_alike(&text);
        if let Err(found) = compile(&text, "m", None) {
            let lines = text.lines().count() as u32 + text.matches('\r').count() as u32 + 1;
            prop_assert!(!found.is_empty());
            prop_assert!(found.iter().all(|fault| (1..=lines).contains(&fault.line) && fault.column >= 1));
        }
    }

    #[test]
    fn every_entry_is_found_with_what_it_was_made_of(entries in proptest::collection::vec(drawn(), 1..20)) {
        let mut entries = entries;
        entries.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        entries.dedup_by(|a, b| (&a.0, &a.1) == (&b.0, &b.1));
        let text = format!("APIS:\n{}", entries.iter().map(written).collect::<String>());
        prop_assert!(read_alike(&text).is_some(), "not read quickly:\n{}", text);
        let table = compile(&text, "m", None).map_err(|found| TestCaseError::fail(format!("{text}\n{found}")))?;
        prop_assert_eq!(table.len(), entries.len());
        for (host, base, id, stage, verbs, choices, _) in &entries {
            let path = format!("{base}/deeper/still");
            let found = table.lookup(host, path.as_bytes()).map_err(|refusal| TestCaseError::fail(refusal.to_string()))?;
            let route = found.route;
            prop_assert_eq!((route.host(), route.base(), found.rest), (&**host, &**base, &b"/deeper/still"[..]));
            prop_assert_eq!((route.api_id(), route.prefix()), (&**id, &*format!("/{stage}")));
            for (at, verb) in VERBS.iter().enumerate() {
                prop_assert_eq!(route.choices.verbs.allows(verb), *verbs == 0 || verbs & (1 << at) != 0);
            }
            let got = route.choices;
            let chosen = (got.host == HostMode::Preserve, got.referer == RefererMode::Preserve, got.response == ResponseMode::Untouched);
            prop_assert_eq!(chosen, *choices);
        }
    }
}
