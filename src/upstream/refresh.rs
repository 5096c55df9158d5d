//! What goes on with the endpoints by itself: their addresses are looked up again when the TTL runs
//! out, and tried where the settings say so.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;

use super::endpoints::Endpoints;
impl Endpoints {
    /// Looks every endpoint up once. The first look-up belongs to the start, so that the listeners
    /// open with an address known; a failure is logged and tried again by [`keep_fresh`].
    pub(crate) async fn refresh_all(&self) {
        let now = Instant::now();
        join_all(self.all().iter().map(|endpoint_state| endpoint_state.endpoint.refresh(now))).await;
    }
}

/// Looks each endpoint up for as long as the process lives, each at its own time; ends at once for
/// those whose addresses are fixed.
pub(crate) fn keep_fresh(endpoints: &Arc<Endpoints>, runtime: &tokio::runtime::Handle) {
    for place in 0..endpoints.all().len() {
        let fresh = Arc::clone(endpoints);
        runtime.spawn(async move {
            let endpoint = &fresh.at(place).endpoint;
            while let Some(wait) = endpoint.due_in(Instant::now()) {
                tokio::time::sleep(wait).await;
                endpoint.refresh(Instant::now()).await;
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
