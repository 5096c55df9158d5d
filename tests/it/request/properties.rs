//! Promises about all inputs: hosts and paths. The mapping's stand beside its compiler.

use nameplate_core::domain::base_path::BasePath;
use nameplate_core::domain::decide::{RequestLimits, RequestView, decide};
use nameplate_core::domain::host::{Host, HostBuffer, normalize};
use nameplate_core::domain::rewrite::{refuse_dot_segments, rest_after, upstream_target};
use nameplate_core::domain::route::{Choices, Route};
use nameplate_core::domain::table::MappingTable;
use proptest::prelude::*;

/// Paths made of what could be mistaken for something else, and of anything.
fn any_path() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 14] =
        ["/", "..", ".", "%2e", "%2E", "%2f", "%5c", ";", "%3b", "%00", "%252e", "a", "v1", "%c0%ae"];
    let piece = prop::sample::select(&PIECES[..]).prop_map(str::as_bytes);
    let pieces = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    prop_oneof![pieces, prop::collection::vec(0x21..=0x7e_u8, 0..40)].prop_map(|mut path| {
        path.insert(0, b'/');
        path
    })
}

/// What a server that decodes once and then resolves dot segments makes of a path.
fn resolve(path: &[u8]) -> Vec<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        let hex = |b: u8| (b as char).to_digit(16);
        match (byte, after) {
            (b'%', [high, low, tail @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                decoded.push((hex(*high).unwrap() * 16 + hex(*low).unwrap()) as u8);
                rest = tail;
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    let mut segments: Vec<Vec<u8>> = Vec::new();
    for segment in decoded.split(|b| matches!(b, b'/' | b'\\')) {
        match segment.split(|b| *b == b';').next().unwrap() {
            b"." | b"" => {}
            b".." => drop(segments.pop()),
            name => segments.push(name.to_vec()),
        }
    }
    segments
}

proptest! {
    #[test]
    fn no_path_leaves_its_prefix(path in any_path()) {
        if refuse_dot_segments(&path).is_ok() {
            let target = upstream_target(b"/prod/base", &path, b"");
            let resolved = resolve(&target);
            prop_assert!(resolved.starts_with(&[b"prod".to_vec(), b"base".to_vec()]), "{:?}", String::from_utf8_lossy(&target));
        }
    }

    #[test]
    fn a_join_changes_no_byte(path in any_path(), query in "(\\?[!-~]{0,30})?") {
        let rest = rest_after(b"", &path).expect("every path starts with a slash");
        let target = upstream_target(b"/prod", rest, query.as_bytes());
        let want = [&b"/prod"[..], &path, query.as_bytes()].concat();
        prop_assert_eq!(target, want);
    }

    #[test]
    fn normalizing_a_host_twice_changes_nothing(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut buffer = HostBuffer::default();
        if let Ok(once) = normalize(&raw, &mut buffer) {
            let mut again = HostBuffer::default();
            prop_assert_eq!(normalize(once.as_bytes(), &mut again), Ok(once));
            prop_assert!(!once.bytes().any(|b| b.is_ascii_uppercase() || b == b'/' || b == b',' || b == b'@'));
        }
    }

    #[test]
    fn every_name_a_mapping_takes_is_found_however_it_is_written(
        name in "[a-zA-Z0-9]{1,10}(\\.[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?){1,3}\\.[a-z]{2,5}",
        port in prop::option::of(1..=65_535_u16),
        dot in any::<bool>(),
    ) {
        let host = Host::parse(&name).expect("labels of letters, digits and hyphens");
        let api = nameplate_core::domain::api::PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/p").expect("an api");
        let table = MappingTable::new(vec![Route::new(&host, &BasePath::default(), &api, Choices::default(), 1)]);
        let written = format!("{}{}{}", name.to_ascii_uppercase(), if dot { "." } else { "" }, port.map(|p| format!(":{p}")).unwrap_or_default());
        let mut buffer = HostBuffer::default();
        let normalized = normalize(written.as_bytes(), &mut buffer).expect("a well-formed host");
        prop_assert!(table.lookup(normalized, b"/").is_ok());
    }

    #[test]
    fn no_request_is_sent_outside_the_mapping(
        method in "[A-Z]{1,8}",
        target in prop::collection::vec(any::<u8>(), 0..60),
        host in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
    ) {
        let api = nameplate_core::domain::api::PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/prod").expect("an api");
        let base = BasePath::parse("/v1").expect("a base path");
        let any = Route::new(&Host::parse("*.example.com").expect("a host"), &base, &api, Choices::default(), 1);
        let table = MappingTable::new(vec![any]);
        let limits = RequestLimits { body: 10, headers: 1_000, url: 50 };
        let host = host.as_deref().or(Some(b"a.example.com"));
        let view = RequestView { method: &method, target: &target, host, host_optional: false, header_bytes: 0, content_length: None };
        if let Ok(decision) = decide(&table, &limits, view, [], &mut HostBuffer::default()) {
            prop_assert!(decision.target.starts_with(b"/prod"));
            prop_assert!(matches!(decision.target.get(5), None | Some(b'/' | b'?')));
        }
    }
}
