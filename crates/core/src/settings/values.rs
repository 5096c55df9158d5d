//! Values with a spelling of their own: networks, addresses, durations and sizes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::host_name::shown;
use super::problem::Wrong;
use crate::domain::duration::duration_of;

/// No duration is longer: a clock that is moved on by it still is one.
pub(super) const LONGEST: Duration = Duration::from_secs(86_400);

/// An IP network: `10.0.0.0/16`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether an address is inside.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let shift = 32 - u32::from(self.prefix);
                (u32::from(net) ^ u32::from(ip)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let shift = 128 - u32::from(self.prefix);
                (u128::from(net) ^ u128::from(ip)).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl std::str::FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("`{text}` is not an IP network; write `10.0.0.0/16` or one address");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| fault())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(text) => text.parse().map_err(|_| fault())?,
            None => most,
        };
        if prefix > most { Err(fault()) } else { Ok(Network { address, prefix }) }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Reads `250ms`, `5s`, `2m`, `1h` or a plain number of seconds.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    read_duration(&text(deserializer)?).map_err(serde::de::Error::custom)
}

/// As [`duration`], for one that may be left out.
pub(super) fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    match Option::<Written>::deserialize(deserializer)? {
        Some(written) => read_duration(&written.text()).map(Some).map_err(serde::de::Error::custom),
        None => Ok(None),
    }
}

/// Reads `10MiB`, `64kB` or a plain number of bytes.
pub(super) fn size<'de, D: Deserializer<'de>, N: TryFrom<u64>>(deserializer: D) -> Result<N, D::Error> {
    let bytes = read_size(&text(deserializer)?).map_err(serde::de::Error::custom)?;
    N::try_from(bytes).map_err(|_| serde::de::Error::custom(format!("{bytes} bytes are too many")))
}

/// As [`size`], for one that may be left out.
pub(super) fn optional_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match Option::<Written>::deserialize(deserializer)? {
        Some(written) => read_size(&written.text()).map(Some).map_err(serde::de::Error::custom),
        None => Ok(None),
    }
}

/// Reads addresses of DNS servers, port 53 where they have none.
pub(super) fn nameservers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
    let list = Vec::<String>::deserialize(deserializer)?;
    list.iter().map(|text| read_nameserver(text).map_err(serde::de::Error::custom)).collect()
}

/// A number, or a text with a unit.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl Written {
    fn text(self) -> String {
        match self {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        }
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Written::deserialize(deserializer).map(Written::text)
}

/// The duration that a text is.
pub(super) fn read_duration(text: &str) -> Result<Duration, Wrong> {
    duration_of(text).ok_or_else(|| {
        let what = format!("`{}` is not a duration", shown(text));
        match humantime::parse_duration(text) {
            // `5M` would be five months.
            Ok(meant) if meant <= LONGEST => {
                let millis = u64::try_from(meant.as_millis()).unwrap_or(u64::MAX);
                Wrong::new(what, format!("write `{}`", write_duration(Duration::from_millis(millis))))
            }
            _ => Wrong::new(what, "write `250ms`, `5s`, `2m` or `1h`; a number without a unit is seconds"),
        }
    })
}

/// A duration as settings write it, in its largest unit without a fraction.
pub(super) fn write_duration(duration: Duration) -> String {
    match (duration.as_millis(), duration.as_secs()) {
        (millis, _) if millis % 1_000 != 0 => format!("{millis}ms"),
        (_, seconds) if seconds > 0 && seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        (_, seconds) if seconds > 60 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        (_, seconds) => format!("{seconds}s"),
    }
}

/// The units of sizes: those of 1,000 (SI), and those of 1,024 (IEC 80000-13).
const UNITS: [(&str, u64); 8] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// The bytes that a text is.
pub(super) fn read_size(text: &str) -> Result<u64, Wrong> {
    let wrong = |help: String| Err(Wrong::new(format!("`{}` is not a size", shown(text)), help));
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (&text[..unit_at], text[unit_at..].trim());
    let known = UNITS.iter().find(|(name, _)| *name == unit || (unit.is_empty() && *name == "B"));
    if let (Ok(number), Some((_, bytes))) = (number.parse::<u64>(), known) {
        return match number.checked_mul(*bytes) {
            Some(bytes) => Ok(bytes),
            None => wrong("write one below 16 EiB, for example `512MiB`".into()),
        };
    }
    let letter = unit.chars().next().map(|c| c.to_ascii_uppercase()).filter(|c| "KMG".contains(*c));
    match letter {
        Some(letter) if !number.is_empty() && matches!(unit.len(), 1..=3) => {
            let decimal = if letter == 'K' { "kB".to_owned() } else { format!("{letter}B") };
            wrong(format!("write `{number}{letter}iB` (times 1,024) or `{number}{decimal}` (times 1,000)"))
        }
        _ => wrong("write bytes, or a whole number with kB, MB, GB, KiB, MiB or GiB: `10MiB`".into()),
    }
}

/// Bytes as settings write them, in the largest unit without a fraction.
pub(super) fn write_size(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}"),
    }
}

/// An IP address with a port. `usual` is what the help takes for a part that is missing.
pub fn read_address(text: &str, usual: SocketAddr) -> Result<SocketAddr, Wrong> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    let what = |what: &str| format!("`{}` {what}", shown(text));
    let write = |address: SocketAddr| format!("write `{address}`");
    if let Some(address) = unbracketed(text) {
        return Err(Wrong::new(what("has an IPv6 address without brackets"), write(address)));
    }
    if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Err(Wrong::new(what("has no port"), write(SocketAddr::new(ip, usual.port()))));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let rest = rest.split('/').next().unwrap_or(rest);
        return Err(Wrong::new(what("is a URL, and an IP address with a port is needed"), write(guess(rest, usual))));
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Wrong::new(what("is a port without an IP address"), write(guess(&format!(":{text}"), usual))));
    }
    let meant = guess(text, usual);
    match text.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_err() => {
            Err(Wrong::new(what("has a port that is not from 0 to 65535"), write(meant)))
        }
        Some(("", _)) => Err(Wrong::new(what("has no IP address"), write(meant))),
        Some(("*" | "localhost", _)) | None => Err(Wrong::new(what("is not an IP address with a port"), write(meant))),
        Some(_) => {
            let help = format!("names are not looked up here; write an IP address: `{meant}`");
            Err(Wrong::new(what("is not an IP address with a port"), help))
        }
    }
}

/// What `::1:8080` was meant to be: such an address is one without a port, too, but nobody has that in mind.
fn unbracketed(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.rsplit_once(':').filter(|(_, port)| port.len() > 1)?;
    Some(SocketAddr::new(IpAddr::V6(ip.parse().ok()?), port.parse().ok()?))
}

/// The address that was most likely meant.
fn guess(text: &str, usual: SocketAddr) -> SocketAddr {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let ip = match host {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        host => host.parse().unwrap_or(usual.ip()),
    };
    SocketAddr::new(ip, port.parse().unwrap_or(usual.port()))
}

/// The address of a DNS server.
pub(super) fn read_nameserver(text: &str) -> Result<SocketAddr, Wrong> {
    match text.parse::<IpAddr>() {
        Ok(ip) => Ok(SocketAddr::new(ip, DNS_PORT)),
        Err(_) => text.parse::<SocketAddr>().map_err(|_| {
            let help = "write the IP address of a DNS server, for example `169.254.169.253` or `169.254.169.253:53`";
            Wrong::new(format!("`{}` is not an IP address", shown(text)), help)
        }),
    }
}

/// Where DNS servers answer, unless settings say otherwise.
const DNS_PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_both_kinds() {
        for (text, bytes) in [
            ("0", 0),
            ("10485760", 10_485_760),
            ("64B", 64),
            ("10kB", 10_000),
            ("10KB", 10_000),
            ("10KiB", 10_240),
            ("10MB", 10_000_000),
            ("10 MiB", 10_485_760),
            ("2GB", 2_000_000_000),
            ("2GiB", 2_147_483_648),
        ] {
            assert_eq!(read_size(text), Ok(bytes), "{text}");
        }
        for bytes in [0, 1, 1_000, 1_024, 10_485_760, 1 << 30] {
            assert_eq!(read_size(&write_size(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn a_size_that_is_none_says_how_to_write_it() {
        let help = |text: &str| read_size(text).expect_err(text).help;
        assert_eq!(help("10M"), "write `10MiB` (times 1,024) or `10MB` (times 1,000)");
        assert_eq!(help("10mb"), "write `10MiB` (times 1,024) or `10MB` (times 1,000)");
        assert_eq!(help("5k"), "write `5KiB` (times 1,024) or `5kB` (times 1,000)");
        for text in ["", "MiB", "1.5GiB", "-1", "ten", "10 bytes"] {
            assert!(help(text).contains("`10MiB`"), "{text}");
        }
        assert!(help("99999999999GiB").contains("16 EiB"));
    }

    #[test]
    fn a_duration_in_other_words_is_understood_for_the_help() {
        let help = |text: &str| read_duration(text).expect_err(text).help;
        assert_eq!(help("30 sec"), "write `30s`");
        assert_eq!(help("1m30s"), "write `90s`");
        assert_eq!(help("2 minutes"), "write `2m`");
        assert_eq!(help("1day"), "write `24h`");
        assert_eq!(help("100 msec"), "write `100ms`");
        assert!(help("5M").contains("`2m`"));
        assert!(help("soon").contains("a number without a unit is seconds"));
    }

    #[test]
    fn an_address_that_is_none_says_which_was_meant() {
        let usual = SocketAddr::from(([0, 0, 0, 0], 8080));
        let help = |text: &str| read_address(text, usual).expect_err(text).help;
        assert_eq!(help(":8080"), "write `0.0.0.0:8080`");
        assert_eq!(help("8443"), "write `0.0.0.0:8443`");
        assert_eq!(help("*:8443"), "write `0.0.0.0:8443`");
        assert_eq!(help("localhost:9901"), "write `127.0.0.1:9901`");
        assert_eq!(help("localhost"), "write `127.0.0.1:8080`");
        assert_eq!(help("10.0.0.7"), "write `10.0.0.7:8080`");
        assert_eq!(help("::1:8443"), "write `[::1]:8443`");
        assert_eq!(help("2001:db8::17"), "write `[2001:db8::17]:8080`");
        assert_eq!(help("::"), "write `[::]:8080`");
        assert_eq!(help("http://10.0.0.7:80/"), "write `10.0.0.7:80`");
        assert_eq!(help("10.0.0.7:80800"), "write `10.0.0.7:8080`");
        assert!(help("proxy.internal:80").ends_with("`0.0.0.0:80`"));
        assert_eq!(help(""), "write `0.0.0.0:8080`");
    }

    #[test]
    fn a_dns_server_without_a_port_is_asked_on_53() {
        for text in ["169.254.169.253", "169.254.169.253:53"] {
            assert_eq!(read_nameserver(text).expect("an address").to_string(), "169.254.169.253:53");
        }
        assert_eq!(read_nameserver("fd00:ec2::253").expect("an address").to_string(), "[fd00:ec2::253]:53");
        assert!(read_nameserver("dns.internal").is_err());
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for millis in [0, 1, 999, 1_000, 60_000, 90_000, 120_000, 3_600_000, 86_400_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(read_duration(&write_duration(duration)), Ok(duration));
        }
    }
}
