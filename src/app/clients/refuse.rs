//! What a client is told when there are as many connections as may be.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::watched::{LINGER, LINGER_BYTES};
use crate::domain::refusal::Refusal;
use crate::live::Live;
use crate::proxy::reply::whole_refusal;

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
    pub(super) fn refuse(&self, mut tcp: TcpStream, live: &Live) {
        let Ok(permit) = Arc::clone(&self.0).try_acquire_owned() else { return };
        live.metrics.refused_early(Refusal::TooManyConnections, 0.0);
        tokio::spawn(async move {
            let _ = timeout(LINGER, answer(&mut tcp)).await;
            drop(permit);
        });
    }
}

/// The answer does not wait for a request: it is the same for all. What comes is heard, because a socket
/// that is closed with unread bytes sends a reset, which may overtake the answer.
async fn answer(tcp: &mut TcpStream) -> std::io::Result<()> {
    tcp.write_all(&whole_refusal(Refusal::TooManyConnections)).await?;
    tcp.shutdown().await?;
    let (mut bytes, mut left) = ([0; 1024], LINGER_BYTES);
    while left > 0 {
        match tcp.read(&mut bytes).await? {
            0 => break,
            count => left = left.saturating_sub(count),
        }
    }
    Ok(())
}
