//! Numbers and addresses as text, for what writes them once a request: `Display` pads, and allocates its way
//! to four numbers.

use std::io::Write as _;
use std::net::IpAddr;

/// Appends a number.
pub fn push(out: &mut Vec<u8>, mut value: u64) {
    let mut all = [0; 20];
    let mut at = all.len();
    loop {
        at -= 1;
        all[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&all[at..]);
}

/// Appends an address.
pub fn push_ip(out: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(v4) = address else {
        // Writing to memory cannot fail.
        let _ = write!(out, "{address}");
        return;
    };
    for (at, octet) in v4.octets().into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        push(out, octet.into());
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
        fn they_are_what_another_writer_says(value: u64, ip: IpAddr) {
            let mut out = Vec::new();
            push(&mut out, value);
            out.push(b' ');
            push_ip(&mut out, ip);
            prop_assert_eq!(String::from_utf8_lossy(&out), format!("{value} {ip}"));
        }
    }
}
