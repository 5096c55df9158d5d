//! What goes on with the endpoints by itself: their addresses are looked up again when the TTL runs
//! out, and tried where the settings say so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::endpoints::{EndpointState, Endpoints};
use crate::telemetry::metrics::Discovery;

impl Endpoints {
    /// Looks every endpoint up once. The first look-up belongs to the start, so that the listeners
    /// open with an address known; a failure is logged and tried again by [`keep_fresh`].
    pub(crate) async fn refresh_all(&self) {
        join_all(self.all().iter().map(|endpoint_state| self.refresh(endpoint_state))).await;
    }

    /// Looks an endpoint up; says when to do so again.
    async fn refresh(&self, endpoint_state: &EndpointState) -> Option<Duration> {
        let outcome = endpoint_state.endpoint.refresh(Instant::now()).await;
        self.metrics.upstream.endpoint_discovered(if outcome.is_ok() { Discovery::Ok } else { Discovery::Failed });
        match outcome {
            Ok(next) => next,
            Err(fault) => {
                let (known, wait) = (endpoint_state.known(), fault.retry_in);
                log::warn!("{fault}; {known} known addresses stay in use, next try in {wait:?}");
                Some(wait)
            }
        }
    }
}

/// Looks each endpoint up for as long as the process lives, each at its own time; ends at once for
/// those whose addresses are fixed.
pub(crate) fn keep_fresh(endpoints: &Arc<Endpoints>, runtime: &tokio::runtime::Handle) {
    for place in 0..endpoints.all().len() {
        let fresh = Arc::clone(endpoints);
        runtime.spawn(async move {
            let endpoint_state = fresh.at(place);
            // Looked up at the start, unless that took too long: then again at once.
            let mut next = Some(if endpoint_state.known() > 0 {
                endpoint_state.endpoint.due_in(Instant::now())
            } else {
                Duration::ZERO
            });
            while let Some(wait) = next {
                tokio::time::sleep(wait).await;
                next = fresh.refresh(endpoint_state).await;
            }
        });
        let checked = Arc::clone(endpoints);
        runtime.spawn(async move {
            let endpoint_state = checked.at(place);
            let Some(every) = endpoint_state.check_interval() else { return };
            loop {
                endpoint_state.check().await;
                tokio::time::sleep(every).await;
            }
        });
    }
}
