//! The certificates of the custom domains.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::kind::{Kind, OF_CERTIFICATES, Severity};
use super::observed::{Certificate, Look, Observed};
use super::report::{Lines, Report};
use crate::names::certificate_name;
use crate::zones::domains;
use nameplate_core::domain::route::Route;

const DAY: u64 = 24 * 60 * 60;

pub(super) fn check(observed: &Observed, report: &mut Report<'_>) {
    if !report.wants(&OF_CERTIFICATES) {
        return;
    }
    let certificates: &[Certificate] = match &observed.certificates {
        Look::Found(certificates) => certificates,
        Look::Gone => &[],
        Look::Unknown(reason) => {
            let all = report.of_routes("certificates".to_owned(), report.mapping.table.routes().into_iter());
            return report.add_unknown(&OF_CERTIFICATES, all, reason);
        }
    };
    let mut ending: BTreeMap<&str, (&Certificate, Vec<&Route>)> = BTreeMap::new();
    let mut missing: BTreeMap<String, (Option<&Certificate>, Vec<&Route>)> = BTreeMap::new();
    for domain in domains(report.mapping.table) {
        let routes = report.mapping.table.routes_named(domain.as_bytes());
        // A certificate has the name itself, or the wildcard for its first label.
        let wildcard = domain.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let covers = |of: &&Certificate| {
            of.names.contains(domain) || wildcard.as_ref().is_some_and(|wildcard| of.names.contains(wildcard))
        };
        let of_domain = certificates.iter().filter(|of| of.end.is_some()).filter(covers);
        // Of several in use, the load balancer chooses; nothing fails before the last one ends.
        let last = of_domain.clone().filter(|of| of.is_used).max_by_key(|of| of.end);
        match last {
            Some(last) if last.end > Some(observed.now + report.options.before_end) => {}
            Some(last) => ending.entry(&last.arn).or_insert_with(|| (last, Vec::new())).1.extend(routes),
            None => {
                let unused = of_domain.max_by_key(|of| of.end);
                let named = missing.entry(certificate_name(domain)).or_insert_with(|| (unused, Vec::new()));
                named.1.extend(routes);
            }
        }
    }
    for (name, (unused, routes)) in missing {
        let has = match unused {
            Some(unused) => format!("{} has the name, and no load balancer uses it", unused.arn),
            None => "no certificate of this region has the name".to_owned(),
        };
        let lines = Lines {
            has,
            wants: format!("a certificate for {name} at the load balancer"),
            fix: "deploy the plan of this mapping (nameplate plan), or import a certificate; if TLS ends elsewhere, \
                  --ignore certificate_missing"
                .to_owned(),
        };
        report.add(Kind::CertificateMissing, Severity::Outage, report.of_routes(name, routes.into_iter()), lines);
    }
    for (certificate, routes) in ending.into_values() {
        let (severity, has) = left(certificate, observed.now);
        let days = report.options.before_end.as_secs() / DAY;
        let lines = Lines {
            has,
            wants: format!("a certificate that is good for {days} days more"),
            fix:
                "restore the validation records that `aws acm describe-certificate` prints, so that ACM renews it; an \
                  imported one has to be imported anew"
                    .to_owned(),
        };
        let subject = report.of_routes(certificate.arn.clone(), routes.into_iter());
        report.add(Kind::CertificateEnding, severity, subject, lines);
    }
}

/// How bad it is, and how long the certificate is good, or for how long it has not been.
fn left(certificate: &Certificate, now: SystemTime) -> (Severity, String) {
    let end = certificate.end.unwrap_or(now);
    let days = |time: Duration| match time.as_secs() / DAY {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    match end.duration_since(now) {
        Ok(left) if !left.is_zero() => (Severity::Risk, format!("it ends in {}", days(left))),
        Ok(_) => (Severity::Outage, "it has ended".to_owned()),
        Err(ago) => (Severity::Outage, format!("it ended {} ago", days(ago.duration()))),
    }
}
