//! What stands around Nameplate in one account and region: VPC endpoints, private hosted zones, certificates.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};

use super::calls::{CERTIFICATE, CERTIFICATES, HOSTED_ZONES, RECORD_SETS, VPC_ENDPOINTS};
use super::gateway::{Fault, pages};
use super::session::Session;
use super::signed::Request;

/// The version of EC2's API.
const EC2: &str = "2016-11-15";

/// The keys of certificates that are listed. Without them, ACM lists some RSA keys alone.
const KEY_TYPES: [&str; 7] =
    ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"];

/// Types of records that lead to an address.
const ADDRESSES: [&str; 3] = ["A", "AAAA", "CNAME"];

/// A VPC endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedEndpoint {
    /// Its id.
    #[serde(rename = "vpcEndpointId")]
    pub id: String,
    /// `available`, `pending` and so on.
    #[serde(default)]
    pub state: String,
    /// The service that it leads to.
    #[serde(rename = "serviceName", default)]
    pub service: String,
}

/// A private hosted zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedZone {
    /// Its id, without what stands before it in lists.
    pub id: String,
    /// Its name, in lower case and without a dot at the end.
    pub name: String,
}

/// The names of a zone's records, in lower case and without a dot at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecordNames {
    /// Those that have an address.
    pub addresses: BTreeSet<String>,
    /// Those that have records of other types only.
    pub others: BTreeSet<String>,
}

impl RecordNames {
    fn of(records: Vec<RecordSet>) -> RecordNames {
        let (addresses, others): (Vec<_>, Vec<_>) = records.into_iter().partition(|of| ADDRESSES.contains(&&*of.kind));
        let names = |of: Vec<RecordSet>| of.into_iter().map(|of| plain_name(&of.name)).collect::<BTreeSet<_>>();
        let (addresses, mut others) = (names(addresses), names(others));
        others.retain(|name| !addresses.contains(name));
        RecordNames { addresses, others }
    }
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedCertificate {
    /// Its ARN.
    pub arn: String,
    /// Its names, in lower case.
    pub names: BTreeSet<String>,
    /// Whether something uses it.
    pub is_used: bool,
    /// When it ends; none where it is neither issued nor expired.
    pub end: Option<SystemTime>,
}

impl Session {
    /// Every VPC endpoint of this account and region.
    pub(crate) async fn vpc_endpoints(&self) -> Result<Vec<ListedEndpoint>, Fault> {
        pages(async |token| {
            let mut parameters = vec![("MaxResults", "1000")];
            parameters.extend(token.as_deref().map(|token| ("NextToken", token)));
            let page: EndpointsPage = self.xml(&Request::query(&VPC_ENDPOINTS, EC2, &parameters)).await?;
            Ok((page.vpc_endpoint_set.item, page.next_token.filter(|token| !token.is_empty())))
        })
        .await
    }

    /// Every private hosted zone of this account.
    pub(crate) async fn private_zones(&self) -> Result<Vec<ListedZone>, Fault> {
        let zones = pages(async |marker| {
            let mut parameters = vec![("maxitems", "100")];
            parameters.extend(marker.as_deref().map(|marker| ("marker", marker)));
            let page: ZonesPage = self.xml(&Request::get(&HOSTED_ZONES, "/2013-04-01/hostedzone", &parameters)).await?;
            Ok((page.hosted_zones.hosted_zone, page.next_marker.filter(|_| page.is_truncated)))
        });
        let private = zones.await?.into_iter().filter(|zone| zone.config.as_ref().is_some_and(|of| of.private_zone));
        let listed = |zone: HostedZone| ListedZone {
            id: zone.id.rsplit('/').next().unwrap_or_default().to_owned(),
            name: plain_name(&zone.name),
        };
        Ok(private.map(listed).collect())
    }

    /// The names of a zone's records.
    pub(crate) async fn record_names(&self, zone: &ListedZone) -> Result<RecordNames, Fault> {
        let path = format!("/2013-04-01/hostedzone/{}/rrset", zone.id);
        let records = pages(async |next: Option<NextRecord>| {
            let mut parameters = vec![("maxitems", "300")];
            if let Some(NextRecord { name, kind, identifier }) = &next {
                parameters.extend([("name", &**name), ("type", &**kind)]);
                parameters.extend(identifier.as_deref().map(|identifier| ("identifier", identifier)));
            }
            let page: RecordsPage = self.xml(&Request::get(&RECORD_SETS, &path, &parameters)).await?;
            let next = page.next_record_name.filter(|_| page.is_truncated).map(|name| NextRecord {
                name,
                kind: page.next_record_type.unwrap_or_default(),
                identifier: page.next_record_identifier,
            });
            Ok((page.resource_record_sets.resource_record_set, next))
        });
        Ok(RecordNames::of(records.await?))
    }

    /// Every certificate of this account and region.
    pub(crate) async fn certificates(&self) -> Result<Vec<ListedCertificate>, Fault> {
        let summaries = pages(async |token: Option<String>| {
            let mut body = json!({ "MaxItems": 1000, "Includes": { "keyTypes": KEY_TYPES } });
            if let Some(token) = token {
                body["NextToken"] = token.into();
            }
            let page: CertificatesPage = self.json(&Request::json(&CERTIFICATES, "CertificateManager", &body)).await?;
            Ok((page.certificate_summary_list, page.next_token))
        });
        let mut certificates = Vec::new();
        for summary in summaries.await? {
            let certificate = match summary.is_whole() {
                true => summary,
                false => self.certificate(&summary.certificate_arn).await?,
            };
            certificates.push(certificate.listed());
        }
        Ok(certificates)
    }

    /// A certificate that the list does not say everything of.
    async fn certificate(&self, arn: &str) -> Result<CertificateSummary, Fault> {
        let body = json!({ "CertificateArn": arn });
        let described: Described = self.json(&Request::json(&CERTIFICATE, "CertificateManager", &body)).await?;
        Ok(described.certificate)
    }
}

// What AWS always sends is required, so that another server's page is no empty list.

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndpointsPage {
    vpc_endpoint_set: EndpointSet,
    next_token: Option<String>,
}

#[derive(Default, Deserialize)]
struct EndpointSet {
    #[serde(default)]
    item: Vec<ListedEndpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ZonesPage {
    hosted_zones: HostedZones,
    is_truncated: bool,
    next_marker: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostedZones {
    #[serde(default)]
    hosted_zone: Vec<HostedZone>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostedZone {
    id: String,
    name: String,
    config: Option<ZoneConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ZoneConfig {
    #[serde(default)]
    private_zone: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordsPage {
    resource_record_sets: RecordSets,
    is_truncated: bool,
    next_record_name: Option<String>,
    next_record_type: Option<String>,
    next_record_identifier: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordSets {
    #[serde(default)]
    resource_record_set: Vec<RecordSet>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordSet {
    name: String,
    #[serde(rename = "Type")]
    kind: String,
}

/// Where the next page of records begins.
#[derive(Clone, PartialEq)]
struct NextRecord {
    name: String,
    kind: String,
    identifier: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CertificatesPage {
    certificate_summary_list: Vec<CertificateSummary>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    certificate: CertificateSummary,
}

/// A certificate, as a list or its description has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CertificateSummary {
    certificate_arn: String,
    #[serde(default)]
    domain_name: String,
    #[serde(alias = "SubjectAlternativeNameSummaries")]
    subject_alternative_names: Option<Vec<String>>,
    #[serde(default)]
    has_additional_subject_alternative_names: bool,
    #[serde(default)]
    status: String,
    in_use: Option<bool>,
    in_use_by: Option<Vec<Value>>,
    not_after: Option<f64>,
}

impl CertificateSummary {
    /// Whether it was issued, now or once.
    fn is_issued(&self) -> bool {
        matches!(&*self.status, "ISSUED" | "EXPIRED")
    }

    /// Whether it says everything that is asked of it. Of what was never issued nothing is.
    fn is_whole(&self) -> bool {
        let has_all = self.subject_alternative_names.is_some() && self.in_use.is_some() && self.not_after.is_some();
        !self.is_issued() || (has_all && !self.has_additional_subject_alternative_names)
    }

    fn listed(self) -> ListedCertificate {
        let end = self.not_after.filter(|_| self.is_issued());
        let is_used = self.in_use.unwrap_or_else(|| self.in_use_by.as_ref().is_some_and(|by| !by.is_empty()));
        let names = self.subject_alternative_names.unwrap_or_default().into_iter().chain([self.domain_name]);
        ListedCertificate {
            names: names.filter(|name| !name.is_empty()).map(|name| plain_name(&name)).collect(),
            arn: self.certificate_arn,
            is_used,
            // A time that no clock can have is as good as none.
            end: end.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds as u64))),
        }
    }
}

/// A name in lower case and without a dot at the end. Route 53 writes what is not a letter, a digit, `-`, `_` or `.` as
/// `\` and three octal digits: a wildcard's `*` is `\052` (Route 53 Developer Guide, "DNS domain name format").
fn plain_name(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
    let mut plain = String::with_capacity(name.len());
    let mut rest = &*name;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let length = match code {
            Some(code) => {
                plain.push(char::from(code));
                4
            }
            None => {
                plain.push('\\');
                1
            }
        };
        rest = &rest[at + length..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_route_53_writes_it() {
        assert_eq!(plain_name("\\052.In.Example.com."), "*.in.example.com");
        assert_eq!(plain_name("pay.example.com"), "pay.example.com");
        assert_eq!(plain_name("a\\b.example.com."), "a\\b.example.com");
    }

    #[test]
    fn a_list_that_says_little_is_asked_again() {
        let of = |text: &str| serde_json::from_str::<CertificateSummary>(text).expect("a certificate");
        let listed = of(
            r#"{"CertificateArn":"arn:1","DomainName":"*.IN.example.com","SubjectAlternativeNameSummaries":["*.in.example.com"],"Status":"ISSUED","InUse":true,"NotAfter":1.8e9}"#,
        );
        assert!(listed.is_whole());
        let listed = listed.listed();
        assert_eq!(listed.names, ["*.in.example.com".to_owned()].into());
        assert_eq!(
            (listed.is_used, listed.end),
            (true, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)))
        );
        assert!(!of(r#"{"CertificateArn":"arn:1","DomainName":"a.example.com","Status":"ISSUED"}"#).is_whole());
        let pending = of(r#"{"CertificateArn":"arn:1","DomainName":"a.example.com","Status":"PENDING_VALIDATION"}"#);
        assert!(pending.is_whole());
        assert_eq!(pending.listed().end, None);
        let described = of(
            r#"{"CertificateArn":"arn:1","DomainName":"a.example.com","SubjectAlternativeNames":[],"Status":"EXPIRED","InUseBy":["arn:lb"],"NotAfter":1.0}"#,
        );
        let described = described.listed();
        assert!(described.is_used && described.end.is_some());
    }

    #[test]
    fn a_certificate_with_an_absurd_end_is_read() {
        let text =
            r#"{"CertificateArn":"arn:1","SubjectAlternativeNames":[],"Status":"ISSUED","InUse":true,"NotAfter":1e30}"#;
        let of: CertificateSummary = serde_json::from_str(text).expect("a certificate");
        assert_eq!(of.listed().end, None);
    }

    #[test]
    fn a_name_with_other_records_only_is_kept_apart() {
        let of = |name: &str, kind: &str| RecordSet { name: name.to_owned(), kind: kind.to_owned() };
        let names = RecordNames::of(vec![of("a.b.", "A"), of("a.b.", "TXT"), of("c.b.", "TXT")]);
        assert_eq!((names.addresses, names.others), (["a.b".to_owned()].into(), ["c.b".to_owned()].into()));
    }

    #[test]
    fn responses_in_xml_are_read() {
        let endpoints: EndpointsPage = quick_xml::de::from_str(
            "<DescribeVpcEndpointsResponse xmlns=\"x\"><requestId>1</requestId><vpcEndpointSet><item><vpcEndpointId>vpce-1\
             </vpcEndpointId><vpcEndpointType>Interface</vpcEndpointType><serviceName>com.amazonaws.eu-west-1.execute-api\
             </serviceName><state>available</state><routeTableIdSet/></item></vpcEndpointSet></DescribeVpcEndpointsResponse>",
        )
        .expect("endpoints");
        let found = &endpoints.vpc_endpoint_set.item[0];
        assert_eq!((&*found.id, &*found.state), ("vpce-1", "available"));
        let none: EndpointsPage =
            quick_xml::de::from_str("<R><requestId>1</requestId><vpcEndpointSet/></R>").expect("no endpoints");
        assert!(none.vpc_endpoint_set.item.is_empty());
        assert!(quick_xml::de::from_str::<EndpointsPage>("<html><body>Blocked</body></html>").is_err());
        let records: RecordsPage = quick_xml::de::from_str(
            "<R><ResourceRecordSets><ResourceRecordSet><Name>\\052.a.</Name><Type>A</Type><AliasTarget><DNSName>x</DNSName>\
             </AliasTarget></ResourceRecordSet><ResourceRecordSet><Name>a.</Name><Type>NS</Type><TTL>1</TTL>\
             </ResourceRecordSet></ResourceRecordSets><IsTruncated>true</IsTruncated><MaxItems>2</MaxItems>\
             <NextRecordName>b.</NextRecordName><NextRecordType>A</NextRecordType></R>",
        )
        .expect("records");
        assert_eq!(records.resource_record_sets.resource_record_set.len(), 2);
        assert!(records.is_truncated && records.next_record_name.as_deref() == Some("b."));
        let zones: ZonesPage = quick_xml::de::from_str(
            "<R><HostedZones><HostedZone><Id>/hostedzone/Z1</Id><Name>a.</Name><CallerReference>r</CallerReference><Config>\
             <Comment/><PrivateZone>true</PrivateZone></Config></HostedZone></HostedZones><IsTruncated>false</IsTruncated></R>",
        )
        .expect("zones");
        assert!(zones.hosted_zones.hosted_zone[0].config.as_ref().is_some_and(|of| of.private_zone));
    }
}
