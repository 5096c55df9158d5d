//! The PROXY protocol's header, versions 1 and 2: whom a load balancer speaks for.
//!
//! After the specification in HAProxy's `doc/proxy-protocol.txt`. It stands once at the beginning of a
//! connection, before TLS and before HTTP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The longest header of version 1, its line end included.
pub const MOST_V1: usize = 107;
/// The most that may follow the fixed part of version 2, addresses and additions together. The
/// specification allows 64 KiB; load balancers send a few hundred bytes.
pub const MOST_V2: usize = 4_096;
/// The longest header of all.
pub const MOST: usize = FIXED_V2 + MOST_V2;

const START_V1: &[u8] = b"PROXY ";
const SIGNATURE_V2: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const FIXED_V2: usize = 16;

/// A whole header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    /// How many bytes it is long; what follows belongs to the client.
    pub length: usize,
    /// Whom it speaks for. `None` where the load balancer speaks for itself (a health check), or for
    /// something that has no address of a kind we know: the connection's own addresses then stand.
    pub addresses: Option<Addresses>,
}

/// The two ends of the connection that the load balancer took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The client.
    pub source: SocketAddr,
    /// What the client connected to.
    pub destination: SocketAddr,
}

/// Why bytes are no whole header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeaderError {
    /// So far it is one; more must come.
    Incomplete,
    /// It does not begin like one.
    Missing,
    /// It begins like one, and goes on as none does.
    Malformed,
}

/// Reads the header at the beginning of these bytes.
pub fn parse(bytes: &[u8]) -> Result<ProxyHeader, ProxyHeaderError> {
    if begins(bytes, SIGNATURE_V2) {
        version_2(bytes)
    } else if begins(bytes, START_V1) {
        version_1(bytes)
    } else {
        Err(ProxyHeaderError::Missing)
    }
}

/// Whether the bytes begin with these, as far as there are any.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    let both = bytes.len().min(with.len());
    bytes[..both] == with[..both]
}

fn version_1(bytes: &[u8]) -> Result<ProxyHeader, ProxyHeaderError> {
    let seen = &bytes[..bytes.len().min(MOST_V1)];
    let Some(end) = seen.iter().position(|b| *b == b'\n') else {
        return Err(if seen.len() == MOST_V1 { ProxyHeaderError::Malformed } else { ProxyHeaderError::Incomplete });
    };
    let line = seen[..end].strip_suffix(b"\r").ok_or(ProxyHeaderError::Malformed)?;
    let line = std::str::from_utf8(line).map_err(|_| ProxyHeaderError::Malformed)?;
    let mut words = line.split(' ').skip(1);
    let family = words.next().unwrap_or_default();
    let addresses = match family {
        // Whatever stands behind it must be ignored.
        "UNKNOWN" => None,
        "TCP4" => Some(line_addresses::<Ipv4Addr>(words)?),
        "TCP6" => Some(line_addresses::<Ipv6Addr>(words)?),
        _ => return Err(ProxyHeaderError::Malformed),
    };
    Ok(ProxyHeader { length: end + 1, addresses })
}

/// Two addresses, then their ports, and nothing else.
fn line_addresses<'a, A>(mut words: impl Iterator<Item = &'a str>) -> Result<Addresses, ProxyHeaderError>
where
    A: FromStr + Into<IpAddr>,
{
    let mut next = || words.next().ok_or(ProxyHeaderError::Malformed);
    let (source, destination) = (ip::<A>(next()?)?, ip::<A>(next()?)?);
    let (source_port, destination_port) = (port(next()?)?, port(next()?)?);
    if words.next().is_some() {
        return Err(ProxyHeaderError::Malformed);
    }
    Ok(Addresses {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    })
}

fn ip<A: FromStr + Into<IpAddr>>(word: &str) -> Result<IpAddr, ProxyHeaderError> {
    word.parse::<A>().map(Into::into).map_err(|_| ProxyHeaderError::Malformed)
}

fn port(word: &str) -> Result<u16, ProxyHeaderError> {
    // `parse` takes a sign, and zeros in front; the specification has neither.
    let plain = word.bytes().all(|b| b.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    word.parse().ok().filter(|_| plain).ok_or(ProxyHeaderError::Malformed)
}

fn version_2(bytes: &[u8]) -> Result<ProxyHeader, ProxyHeaderError> {
    // What is there already can be wrong before the rest has come.
    let local = match bytes.get(12) {
        None => return Err(ProxyHeaderError::Incomplete),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(ProxyHeaderError::Malformed),
    };
    let (Some(family), Some(length)) = (bytes.get(13), bytes.get(14..FIXED_V2)) else {
        return Err(ProxyHeaderError::Incomplete);
    };
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if length > MOST_V2 {
        return Err(ProxyHeaderError::Malformed);
    }
    // The health checks of the load balancer itself may say any family.
    let size = match family {
        _ if local => 0,
        0x00 => 0,
        0x11 => 12,
        0x21 => 36,
        // A Unix socket: a client without an IP address.
        0x31 => 216,
        _ => return Err(ProxyHeaderError::Malformed),
    };
    if length < size {
        return Err(ProxyHeaderError::Malformed);
    }
    let Some(block) = bytes.get(FIXED_V2..FIXED_V2 + length) else { return Err(ProxyHeaderError::Incomplete) };
    // What follows the addresses are additions (TLVs) that nothing here reads.
    let addresses = match size {
        12 => Some(block_addresses::<4>(block)),
        36 => Some(block_addresses::<16>(block)),
        _ => None,
    };
    Ok(ProxyHeader { length: FIXED_V2 + length, addresses })
}

/// Two addresses of `N` bytes, then their ports. The block is at least that long.
fn block_addresses<const N: usize>(block: &[u8]) -> Addresses
where
    [u8; N]: Into<IpAddr>,
{
    let ip = |at: usize| {
        let mut octets = [0; N];
        octets.copy_from_slice(&block[at..at + N]);
        octets.into()
    };
    let port = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
    Addresses { source: SocketAddr::new(ip(0), port(2 * N)), destination: SocketAddr::new(ip(N), port(2 * N + 2)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn addresses(source: &str, destination: &str) -> Option<Addresses> {
        let address = |text: &str| text.parse().expect("an address");
        Some(Addresses { source: address(source), destination: address(destination) })
    }

    #[track_caller]
    fn line(text: &str, want: Result<Option<Addresses>, ProxyHeaderError>) {
        let got = parse(text.as_bytes());
        assert_eq!(got.map(|header| header.addresses), want, "{text:?}");
        if let Ok(header) = got {
            assert_eq!(header.length, text.find('\n').map_or(0, |at| at + 1), "{text:?}");
        }
    }

    fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).expect("a length");
        [SIGNATURE_V2.as_slice(), &[command, family], &length.to_be_bytes(), block].concat()
    }

    #[test]
    fn a_line_names_both_ends() {
        line("PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\nGET /", Ok(addresses("192.0.2.7:4711", "10.0.0.1:443")));
        line("PROXY TCP6 2001:db8::7 2001:db8::1 65535 0\r\n", Ok(addresses("[2001:db8::7]:65535", "[2001:db8::1]:0")));
        let longest = "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n";
        line(longest, Ok(None));
        line("PROXY UNKNOWN\r\n", Ok(None));
    }

    #[test]
    fn a_line_that_is_none() {
        line("GET / HTTP/1.1\r\n", Err(ProxyHeaderError::Missing));
        line("proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n", Err(ProxyHeaderError::Missing));
        for rest in [
            "",
            "TCP4",
            "TCP5 1.2.3.4 1.2.3.4 1 1",
            "TCP4 ::1 ::1 1 1",
            "TCP6 1.2.3.4 1.2.3.4 1 1",
            "TCP4 1.2.3.4  1.2.3.4 1 1",
            "TCP4 1.2.3.4 1.2.3.4 1",
            "TCP4 1.2.3.4 1.2.3.4 1 1 1",
            "TCP4 1.2.3.4 1.2.3.4 1 65536",
            "TCP4 1.2.3.4 1.2.3.4 +1 1",
            "TCP4 1.2.3.4 1.2.3.4 01 1",
            "TCP4 1.2.3.4 1.2.3.4 1 ",
            "TCP4 1.2.3 1.2.3.4 1 1",
        ] {
            line(&format!("PROXY {rest}\r\n"), Err(ProxyHeaderError::Malformed));
        }
        line("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n", Err(ProxyHeaderError::Malformed));
        line(&format!("PROXY {}", "x".repeat(MOST_V1 - 6)), Err(ProxyHeaderError::Malformed));
        line(&format!("PROXY UNKNOWN {}\r\n", "x".repeat(MOST_V1)), Err(ProxyHeaderError::Malformed));
    }

    #[test]
    fn a_block_names_both_ends() {
        let ends = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 1, 187];
        let additions = [4, 0, 1, 0];
        let bytes = binary(0x21, 0x11, &[&ends[..], &additions].concat());
        let want = ProxyHeader { length: bytes.len(), addresses: addresses("192.0.2.7:4711", "10.0.0.1:443") };
        assert_eq!(parse(&[&bytes[..], b"GET /"].concat()), Ok(want));

        let mut ends = [0; 36];
        (ends[15], ends[31], ends[33], ends[35]) = (1, 2, 80, 81);
        let header = parse(&binary(0x21, 0x21, &ends)).expect("a header");
        assert_eq!(header.addresses, addresses("[::1]:80", "[::2]:81"));
    }

    #[test]
    fn who_speaks_for_itself_keeps_its_address() {
        for (command, family, block) in [
            (0x20, 0x00, &[][..]),
            (0x20, 0x11, &[0; 12]),
            (0x20, 0xff, &[0; 3]),
            (0x21, 0x00, &[]),
            (0x21, 0x31, &[0; 216]),
        ] {
            let bytes = binary(command, family, block);
            assert_eq!(
                parse(&bytes),
                Ok(ProxyHeader { length: bytes.len(), addresses: None }),
                "{command:x} {family:x}"
            );
        }
    }

    #[test]
    fn a_block_that_is_none() {
        for (command, family, block) in [
            (0x11, 0x11, &[0; 12][..]),
            (0x22, 0x11, &[0; 12]),
            (0x21, 0x12, &[0; 12]),
            (0x21, 0x41, &[0; 12]),
            (0x21, 0x11, &[0; 11]),
            (0x21, 0x21, &[0; 12]),
            (0x20, 0x00, &[0; MOST_V2 + 1]),
        ] {
            assert_eq!(
                parse(&binary(command, family, block)),
                Err(ProxyHeaderError::Malformed),
                "{command:x} {family:x}"
            );
        }
        assert_eq!(parse(b"\r\n\r\nGET"), Err(ProxyHeaderError::Missing));
    }

    fn any_header() -> impl Strategy<Value = Vec<u8>> {
        let v4 = (any::<[u8; 4]>(), any::<[u8; 4]>(), any::<u16>(), any::<u16>());
        let v6 = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<u16>(), any::<u16>());
        prop_oneof![
            v4.prop_map(|(s, d, sp, dp)| {
                format!("PROXY TCP4 {} {} {sp} {dp}\r\n", Ipv4Addr::from(s), Ipv4Addr::from(d)).into_bytes()
            }),
            v6.prop_map(|(s, d, sp, dp)| {
                format!("PROXY TCP6 {} {} {sp} {dp}\r\n", Ipv6Addr::from(s), Ipv6Addr::from(d)).into_bytes()
            }),
            "[ -~]{0,90}".prop_map(|rest| format!("PROXY UNKNOWN {rest}\r\n").into_bytes()),
            vec(any::<u8>(), 12..600).prop_map(|block| binary(0x21, 0x11, &block)),
            vec(any::<u8>(), 36..600).prop_map(|block| binary(0x21, 0x21, &block)),
            vec(any::<u8>(), 0..=MOST_V2).prop_map(|block| binary(0x20, 0, &block)),
        ]
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in vec(any::<u8>(), 0..200), start in 0..3_usize) {
            let start = [&b""[..], START_V1, SIGNATURE_V2][start];
            let bytes = [start, &bytes].concat();
            if let Ok(header) = parse(&bytes) {
                prop_assert!(header.length <= bytes.len() && header.length <= MOST);
            }
        }

        #[test]
        fn what_a_header_begins_with_is_incomplete(header in any_header(), rest in vec(any::<u8>(), 0..20)) {
            let whole = parse(&header).expect("a whole header");
            prop_assert_eq!(whole.length, header.len());
            for end in 0..header.len() {
                prop_assert_eq!(parse(&header[..end]), Err(ProxyHeaderError::Incomplete), "{} bytes", end);
            }
            prop_assert_eq!(parse(&[header, rest].concat()), Ok(whole), "what follows is the client's");
        }
    }
}
