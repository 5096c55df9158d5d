//! Headers without end, and small ones that become large.

use super::{EVIL, GET, HERE, HTTP, Target, is_ended, number, target};
use crate::harness::frames::{CONTINUATION, END_STREAM, Frames, HEADERS, WHOLE, fields, frame};
use crate::harness::reply::Reply;

fn never_reached() -> Target {
    target(|_| Reply::json(200, "{}"))
}

/// A header that is never complete, and then this frame again and again (CVE-2024-27316).
#[track_caller]
fn a_flood_ends_the_connection(piece: &[u8]) {
    const FRAMES: usize = 20_000;
    let target = never_reached();
    target.stands_during(|mut client: Frames| {
        client.send(frame(HEADERS, END_STREAM, 1, &fields(&[GET, EVIL, HTTP, HERE])));
        client.flood(FRAMES, |_| frame(CONTINUATION, 0, 1, piece));
        is_ended(&mut client);
    });
    assert_eq!(target.reached(), 0);
}

#[test]
fn continuation_without_end_ends_the_connection() {
    a_flood_ends_the_connection(&fields(&[("x-a", &"a".repeat(16_000))]));
}

#[test]
fn so_does_empty_continuation() {
    a_flood_ends_the_connection(b"");
}

#[test]
fn so_does_one_small_field_after_another() {
    a_flood_ends_the_connection(&fields(&[("a", "1")]));
}

/// One entry of the dynamic table, said so often that 16 KiB on the wire are 60 MB of header; then
/// again, on many streams.
#[test]
fn a_table_entry_said_often_is_refused() {
    const ENTRY: u8 = 0x80 | 62;
    let value = "a".repeat(3_900);
    // Literal with incremental indexing (RFC 7541 section 6.2.1): what `fields` writes, kept.
    let mut kept = fields(&[("x-a", &value)]);
    kept[0] = 0x40;
    let block = [fields(&[GET, EVIL, HTTP, HERE]), kept, vec![ENTRY; 12_000]].concat();
    let target = never_reached();
    target.stands_during(|mut client: Frames| {
        client.flood(50, |at| frame(HEADERS, WHOLE, number(at), &block));
        let answered = std::iter::from_fn(|| client.next()).find(|frame| frame.kind == HEADERS);
        assert!(answered.is_none_or(|answer| answer.status() == 431));
    });
    assert_eq!(target.reached(), 0);
}
