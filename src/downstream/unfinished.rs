//! HTTP/2 requests that go on after their response has ended.
//!
//! A client may go on sending a body whose response it has. Pingora waits for the end of such a request, however long
//! that takes, and keeps the connection to the endpoint for it. So the request is dropped when nothing more of it has
//! come for a while; h2 then resets its stream with NO_ERROR, as RFC 9113 section 8.1 has it for a complete response.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::H2Options;
use pingora::server::ShutdownWatch;
use tokio::sync::Notify;
use tokio::time::sleep;

tokio::task_local! {
    /// Of the request that this task serves, if it is one of HTTP/2 with a body.
    static REST: Arc<Rest>;
}

/// How long a request may go on while its connection ends, so that the last of its response can still be taken.
const ENDING: Duration = Duration::from_secs(5);

/// What is still to come of a request.
#[derive(Default)]
struct Rest {
    answered: Notify,
    came: AtomicBool,
}

/// The response of this task's request has ended, and the request has not.
pub(crate) fn note_response_end() {
    let _ = REST.try_with(|rest| rest.answered.notify_one());
}

/// A piece of this task's request has come.
pub(crate) fn note_body() {
    let _ = REST.try_with(|rest| rest.came.store(true, Ordering::Relaxed));
}

/// An application whose HTTP/2 requests end when their response has and their client is silent.
pub(super) struct EndsWithResponse<A> {
    app: Arc<A>,
    /// The longest silence.
    patience: Duration,
}

impl<A> EndsWithResponse<A> {
    pub(super) fn new(app: Arc<A>, patience: Duration) -> EndsWithResponse<A> {
        EndsWithResponse { app, patience }
    }
}

#[async_trait]
impl<A: HttpServerApp + Send + Sync + 'static> HttpServerApp for EndsWithResponse<A> {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        if session.is_body_done() {
            return self.app.process_new_http(session, shutdown).await;
        }
        let rest = Arc::<Rest>::default();
        let served = REST.scope(Arc::clone(&rest), self.app.process_new_http(session, shutdown));
        tokio::select! {
            served = served => served,
            () = over(&rest, self.patience, shutdown.clone()) => None,
        }
    }

    fn h2_options(&self) -> Option<H2Options> {
        self.app.h2_options()
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        self.app.server_options()
    }
}

/// Waits for the end of the response, and then until nothing has come for as long as `patience`, or the connection ends.
async fn over(rest: &Rest, patience: Duration, mut ends: ShutdownWatch) {
    rest.answered.notified().await;
    let silence = async {
        loop {
            // Only what comes from here on says that more may come.
            rest.came.store(false, Ordering::Relaxed);
            sleep(patience).await;
            if !rest.came.load(Ordering::Relaxed) {
                return;
            }
        }
    };
    tokio::select! {
        () = silence => {}
        () = ended(&mut ends) => {}
    }
}

async fn ended(ends: &mut ShutdownWatch) {
    let _ = ends.wait_for(|ends| *ends).await;
    sleep(ENDING).await;
}
