//! Hearing a client out that has had its last answer. Closed at once, a socket with unread bytes sends a
//! reset, which may overtake the answer.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long, and for how many bytes, after an answer to what was no whole request.
pub(super) const LINGER: Duration = Duration::from_secs(1);
pub(super) const LINGER_BYTES: usize = 64 * 1024;

/// Says that no more comes, and reads until the client ends too, or so many bytes.
pub(super) async fn read_out(tcp: &mut TcpStream, most: usize) -> io::Result<()> {
    tcp.shutdown().await?;
    let (mut bytes, mut left) = (vec![0; 8 * 1024], most);
    while left > 0 {
        match tcp.read(&mut bytes).await? {
            0 => break,
            count => left = left.saturating_sub(count),
        }
    }
    Ok(())
}
