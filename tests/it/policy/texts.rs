//! Any text at all, where a policy is read: nobody's policy makes the command fall over.

use nameplate::plan::policy::in_force::InForce;
use nameplate::plan::policy::{MAX_SIZE, grammar};
use proptest::prelude::*;

/// Pieces that policies are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\\"",
            "\\",
            "\\/",
            "\"Version\":\"2012-10-17\"",
            "\"Statement\":",
            "\"Effect\":\"Allow\"",
            "\"Principal\":\"*\"",
            "\"Action\":\"execute-api:Invoke\"",
            "\"Resource\":",
            "\"execute-api:/dev/GET/${*}\"",
            "\"arn:aws:execute-api:us-east-1:1:a\"",
            "\"Condition\":",
            "null",
            "1",
            "ä",
        ][..],
    );
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn reading_and_checking_any_text_ends_in_an_answer(text in prop_oneof![pieces(), any::<String>()]) {
        let read = InForce::read(&text, "us-east-1", "1abc23");
        let faults = grammar::check(&text, MAX_SIZE);
        // What follows the grammar can be read.
        prop_assert!(!faults.is_empty() || read.is_ok(), "{text}: {read:?}");
    }
}
