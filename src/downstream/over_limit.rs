//! What a client is told when there are as many connections as may be.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::clients::Clients;
use super::linger::{LINGER, LINGER_BYTES, read_out};
use super::refusal::{Early, refuse_early};
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::request_line::RequestLine;

/// Refusals under way at once; whoever comes beyond is closed without a word. Each is a connection
/// more than may be, so there must be few.
const AT_ONCE: usize = 64;

/// Answers 503 and closes, a few connections at a time.
pub(super) struct Refuser(Arc<Semaphore>);

impl Default for Refuser {
    fn default() -> Self {
        Refuser(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Refuser {
    pub(super) fn refuse(&self, mut tcp: TcpStream, clients: &Clients) {
        let Ok(permit) = Arc::clone(&self.0).try_acquire_owned() else { return };
        // It does not wait for a request: the answer is the same for all.
        let (refusal, line) = (Refusal::TooManyConnections, RequestLine::default());
        let early = Early { refusal, after: Duration::ZERO, client: tcp.peer_addr().ok(), line };
        let answer = refuse_early(clients, early);
        tokio::spawn(async move {
            let _ = timeout(LINGER, send(&mut tcp, &answer)).await;
            drop(permit);
        });
    }
}

async fn send(tcp: &mut TcpStream, answer: &[u8]) -> std::io::Result<()> {
    tcp.write_all(answer).await?;
    read_out(tcp, LINGER_BYTES).await
}
