//! What AWS has of the stories' mapping. Each story changes one thing of it.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{REGION, VPCE};
use crate::harness::aws::{FakeAws, HUB};
use nameplate_core::mapping::load::version_of;

/// The account that the APIs are in.
pub const TEAM: &str = "111122223333";

pub struct Api {
    pub id: &'static str,
    pub name: &'static str,
    pub kind: &'static str,
    pub endpoint_ids: Vec<&'static str>,
    /// As it was put, in the short form.
    pub policy: String,
    pub stages: Vec<Stage>,
    /// Ids and descriptions.
    pub deployments: Vec<(&'static str, String)>,
}

pub struct Stage {
    pub name: &'static str,
    pub deployment: &'static str,
    pub canary: Option<&'static str>,
    /// The policy of its export.
    pub exported: Option<String>,
}

pub struct Aws {
    pub apis: Vec<Api>,
    /// Ids and states.
    pub vpc_endpoints: Vec<(&'static str, &'static str)>,
    /// Names, whether they are private, and the names of their address records.
    pub zones: Vec<(&'static str, bool, Vec<&'static str>)>,
    /// Names, whether they are in use, and how many days they are good.
    pub certificates: Vec<(&'static str, bool, i64)>,
}

/// The policy of an API that lets in these resources.
pub fn policy(resources: &[&str]) -> String {
    let resources = match resources {
        [one] => json!(one),
        more => json!(more),
    };
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*","Condition":{{"StringNotEquals":{{"aws:SourceVpce":["{VPCE}"]}}}}}},{{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":{resources}}}]}}"#
    )
}

/// What `nameplate policy apply` describes a deployment with.
pub fn description(policy: &str, stage: &str) -> String {
    format!("nameplate policy {} of mapping {} for stage {stage}", version_of(policy.as_bytes()), version_of(b"some"))
}

impl Aws {
    /// As the mapping of the stories needs it.
    pub fn faithful() -> Aws {
        let orders = policy(&["execute-api:/dev/GET/a", "execute-api:/dev/GET/a/*", "execute-api:/prod/*"]);
        let shop = policy(&["execute-api:/v1/*"]);
        let api = |id, name, policy: String, stages: &[&'static str]| Api {
            id,
            name,
            kind: "PRIVATE",
            endpoint_ids: vec![VPCE],
            deployments: vec![("old1", "by hand".to_owned()), ("dep1", description(&policy, stages[0]))],
            stages: stages
                .iter()
                .map(|name| Stage { name, deployment: "dep1", canary: None, exported: None })
                .collect(),
            policy,
        };
        Aws {
            apis: vec![
                api("abc111", "orders", orders, &["dev", "prod"]),
                api("def222", "shop", shop, &["v1"]),
                api("fff999", "not mapped", policy(&["execute-api:/*"]), &["dev"]),
            ],
            vpc_endpoints: vec![(VPCE, "available")],
            zones: vec![
                ("in.example.com", true, vec!["*.in.example.com"]),
                ("example.com", false, vec!["www.example.com"]),
                ("far.example.org", true, vec![]),
            ],
            certificates: vec![("*.in.example.com", true, 200)],
        }
    }

    pub fn api(&mut self, id: &str) -> &mut Api {
        self.apis.iter_mut().find(|api| api.id == id).expect("an API")
    }

    /// Puts it into the stand-in: the APIs into this account, everything else into that of the credentials at hand.
    pub fn put(&self, account: &str, fake: &FakeAws) {
        self.apis.iter().for_each(|api| api.put(account, fake));
        let endpoints: String = self.vpc_endpoints.iter().map(vpc_endpoint).collect();
        let body = format!("<R><requestId>1</requestId><vpcEndpointSet>{endpoints}</vpcEndpointSet></R>");
        fake.answers(HUB, REGION, "DescribeVpcEndpoints", &body);
        // Route 53 is in one region.
        let zones: String = self.zones.iter().map(|(name, is_private, _)| zone(name, *is_private)).collect();
        let body = format!("<R><HostedZones>{zones}</HostedZones><IsTruncated>false</IsTruncated></R>");
        fake.answers(HUB, "us-east-1", "/2013-04-01/hostedzone", &body);
        for (name, _, records) in &self.zones {
            let records: String = records.iter().map(|name| record(name)).collect();
            let records = format!("<ResourceRecordSets>{}{records}</ResourceRecordSets>", record_of(name, "SOA"));
            let path = format!("/2013-04-01/hostedzone/{}/rrset", zone_id(name));
            fake.answers(HUB, "us-east-1", &path, &format!("<R>{records}<IsTruncated>false</IsTruncated></R>"));
        }
        let certificates: Vec<Value> = self.certificates.iter().map(certificate).collect();
        let body = json!({ "CertificateSummaryList": certificates });
        fake.answers(HUB, REGION, "ListCertificates", &body.to_string());
    }
}

impl Api {
    /// Somebody deploys every stage, and says nothing of the policy.
    pub fn is_released_by_hand(&mut self) {
        self.deployments.push(("hand1", "release 7".to_owned()));
        self.stages.iter_mut().for_each(|stage| stage.deployment = "hand1");
    }

    fn put(&self, account: &str, fake: &FakeAws) {
        let Api { id, name, kind, endpoint_ids, policy, stages, deployments } = self;
        let endpoints = json!({ "types": [kind], "vpcEndpointIds": endpoint_ids });
        let mut api =
            json!({ "id": id, "name": name, "createdDate": 1_700_000_000, "endpointConfiguration": endpoints });
        if !policy.is_empty() {
            // As a text inside of a text, with whole ARNs and slashes escaped.
            api["policy"] = self.kept(account, policy).replace('"', "\\\"").replace('/', "\\/").into();
        }
        fake.has(account, REGION, "/restapis", api);
        for Stage { name, deployment, canary, exported } in stages {
            let mut stage = json!({ "stageName": name, "deploymentId": deployment });
            if let Some(canary) = canary {
                stage["canarySettings"] = json!({ "percentTraffic": 10.0, "deploymentId": canary });
            }
            fake.has(account, REGION, &format!("/restapis/{id}/stages"), stage);
            if let Some(policy) = exported {
                let policy: Value = serde_json::from_str(&self.kept(account, policy)).expect("JSON");
                let export = json!({ "openapi": "3.0.1", "paths": {}, "x-amazon-apigateway-policy": policy });
                let path = format!("/restapis/{id}/stages/{name}/exports/oas30");
                fake.answers(account, REGION, &path, &export.to_string());
            }
        }
        for (at, (deployment, description)) in deployments.iter().enumerate() {
            let item = json!({ "id": deployment, "description": description, "createdDate": 1_700_000_000 + at });
            fake.has(account, REGION, &format!("/restapis/{id}/deployments"), item);
        }
    }

    fn kept(&self, account: &str, policy: &str) -> String {
        policy.replace("execute-api:/", &format!("arn:aws:execute-api:{REGION}:{account}:{}/", self.id))
    }
}

fn vpc_endpoint((id, state): &(&str, &str)) -> String {
    format!(
        "<item><vpcEndpointId>{id}</vpcEndpointId><vpcEndpointType>Interface</vpcEndpointType><vpcId>vpc-1</vpcId>\
         <serviceName>com.amazonaws.{REGION}.execute-api</serviceName><state>{state}</state></item>"
    )
}

fn zone_id(name: &str) -> String {
    format!("Z{}", name.replace('.', "").to_uppercase())
}

fn zone(name: &str, is_private: bool) -> String {
    format!(
        "<HostedZone><Id>/hostedzone/{}</Id><Name>{name}.</Name><CallerReference>r</CallerReference><Config>\
         <PrivateZone>{is_private}</PrivateZone></Config><ResourceRecordSetCount>2</ResourceRecordSetCount></HostedZone>",
        zone_id(name)
    )
}

fn record(name: &str) -> String {
    record_of(&name.replace('*', "\\052"), "A")
}

fn record_of(name: &str, kind: &str) -> String {
    format!(
        "<ResourceRecordSet><Name>{name}.</Name><Type>{kind}</Type><AliasTarget><DNSName>lb.</DNSName></AliasTarget>\
         </ResourceRecordSet>"
    )
}

fn certificate((name, is_used, days): &(&str, bool, i64)) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs() as i64;
    json!({
        "CertificateArn": format!("arn:aws:acm:{REGION}:{HUB}:certificate/1"),
        "DomainName": name, "SubjectAlternativeNameSummaries": [name], "HasAdditionalSubjectAlternativeNames": false,
        "Status": if *days < 0 { "EXPIRED" } else { "ISSUED" }, "InUse": is_used, "NotAfter": now + days * 86_400 + 3_600,
    })
}
