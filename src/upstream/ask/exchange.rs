//! One request and its response over a connection that nobody else uses.

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout_at;

/// The most bytes of a response's head.
const HEAD: usize = 64 * 1024;

/// A response, as far as it was read.
pub(super) struct Received {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The first bytes of the body, also of one that broke off.
    pub(super) body: Vec<u8>,
    /// From the request to the response's head.
    pub(super) first_byte: Duration,
    /// From the head to the last byte that was read.
    pub(super) rest: Duration,
}

/// Why no head of a response arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// Not in time.
    Late,
    /// The connection ended first.
    Closed,
    /// Bytes arrived that are not HTTP/1, or a head that is too long.
    NotHttp,
}

/// Until when the head and the rest of a response may arrive, and how much of its body is read.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) head_by: Instant,
    pub(super) end_by: Instant,
    pub(super) body: usize,
}

/// Sends a request and reads its response. The connection ends with it.
pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
    bounds: Bounds,
) -> Result<Received, Unanswered> {
    let began = Instant::now();
    let mut builder = http1::Builder::new();
    let builder = builder.max_buf_size(HEAD).title_case_headers(true);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|_| Unanswered::Closed)?;
    let talk = async {
        let asked = timeout_at(bounds.head_by.into(), sender.send_request(request)).await;
        let response = asked.map_err(|_| Unanswered::Late)?.map_err(|e| read_error(&e))?;
        let answered = Instant::now();
        let (head, body) = response.into_parts();
        let body = read_some(body, bounds).await;
        let (first_byte, rest) = (answered - began, answered.elapsed());
        Ok(Received { status: head.status, headers: head.headers, body, first_byte, rest })
    };
    // The connection moves the bytes. One that ends leaves what it read to the other side.
    match select(pin!(talk), pin!(connection)).await {
        Either::Left((received, _)) => received,
        Either::Right((_, talk)) => talk.await,
    }
}

/// The first bytes of a body, or what came of them in time.
async fn read_some(mut body: Incoming, bounds: Bounds) -> Vec<u8> {
    let mut read = Vec::new();
    while read.len() < bounds.body {
        let Ok(Some(Ok(frame))) = timeout_at(bounds.end_by.into(), body.frame()).await else { break };
        let Ok(data) = frame.into_data() else { break };
        read.extend_from_slice(&data[..data.len().min(bounds.body - read.len())]);
    }
    read
}

fn read_error(e: &hyper::Error) -> Unanswered {
    if e.is_parse() { Unanswered::NotHttp } else { Unanswered::Closed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const BODY: usize = 16;

    /// What the exchange makes of these bytes. The other side ends the connection after them, or keeps it.
    fn after(bytes: &[u8], method: &str, ends: bool) -> Result<(u16, Vec<u8>), Unanswered> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (ours, mut theirs) = duplex(1 << 20);
        let bytes = bytes.to_vec();
        runtime.block_on(async {
            let other = tokio::spawn(async move {
                let mut head = [0; 1_024];
                let _ = theirs.read(&mut head).await;
                let _ = theirs.write_all(&bytes).await;
                if !ends {
                    let _ = theirs.read(&mut head).await;
                }
            });
            let soon = Instant::now() + Duration::from_millis(if ends { 5_000 } else { 50 });
            let bounds = Bounds { head_by: soon, end_by: soon, body: BODY };
            let request = Request::builder().method(method).uri("/p").header("Host", "h").body(Empty::new());
            let received = exchange(ours, request.expect("a request"), bounds).await;
            other.abort();
            received.map(|received| (received.status.as_u16(), received.body))
        })
    }

    #[test]
    fn a_response_is_read_as_far_as_it_came() {
        let ok = |body: &[u8]| Ok((200, body.to_vec()));
        assert_eq!(after(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "GET", false), ok(b"hi"));
        assert_eq!(after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", "GET", true), ok(b"hi"), "cut off");
        assert_eq!(after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", "GET", false), ok(b"hi"), "stalled");
        assert_eq!(after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD", false), ok(b""));
        assert_eq!(after(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhi", "GET", true), ok(b"hi"));
        let endless = [b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 100_000][..]].concat();
        assert_eq!(after(&endless, "GET", false), ok(&[b'x'; BODY]));
    }

    #[test]
    fn hostile_bytes_are_an_outcome_and_no_panic() {
        assert_eq!(after(b"", "GET", true), Err(Unanswered::Closed));
        assert_eq!(after(b"", "GET", false), Err(Unanswered::Late));
        assert_eq!(after(b"HTTP/1.1 200 OK\r\nA: b", "GET", true), Err(Unanswered::Closed));
        let long = [b"HTTP/1.1 200 OK\r\nA: ", &[b'x'; 200_000][..]].concat();
        for bytes in [&b"SSH-2.0-x\r\n\r\n"[..], b"\0\0\0\xff\xff", b"HTTP/9.9 200 OK\r\n\r\n", b"\x16\x03\x01", &long]
        {
            assert_eq!(after(bytes, "GET", false), Err(Unanswered::NotHttp), "{:?}", &bytes[..bytes.len().min(20)]);
        }
        for bytes in [
            &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            b"HTTP/1.1 200 \xff\xfe\r\nx-amzn-errortype: \xff\r\n\r\n",
        ] {
            assert_eq!(after(bytes, "GET", true).map(|(status, _)| status), Ok(200));
        }
    }

    #[test]
    fn any_bytes_end_in_time() {
        let mut random = fastrand::Rng::with_seed(7);
        let good = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nx-amzn-requestid: 1\r\n\r\nhello";
        for _ in 0..300 {
            let mut bytes = good.to_vec();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            bytes.truncate(random.usize(..=bytes.len()));
            let _ = after(&bytes, "GET", true);
        }
    }
}
