//! The PROXY protocol's header: what stands in front of a connection before anybody is trusted.

use nameplate_core::domain::proxy_header::{MOST, ProxyHeaderError, parse};

/// A header is one whatever follows it, and nothing shorter is; bytes that are none never become one.
pub fn proxy_header(input: &[u8]) {
    match parse(input) {
        Ok(header) => {
            assert!((1..=input.len().min(MOST)).contains(&header.length), "{header:?}");
            assert_eq!(parse(&input[..header.length]), Ok(header), "what follows it changes it");
            for end in 0..header.length {
                assert_eq!(parse(&input[..end]), Err(ProxyHeaderError::Incomplete), "its first {end} bytes");
            }
            if let Some(ends) = header.addresses {
                assert_eq!(ends.source.is_ipv4(), ends.destination.is_ipv4(), "{ends:?}");
            }
        }
        Err(ProxyHeaderError::Incomplete) => assert!(input.len() < MOST, "{} bytes, and none has more", input.len()),
        Err(fault) => {
            for more in [0, b' ', b'\r', b'\n', b'1', u8::MAX] {
                assert_eq!(parse(&[input, &[more]].concat()), Err(fault), "with {more:#04x} behind it");
            }
        }
    }
}
