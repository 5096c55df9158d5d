#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| nameplate_promises::rewrite(input));
