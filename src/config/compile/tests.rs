//! What holds for every text; the single faults stand in `tests/cases/check`.

use proptest::prelude::*;

use super::*;
use crate::domain::route::{HostMode, RefererMode, ResponseMode};
use crate::domain::verbs::VERBS;

const API: &str = "https://abc123.execute-api.eu-west-1.amazonaws.com/prod";

fn mapping(entries: &[(&str, &str)]) -> String {
    let entry = |(domain, api): &(&str, &str)| format!("  - CUSTOM_DOMAIN_URL: {domain}\n    PRIVATE_API_URL: {api}\n");
    format!("APIS:\n{}", entries.iter().map(entry).collect::<String>())
}

#[track_caller]
fn fault(text: &str, want: &str) {
    let found = compile(text, "m").expect_err(text).to_string();
    assert!(found.contains(want), "{text}\n{found}");
}

#[test]
fn a_route_is_what_its_entry_says() {
    let text = mapping(&[("https://Pay.example.com/v1/", API)]) + "    VERBS: get\n    HOST: preserve\n";
    let table = compile(&text, "m").expect("a mapping");
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
    let found = compile(&mapping(&[("a..com", "x"), ("com", "https://"), ("a.com", API), ("a.com", "y")]), "m");
    assert_eq!(found.expect_err("faults").len(), 6);
}

#[test]
fn many_equal_faults_are_counted_not_kept() {
    let found = compile(&format!("APIS:\n{}", "- x\n".repeat(15_000)), "m").expect_err("faults");
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

#[test]
fn bytes_must_be_text() {
    let found = compile_bytes(b"# a\n# \xc3\xa4\xff", "m").expect_err("no text").to_string();
    assert!(found.starts_with("m:2:4: error: the file is not UTF-8 text: byte 0xff\n"), "{found}");
    fault("\u{feff}# ä\n\0", "m:2:1: error: the file holds a NUL byte");
    fault("\u{feff}a\0", "m:1:2: error: the file holds a NUL byte");
}

#[test]
fn a_reader_is_read_no_further_than_the_limit() {
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += buffer.len() as u64;
            buffer.fill(b'#');
            Ok(buffer.len())
        }
    }
    let mut endless = Endless(0);
    assert_eq!(read_up_to(9_999, &mut endless, 0).expect("read"), None);
    assert_eq!(endless.0, 10_000);
    assert_eq!(read_up_to(3, &b"abc"[..], 3).expect("read"), Some(b"abc".to_vec()));
}

#[test]
fn a_file_that_is_not_there_says_which() {
    let fault = compile_file(Path::new("/does/not/exist.yaml")).expect_err("no file").to_string();
    assert!(fault.starts_with("cannot read /does/not/exist.yaml: "), "{fault}");
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

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _ = compile(&text, "m");
    }

    #[test]
    fn no_yaml_like_text_makes_it_panic(text in "([-?:,\\[\\]{}#&*!|>'\"%@`~<A \t\r\n\u{feff}é]|APIS|: |- |\n  |VERBS){0,80}") {
        if let Err(found) = compile(&text, "m") {
            prop_assert!(!found.is_empty());
            let ending = if found.len() == 1 { "1 error" } else { " errors" };
            prop_assert!(found.to_string().ends_with(ending));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = compile_bytes(&bytes, "m");
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
        if let Err(found) = compile(&text, "m") {
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
        let table = compile(&text, "m").map_err(|found| TestCaseError::fail(format!("{text}\n{found}")))?;
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
