//! What findings say, case by case.

use std::time::Duration;

use super::super::comparison::{Mapping, Options};
use super::super::drift;
use super::super::kind::{Kind, Severity};
use super::super::observed::{Certificate, Look, Observed, Reason, RestApi, Stage, VpcEndpoint};
use super::changes::change;
use super::{DAY, NOW, faithful, found, ids, owner, table};
use nameplate_core::domain::table::MappingTable;

const API: &str = "abc111.execute-api.eu-west-1.amazonaws.com";

/// Two owners of one API, and a third of another one.
fn three() -> MappingTable {
    let (dev, prod) = (format!("{API}/dev/a"), format!("{API}/prod"));
    table(&[
        ("pay.in.example.com", &dev, "GET", "default"),
        ("web.in.example.com/shop", &prod, "ANY", "default"),
        ("ops.in.example.com", "def222.execute-api.eu-west-1.amazonaws.com/v1", "ANY", "far"),
    ])
}

fn api<'o>(observed: &'o mut Observed, id: &str) -> &'o mut RestApi {
    match observed.apis.get_mut(&("eu-west-1".to_owned(), id.to_owned())) {
        Some(Look::Found(api)) => api,
        other => panic!("{other:?}"),
    }
}

fn stage(api: &mut RestApi, at: usize) -> &mut Stage {
    match &mut api.stages {
        Look::Found(stages) => &mut stages[at],
        other => panic!("{other:?}"),
    }
}

/// The findings, each as kind, severity, owners and what AWS has.
fn told(table: &MappingTable, observed: &Observed) -> Vec<String> {
    let drift = found(table, observed);
    assert_eq!(drift.unknown, []);
    let line = |of: &super::super::finding::Finding| {
        format!("{} {} [{}] {}", of.kind.name(), of.severity.name(), of.subject.owners.join(" "), of.has)
    };
    drift.findings.iter().map(line).collect()
}

fn changed(change: impl FnOnce(&mut Observed)) -> Vec<String> {
    let table = three();
    let mut observed = faithful(&table, true);
    change(&mut observed);
    told(&table, &observed)
}

#[test]
fn a_finding_names_the_domains_and_owners_that_it_concerns() {
    let table = three();
    let mut observed = faithful(&table, true);
    let stages = &mut api(&mut observed, "abc111").stages;
    let Look::Found(stages) = stages else { panic!("no stages") };
    stages.retain(|stage| stage.name == "dev");
    let drift = found(&table, &observed);
    let [finding] = &drift.findings[..] else { panic!("{drift:#?}") };
    assert_eq!(finding.subject.about, "API abc111 in eu-west-1, stage prod");
    assert_eq!(
        (&*finding.subject.domains, &*finding.subject.owners),
        (&["web.in.example.com/shop".to_owned()][..], &["web".to_owned()][..])
    );
    assert_eq!((&*finding.has, &*finding.wants), ("the API `orders` has dev", "a stage prod"));
    assert_eq!((drift.compared.apis, drift.compared.domains), (2, 3));
}

#[test]
fn a_wider_policy_is_shown_by_a_call_and_comes_first() {
    let table = three();
    let mut observed = faithful(&table, true);
    change(Kind::CertificateEnding, &table, &mut observed, 0);
    change(Kind::ApiGone, &table, &mut observed, 1);
    change(Kind::PolicyWider, &table, &mut observed, 0);
    let told = told(&table, &observed);
    assert_eq!(told.len(), 3, "{told:#?}");
    let wider =
        "policy_wider exposure [pay web] the policy of the API `orders` lets in GET /zzz/wide through vpce-11111111";
    assert_eq!(told[0], wider);
    assert_eq!(told[1], "api_gone outage [ops] no account that was read has this API");
    assert_eq!(told[2], "certificate_ending risk [ops pay web] it ends in 10 days");
}

#[test]
fn a_narrower_policy_concerns_the_entries_whose_calls_it_refuses() {
    let told = changed(|observed| {
        let api = api(observed, "abc111");
        api.policy = api.policy.replace("prod/*", "prod/GET/*");
        let policy = api.policy.clone();
        for at in 0..2 {
            let stage = stage(api, at);
            (stage.deployment, stage.policy) = ("by hand".into(), Some(Look::Found(policy.clone())));
        }
    });
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("policy_narrower outage [web] the policy of the API `orders` refuses "), "{told:#?}");
    assert!(told[0].ends_with(" through vpce-11111111 with the Referer web.in.example.com"), "{told:#?}");
}

#[test]
fn a_policy_that_was_changed_and_not_deployed_is_both() {
    let told = changed(|observed| {
        let api = api(observed, "def222");
        api.policy = api.policy.replace("v1/*", "v1/GET/*");
    });
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].starts_with("policy_narrower outage [ops]"), "{told:#?}");
    assert!(told[1].contains("the next deployment makes that one active"), "{told:#?}");
}

#[test]
fn a_stage_that_serves_a_wider_policy_is_exposed() {
    let told = changed(|observed| {
        let api = api(observed, "def222");
        let wider = api.policy.replace("v1/*", "*");
        let stage = stage(api, 0);
        (stage.deployment, stage.policy) = ("by hand".into(), Some(Look::Found(wider)));
    });
    assert_eq!(
        told,
        ["not_deployed exposure [ops] it serves deployment by hand, which has another policy than the API"]
    );
}

#[test]
fn a_deployment_that_nothing_tells_of_is_unknown() {
    let table = three();
    let mut observed = faithful(&table, true);
    let stage = stage(api(&mut observed, "def222"), 0);
    (stage.deployment, stage.policy) = ("by hand".into(), Some(Look::Gone));
    let drift = found(&table, &observed);
    assert_eq!((drift.findings.len(), drift.unknown.len()), (0, 1), "{drift:#?}");
    assert_eq!(drift.unknown[0].kinds, [Kind::NotDeployed]);
    assert!(drift.unknown[0].why.contains("deployment by hand is not by Nameplate"), "{drift:#?}");
}

#[test]
fn an_association_is_needed_by_the_names_that_it_makes() {
    let of = |url: &str, associated: &[&str]| {
        let table = table(&[("pay.in.example.com", url, "ANY", "default")]);
        let mut observed = faithful(&table, true);
        let Some(Look::Found(api)) = observed.apis.values_mut().next() else { panic!("no API") };
        api.endpoint_ids = associated.iter().map(|id| (*id).to_owned()).collect();
        told(&table, &observed)
    };
    let (plain, named) = (format!("{API}/dev"), API.replace("abc111", "abc111-vpce-11111111") + "/dev");
    assert_eq!(of(&plain, &[]), [""; 0], "the API's own name needs none");
    let risk = "endpoint_not_associated risk [pay] the API `orders` is associated with vpce-99999999";
    assert_eq!(of(&plain, &["vpce-99999999"]), [risk]);
    assert_eq!(of(&named, &["vpce-11111111"]), [""; 0]);
    assert_eq!(
        of(&named, &[]),
        ["endpoint_not_associated outage [pay] the API `orders` is associated with no VPC endpoint"]
    );
}

#[test]
fn a_vpc_endpoint_must_be_available_and_of_the_service() {
    let of = |state: &str, service: &str| {
        changed(|observed| {
            let found = VpcEndpoint { state: state.into(), service: service.into() };
            observed.vpc_endpoints.insert("vpce-22222222".into(), Look::Found(found));
        })
    };
    assert_eq!(of("Available", "com.amazonaws.eu-west-1.execute-api"), [""; 0]);
    assert_eq!(
        of("deleting", "com.amazonaws.eu-west-1.execute-api"),
        ["vpc_endpoint_gone outage [ops] its state is deleting"]
    );
    assert_eq!(
        of("available", "com.amazonaws.eu-west-1.logs"),
        ["vpc_endpoint_gone outage [ops] it leads to com.amazonaws.eu-west-1.logs"]
    );
}

/// Nothing fails before the last certificate ends that a load balancer uses.
#[test]
fn the_last_certificate_in_use_counts() {
    let with = |certificates: &[(bool, i64)]| {
        changed(|observed| {
            let of = |(at, (is_used, days)): (usize, &(bool, i64))| Certificate {
                arn: format!("arn:{at}"),
                names: ["*.in.example.com".to_owned()].into(),
                is_used: *is_used,
                end: Some(match days {
                    0.. => NOW + Duration::from_secs(*days as u64 * DAY.as_secs()),
                    _ => NOW - Duration::from_secs(days.unsigned_abs() * DAY.as_secs()),
                }),
            };
            observed.certificates = Look::Found(certificates.iter().enumerate().map(of).collect());
        })
    };
    assert_eq!(with(&[(true, 5), (true, 90)]), [""; 0]);
    assert_eq!(with(&[(true, 1), (false, 90)]), ["certificate_ending risk [ops pay web] it ends in 1 day"]);
    assert_eq!(with(&[(true, -3)]), ["certificate_ending outage [ops pay web] it ended 3 days ago"]);
    let unused = "certificate_missing outage [ops pay web] arn:0 has the name, and no load balancer uses it";
    assert_eq!(with(&[(false, 90)]), [unused]);
    assert_eq!(with(&[]), ["certificate_missing outage [ops pay web] no certificate of this region has the name"]);
}

#[test]
fn an_ignored_kind_is_neither_found_nor_unknown() {
    let table = three();
    let mut observed = faithful(&table, true);
    observed.zones = Look::Unknown(Reason { what: "denied".into(), help: "ask".into() });
    change(Kind::Canary, &table, &mut observed, 0);
    let ids = ids();
    let options = Options { ignored: [Kind::Canary, Kind::RecordMissing].into(), ..Options::default() };
    let drift = drift(Mapping { table: &table, ids: &ids, owner_of: &owner }, &observed, &options);
    assert_eq!((drift.findings, drift.unknown), (vec![], vec![]));
}

#[test]
fn kinds_and_severities_are_printed_by_their_names() {
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_value(kind).expect("a text"), kind.name());
    }
    for severity in Severity::ALL {
        assert_eq!(serde_json::to_value(severity).expect("a text"), severity.name());
    }
}

#[test]
fn an_api_with_a_disabled_endpoint_is_reported_as_out_of_reach() {
    let found = changed(|observed| api(observed, "abc111").is_closed = true);
    assert_eq!(
        found,
        [
            "api_gone outage [pay web] the execute-api endpoint of the API `orders` is disabled: no request through Nameplate \
             reaches it"
        ]
    );
}

#[test]
fn no_text_of_aws_moves_the_cursor() {
    let table = three();
    let mut observed = faithful(&table, true);
    let api = api(&mut observed, "abc111");
    api.name = "orders\u{1b}[2J\u{202e}".to_owned();
    api.is_closed = true;
    api.stages = Look::Unknown(Reason { what: "refused\u{1b}[2J".to_owned(), help: "none\u{7}".to_owned() });
    let drift = found(&table, &observed);
    assert!(drift.findings[0].has.contains("orders\\u{1b}[2J\\u{202e}"), "{drift:#?}");
    let lines = drift.findings.iter().flat_map(|of| [&of.has, &of.wants, &of.fix, &of.subject.about]);
    let unknown = drift.unknown.iter().flat_map(|of| [&of.why, &of.fix, &of.subject.about]);
    assert!(lines.chain(unknown).all(|line| !line.contains(|c: char| c.is_control() || c == '\u{202e}')), "{drift:#?}");
}
