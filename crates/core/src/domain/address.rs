//! Addresses as text, for what writes them once a request: `Display` pads, and allocates its way to four
//! numbers.

use std::io::Write as _;
use std::net::IpAddr;

/// Appends an address.
#[inline]
pub fn push_ip(out: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(v4) = address else {
        // Writing to memory cannot fail.
        let _ = write!(out, "{address}");
        return;
    };
    let mut digits = itoa::Buffer::new();
    for (at, octet) in v4.octets().into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        out.extend_from_slice(digits.format(octet).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_written_as_everywhere_else() {
        for text in ["0.0.0.0", "255.255.255.255", "10.0.100.9", "127.0.0.1", "2001:db8::1"] {
            let mut out = Vec::new();
            push_ip(&mut out, text.parse().expect("an address"));
            assert_eq!(out, text.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn they_are_what_another_writer_says(ip: IpAddr) {
            let mut out = Vec::new();
            push_ip(&mut out, ip);
            prop_assert_eq!(String::from_utf8_lossy(&out), ip.to_string());
        }
    }
}
