//! The VPC endpoints that Nameplate reaches APIs through.

use std::collections::BTreeMap;

use super::kind::{Kind, Severity};
use super::observed::{Look, Observed, Reason};
use super::report::{Lines, Report};
use crate::policy::{Api, EndpointIds, endpoint_of};
use nameplate_core::domain::route::Route;

/// The end of the name of the service that private APIs are reached through.
const SERVICE: &str = ".execute-api";

pub(super) fn check(apis: &[Api<'_>], observed: &Observed, report: &mut Report<'_>) {
    for (id, routes) in used(apis, report.mapping.ids) {
        let subject = report.of_routes(format!("VPC endpoint {id}"), routes.iter().copied());
        let has = match observed.vpc_endpoints.get(id) {
            Some(Look::Found(found)) if !found.state.eq_ignore_ascii_case("available") => {
                format!("its state is {}", found.state)
            }
            Some(Look::Found(found)) if !found.service.ends_with(SERVICE) => format!("it leads to {}", found.service),
            Some(Look::Found(_)) => continue,
            Some(Look::Gone) => "no account that was read has this VPC endpoint".to_owned(),
            Some(Look::Unknown(reason)) => {
                report.add_unknown(&[Kind::VpcEndpointGone], subject, reason);
                continue;
            }
            None => {
                let what = "this VPC endpoint was not looked at".to_owned();
                let reason = Reason { what, help: "run it with credentials for its account".to_owned() };
                report.add_unknown(&[Kind::VpcEndpointGone], subject, &reason);
                continue;
            }
        };
        let lines = Lines {
            has,
            wants: "an available VPC endpoint of execute-api".to_owned(),
            fix: "create another one, set its DNS name in the settings (`endpoints`), and apply the policies with its id \
                  (nameplate policy apply --vpce)"
                .to_owned(),
        };
        report.add(Kind::VpcEndpointGone, Severity::Outage, subject, lines);
    }
}

/// The ids that entries are reached through, and those entries.
fn used<'m>(apis: &[Api<'m>], ids: &'m EndpointIds) -> BTreeMap<&'m str, Vec<&'m Route>> {
    let mut used: BTreeMap<&str, Vec<&Route>> = BTreeMap::new();
    for route in apis.iter().flat_map(|api| api.routes().iter().copied()) {
        for id in ids.get(&endpoint_of(route)).into_iter().flatten() {
            used.entry(id).or_default().push(route);
        }
    }
    used
}
