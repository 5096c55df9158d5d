//! What goes on with the endpoints by itself: their addresses are looked up again when the TTL runs
//! out, and tried where the settings say so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::endpoints::{Endpoints, Reach};
use crate::telemetry::metrics::Discovery;

impl Endpoints {
    /// Looks every endpoint up once. The first look-up belongs to the start, so that the listeners
    /// open with an address known; a failure is logged and tried again by [`keep_fresh`].
    pub async fn refresh_all(&self) {
        join_all(self.all().iter().map(|reach| self.refresh(reach))).await;
    }

    /// Looks an endpoint up; says when to do so again.
    async fn refresh(&self, reach: &Reach) -> Option<Duration> {
        let outcome = reach.endpoint.refresh(Instant::now()).await;
        self.metrics.endpoint_discovered(if outcome.is_ok() { Discovery::Ok } else { Discovery::Failed });
        match outcome {
            Ok(next) => next,
            Err(fault) => {
                let (known, wait) = (reach.known(), fault.retry_in);
                log::warn!("{fault}; {known} known addresses stay in use, next try in {wait:?}");
                Some(wait)
            }
        }
    }
}

/// Looks each endpoint up for as long as the process lives, each at its own time; ends at once for
/// those whose addresses are fixed.
pub fn keep_fresh(endpoints: &Arc<Endpoints>, runtime: &tokio::runtime::Handle) {
    for place in 0..endpoints.all().len() {
        let fresh = Arc::clone(endpoints);
        runtime.spawn(async move {
            let reach = fresh.at(place);
            // Looked up at the start, unless that took too long: then again at once.
            let mut next = Some(if reach.known() > 0 { reach.endpoint.due_in(Instant::now()) } else { Duration::ZERO });
            while let Some(wait) = next {
                tokio::time::sleep(wait).await;
                next = fresh.refresh(reach).await;
            }
        });
        let checked = Arc::clone(endpoints);
        runtime.spawn(async move {
            let reach = checked.at(place);
            let Some(every) = reach.check_interval() else { return };
            loop {
                reach.check().await;
                tokio::time::sleep(every).await;
            }
        });
    }
}
