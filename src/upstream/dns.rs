//! The questions that name servers are asked, and their answers in our own words.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::ResponseCode;

use super::lookup::{Absence, Answers, Family, Reply};
use crate::telemetry::metrics::Metrics;
use nameplate_core::settings::{self, IpFamily};

/// The resolver, the record types to query, and the limits of an answer's TTL.
pub(crate) struct Dns {
    resolver: TokioResolver,
    families: Vec<Family>,
    min_ttl: Duration,
    max_ttl: Duration,
    /// The port of each address that is found.
    pub(super) port: u16,
    /// Where look-ups are counted.
    pub(super) metrics: Arc<Metrics>,
}

impl Dns {
    pub(crate) fn new(settings: &settings::Endpoint, metrics: &Arc<Metrics>) -> Result<Dns, String> {
        let mut builder = if settings.nameservers.is_empty() {
            TokioResolver::builder_tokio().map_err(|e| e.to_string())?
        } else {
            let servers = settings.nameservers.iter().map(name_server).collect();
            let config = ResolverConfig::from_parts(None, vec![], servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        // We look up when the TTL has run out, so a cached answer could only be a stale one.
        options.cache_size = 0;
        options.timeout = Duration::from_secs(2);
        options.attempts = 2;
        Ok(Dns {
            resolver: builder.build().map_err(|e| e.to_string())?,
            families: families(settings.ip_family, has_ipv6_route),
            min_ttl: settings.min_ttl,
            max_ttl: settings.max_ttl,
            port: settings.port,
            metrics: Arc::clone(metrics),
        })
    }

    /// The questions about a name; nothing is asked yet.
    pub(crate) fn answers(&self, name: &str, absence: Absence) -> Answers {
        Answers::new(name.trim_end_matches('.').to_owned(), &self.families, absence, (self.min_ttl, self.max_ttl))
    }

    /// Asks one question.
    pub(crate) async fn ask(&self, name: &str, family: Family) -> Reply {
        // A name that ends in a dot is looked up as it is, without the search domains of resolv.conf.
        let absolute = format!("{}.", name.trim_end_matches('.'));
        let outcome = match family {
            Family::V4 => self.resolver.ipv4_lookup(absolute).await,
            Family::V6 => self.resolver.ipv6_lookup(absolute).await,
        };
        match outcome {
            Ok(answer) => {
                let found = answer.answers().iter().filter_map(|record| record.data.ip_addr());
                let of_family = |address: &IpAddr| address.is_ipv4() == (family == Family::V4);
                let ttl = answer.valid_until().saturating_duration_since(Instant::now());
                Reply::Addresses(found.filter(of_family).collect(), ttl)
            }
            Err(e) => reply_to(&e),
        }
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let on_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    NameServerConfig::new(address.ip(), true, vec![on_port(ConnectionConfig::udp()), on_port(ConnectionConfig::tcp())])
}

/// The questions to ask. `auto` asks for AAAA records only where their addresses could be reached.
fn families(setting: IpFamily, has_ipv6_route: impl Fn() -> bool) -> Vec<Family> {
    match setting {
        IpFamily::Ipv4 => vec![Family::V4],
        IpFamily::Ipv6 => vec![Family::V6],
        IpFamily::Both => vec![Family::V4, Family::V6],
        IpFamily::Auto if has_ipv6_route() => vec![Family::V4, Family::V6],
        IpFamily::Auto => vec![Family::V4],
    }
}

/// Reports whether the system has a route to global IPv6 addresses, and an address to send from.
fn has_ipv6_route() -> bool {
    // An address of the global range; connecting a UDP socket sends nothing.
    const SOMEWHERE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let source = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
        .and_then(|socket| socket.connect((SOMEWHERE, 53)).and_then(|()| socket.local_addr()));
    match source.map(|source| source.ip()) {
        Ok(IpAddr::V6(source)) => !source.is_loopback() && !source.is_unspecified() && !is_link_local(source),
        _ => false,
    }
}

fn is_link_local(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xffc0 == 0xfe80
}

/// What an error of the resolver means.
fn reply_to(e: &NetError) -> Reply {
    let why = match e {
        NetError::Dns(DnsError::NoRecordsFound(NoRecords { response_code: ResponseCode::NXDomain, .. })) => {
            return Reply::NoName;
        }
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            return Reply::NoRecords(none.negative_ttl.map(|ttl| Duration::from_secs(ttl.into())));
        }
        NetError::Dns(DnsError::ResponseCode(code)) => format!("was answered {}", code_name(*code)),
        NetError::Timeout => "got no answer in time".to_owned(),
        NetError::NoConnections => "reached no name server".to_owned(),
        NetError::Io(e) => format!("could not be sent, or its answer not read: {e}"),
        NetError::Truncated => "was answered with too much for UDP, and TCP failed".to_owned(),
        NetError::Proto(_) => "was answered with something that is not DNS".to_owned(),
        _ => format!("failed in the resolver ({})", e.as_metrics_label()),
    };
    Reply::Failed(why)
}

/// The name of a response code, as `dig` writes it.
fn code_name(code: ResponseCode) -> String {
    match code {
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        ResponseCode::Refused => "REFUSED".into(),
        ResponseCode::NotAuth => "NOTAUTH".into(),
        other => format!("response code {}", u16::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aaaa_is_asked_where_there_is_a_route_or_by_setting() {
        let both = vec![Family::V4, Family::V6];
        for (setting, with, without) in [
            (IpFamily::Auto, both.clone(), vec![Family::V4]),
            (IpFamily::Ipv4, vec![Family::V4], vec![Family::V4]),
            (IpFamily::Ipv6, vec![Family::V6], vec![Family::V6]),
            (IpFamily::Both, both.clone(), both),
        ] {
            assert_eq!((families(setting, || true), families(setting, || false)), (with, without), "{setting:?}");
        }
    }

    #[test]
    fn errors_are_in_our_own_words() {
        let refused = NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused));
        assert_eq!(reply_to(&refused), Reply::Failed("was answered REFUSED".into()));
        assert_eq!(reply_to(&NetError::Timeout), Reply::Failed("got no answer in time".into()));
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let Reply::Failed(why) = reply_to(&NetError::from(broken)) else { panic!("no failure") };
        assert!(why.starts_with("could not be sent, or its answer not read: "), "{why}");
    }
}
