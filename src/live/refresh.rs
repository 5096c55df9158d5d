//! Discovery on a timer: the endpoint's addresses, looked up again when their TTL runs out.

use std::sync::Arc;
use std::time::Instant;

use super::Live;
use crate::telemetry::metrics::Discovery;

impl Live {
    /// Looks the endpoint up once. The first look-up belongs to the start, so that the listeners
    /// open with an address known; a failure is logged and tried again by [`keep_fresh`].
    pub async fn refresh(&self) -> Option<std::time::Duration> {
        let outcome = self.endpoint.refresh(Instant::now()).await;
        let addresses = self.endpoint.addresses().len();
        self.metrics.endpoint_discovered(if outcome.is_ok() { Discovery::Ok } else { Discovery::Failed });
        self.metrics.endpoint_addresses(addresses);
        match outcome {
            Ok(next) => next,
            Err(fault) => {
                log::warn!("{fault}; {addresses} known addresses stay in use, next try in {:?}", fault.retry_in);
                Some(fault.retry_in)
            }
        }
    }
}

/// Refreshes for as long as the process lives; ends at once where addresses are fixed.
pub async fn keep_fresh(live: Arc<Live>, mut next: Option<std::time::Duration>) {
    while let Some(wait) = next {
        tokio::time::sleep(wait).await;
        next = live.refresh().await;
    }
}
