//! One safe request at each address of the entry's endpoint, over connections of their own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::entry::Known;
use crate::telemetry::limit::CpuLimit;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::task::Task;
use crate::upstream::ask::question::{Question as Asked, SafeVerb};
use crate::upstream::ask::{Asker, Finding, addresses};
use crate::upstream::endpoint::EndpointFault;
use crate::upstream::endpoints::Endpoints;
use crate::upstream::handshakes;
use nameplate_core::domain::decide::Decision;
use nameplate_core::explain::Question;
use nameplate_core::settings::DEFAULT_ENDPOINT;
use nameplate_core::verdict::Evidence;

/// The most addresses that are asked: many times those of a VPC endpoint.
const MOST: usize = 32;

/// What the exchanges showed.
pub(super) struct Exchanged {
    pub(super) endpoint: String,
    /// `name`, `fixed` or `private_dns`.
    pub(super) kind: &'static str,
    pub(super) dns_name: Option<String>,
    /// Why the look-up failed, where it did.
    pub(super) lookup_error: Option<String>,
    /// The target that the API gets.
    pub(super) target: String,
    pub(super) api_host: String,
    pub(super) api_id: String,
    pub(super) stage: String,
    /// Where no address is known: what that says.
    pub(super) unresolved: Option<Evidence>,
    pub(super) addresses: Vec<Examined>,
}

/// One address.
pub(super) struct Examined {
    pub(super) finding: Finding,
    /// A running task leaves it alone for now.
    pub(super) is_cooling: bool,
    pub(super) is_local: bool,
}

/// Asks at every address. Fails with what to say.
pub(super) fn exchange(
    known: &Known,
    decision: &Decision<'_>,
    question: &Question<'_>,
    within: Duration,
) -> Result<Exchanged, String> {
    handshakes::install();
    let task = Task::detect();
    let metrics = Arc::new(Metrics::new(CpuLimit::detect(&task)));
    let no_endpoint = |e: EndpointFault| format!("error: {e}\n  help: give --config the settings of the proxy");
    let asker = Asker::new(&known.settings).map_err(no_endpoint)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| format!("error: no runtime to ask with: {e}"))?;
    runtime.block_on(async {
        let endpoints = Endpoints::new(&known.settings, task.zone.as_deref(), &metrics).map_err(no_endpoint)?;
        ask_all(known, decision, question, within, &asker, &endpoints).await
    })
}

async fn ask_all(
    known: &Known,
    decision: &Decision<'_>,
    question: &Question<'_>,
    within: Duration,
    asker: &Asker,
    endpoints: &Endpoints,
) -> Result<Exchanged, String> {
    let route = decision.route;
    let target = String::from_utf8_lossy(&decision.target).into_owned();
    let name = route.overrides().and_then(|own| own.endpoint.clone()).unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
    let place = endpoints.all().iter().position(|state| state.label == name);
    let place = place.ok_or_else(|| format!("error: the settings have no endpoint `{name}`, which the entry names"))?;
    let verb = safe_verb(question.method).unwrap_or_else(|| SafeVerb::allowed_by(route));
    let asked = Asked::new(route, verb, &target, Some(question.host.as_ref()))
        .ok_or_else(|| format!("error: `{target}` is not a path that can be asked for"))?;
    let state = endpoints.at(place);
    // A look-up that takes too long leaves no address, as one that fails.
    let _ = tokio::time::timeout(within, state.endpoint.refresh(Instant::now())).await;
    let candidates = addresses(state, route.api_host(), within).await;
    let each = candidates.iter().take(MOST).map(|candidate| asker.ask_at(place, &candidate.address, &asked, within));
    let mut examined = Vec::new();
    for (candidate, finding) in candidates.iter().zip(join_all(each).await) {
        let finding = finding.map_err(|e| format!("error: {e}"))?;
        let of_task = known.of_task.get(&candidate.address.socket);
        let is_local = of_task.map_or(candidate.address.local, |of_task| of_task.is_local);
        let is_cooling = of_task.is_some_and(|of_task| of_task.is_cooling);
        examined.push(Examined { finding, is_cooling, is_local });
    }
    let unresolved = match examined.is_empty() {
        true => {
            let found = asker.ask(endpoints, place, &asked, 0, within).await.map_err(|e| format!("error: {e}"))?;
            Some(found.evidence)
        }
        false => None,
    };
    Ok(Exchanged {
        kind: state.endpoint.kind(),
        dns_name: state.endpoint.name.clone(),
        lookup_error: state.endpoint.last_fault().map(|fault| fault.to_string()),
        endpoint: name,
        api_host: route.api_host().to_owned(),
        api_id: route.api_id().to_owned(),
        stage: target.split('/').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned(),
        target,
        unresolved,
        addresses: examined,
    })
}

fn safe_verb(method: &str) -> Option<SafeVerb> {
    [SafeVerb::Get, SafeVerb::Head, SafeVerb::Options].into_iter().find(|verb| verb.name() == method)
}
