//! AWS's quotas that a plan must keep, and what is said of one that does not. docs/plan.md says which
//! document of AWS states each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotas {
    /// Names of one ACM certificate. Default 10; AWS raises it up to 100.
    pub names_per_certificate: usize,
    /// Certificates of the load balancer's listener. Default 25. An Application Load Balancer does not
    /// count the default certificate, so there it is one more.
    pub certificates_per_listener: usize,
    /// Records of one hosted zone. Default 10,000.
    pub records_per_zone: usize,
    /// Hosted zones of an account. Default 500.
    pub hosted_zones: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Quotas { names_per_certificate: 10, certificates_per_listener: 25, records_per_zone: 10_000, hosted_zones: 500 }
    }
}

/// One of the quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    /// [`Quotas::hosted_zones`]
    HostedZones,
    /// [`Quotas::records_per_zone`]
    RecordsPerZone,
    /// [`Quotas::names_per_certificate`]
    NamesPerCertificate,
    /// [`Quotas::certificates_per_listener`]
    CertificatesPerListener,
}

impl Quota {
    /// All of them.
    pub const ALL: [Quota; 4] =
        [Quota::HostedZones, Quota::RecordsPerZone, Quota::NamesPerCertificate, Quota::CertificatesPerListener];

    /// As the command line names it.
    pub fn name(self) -> &'static str {
        match self {
            Quota::HostedZones => "hosted-zones",
            Quota::RecordsPerZone => "records-per-zone",
            Quota::NamesPerCertificate => "names-per-certificate",
            Quota::CertificatesPerListener => "certificates-per-listener",
        }
    }

    /// The most that it can be raised to; where AWS names no bound, as much as anybody needs.
    pub fn most(self) -> usize {
        if self == Quota::NamesPerCertificate { 100 } else { 1_000_000 }
    }

    /// Its place in a set of them.
    pub fn of(self, quotas: &mut Quotas) -> &mut usize {
        match self {
            Quota::HostedZones => &mut quotas.hosted_zones,
            Quota::RecordsPerZone => &mut quotas.records_per_zone,
            Quota::NamesPerCertificate => &mut quotas.names_per_certificate,
            Quota::CertificatesPerListener => &mut quotas.certificates_per_listener,
        }
    }

    /// Reads `certificates-per-listener=50`.
    pub fn parse(text: &str) -> Result<(Quota, usize), String> {
        let names = Quota::ALL.map(Quota::name).join(", ");
        let (name, number) =
            text.split_once('=').ok_or("write NAME=NUMBER, for example certificates-per-listener=50")?;
        let quota = Quota::ALL.into_iter().find(|quota| quota.name() == name);
        let quota = quota.ok_or_else(|| format!("there is no quota `{name}`: it is one of {names}"))?;
        let most = quota.most();
        let number = number.parse().ok().filter(|number| (1..=most).contains(number));
        number.map(|number| (quota, number)).ok_or_else(|| format!("{name} is a number from 1 to {most}"))
    }
}

/// A quota that the plan does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverQuota {
    /// Which.
    pub quota: Quota,
    /// How many the mapping needs.
    pub needed: usize,
    /// How many there may be.
    pub allowed: usize,
    /// What they are, in words.
    pub of: String,
    /// What most of them come from, in words.
    pub biggest: String,
    /// What to do, in one line.
    pub help: String,
}

/// As the command line prints it, after the mapping's name; no line break at the end.
impl fmt::Display for OverQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OverQuota { quota, needed, allowed, of, biggest, help } = self;
        writeln!(f, "error: the mapping needs {needed} {of}; the quota `{}` allows {allowed}", quota.name())?;
        write!(f, "    {biggest}\n  help: {help}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_said_by_name_and_number() {
        let mut quotas = Quotas::default();
        for (text, want) in [
            ("hosted-zones=501", Quota::HostedZones),
            ("records-per-zone=1", Quota::RecordsPerZone),
            ("names-per-certificate=100", Quota::NamesPerCertificate),
            ("certificates-per-listener=50", Quota::CertificatesPerListener),
        ] {
            let (quota, number) = Quota::parse(text).expect(text);
            assert_eq!(quota, want);
            *quota.of(&mut quotas) = number;
        }
        let want = Quotas {
            names_per_certificate: 100,
            certificates_per_listener: 50,
            records_per_zone: 1,
            hosted_zones: 501,
        };
        assert_eq!(quotas, want);
    }

    #[track_caller]
    fn fault(text: &str, want: &str) {
        let fault = Quota::parse(text).expect_err(text);
        assert!(fault.contains(want), "{text}: {fault}");
    }

    #[test]
    fn what_is_no_quota_says_why() {
        fault("hosted-zones", "write NAME=NUMBER");
        fault("zones=5", "there is no quota `zones`: it is one of hosted-zones, records-per-zone,");
        fault("hosted-zones=0", "hosted-zones is a number from 1 to 1000000");
        fault("names-per-certificate=101", "names-per-certificate is a number from 1 to 100");
        fault("hosted-zones=x", "hosted-zones is a number");
    }
}
