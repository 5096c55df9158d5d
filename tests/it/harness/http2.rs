//! HTTP/2 with prior knowledge, frame by frame.

use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::client::Response;
use super::{Gate, PATIENCE};

enum Frame {
    Data(Bytes),
    Wait(Gate),
    LastData(Bytes),
    Trailers(HeaderMap),
    Reset,
}

/// A request as a list of frames. Without any, HEADERS ends the stream.
pub struct Call {
    request: http::request::Builder,
    frames: Vec<Frame>,
}

impl Call {
    pub fn new(method: &str, host: &str, path: &str) -> Call {
        let uri = format!("http://{host}{path}");
        Call { request: Request::builder().version(http::Version::HTTP_2).method(method).uri(uri), frames: Vec::new() }
    }

    pub fn get(host: &str, path: &str) -> Call {
        Call::new("GET", host, path)
    }

    pub fn header(mut self, name: &str, value: &str) -> Call {
        self.request = self.request.header(name, value);
        self
    }

    /// A DATA frame that does not end the stream.
    pub fn data(self, bytes: impl Into<Bytes>) -> Call {
        self.frame(Frame::Data(bytes.into()))
    }

    /// Sends the next frame only once the test says so.
    pub fn wait(self, gate: &Gate) -> Call {
        self.frame(Frame::Wait(gate.clone()))
    }

    /// A DATA frame that ends the stream; it may be empty.
    pub fn last_data(self, bytes: impl Into<Bytes>) -> Call {
        self.frame(Frame::LastData(bytes.into()))
    }

    /// HEADERS that end the stream.
    pub fn trailers(self, trailers: &[(&str, &str)]) -> Call {
        let field = |(name, value): &(&str, &str)| {
            let name = HeaderName::try_from(*name).expect("a header name");
            (name, HeaderValue::from_str(value).expect("a header value"))
        };
        self.frame(Frame::Trailers(trailers.iter().map(field).collect()))
    }

    /// RST_STREAM: the client does not want it any more.
    pub fn reset(self) -> Call {
        self.frame(Frame::Reset)
    }

    fn frame(mut self, frame: Frame) -> Call {
        self.frames.push(frame);
        self
    }

    /// Makes the call on a connection of its own.
    pub fn over(self, address: SocketAddr) -> Result<Response, h2::Error> {
        Http2::connect(address).call(self)
    }
}

/// One HTTP/2 connection.
pub struct Http2 {
    runtime: Runtime,
    send: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl Http2 {
    /// Connects in plaintext; the preface is the first thing sent.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Http2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (send, connection) = runtime.block_on(in_time(async {
            let stream = TcpStream::connect(address).await.expect("connected");
            let (send, connection) = h2::client::handshake(stream).await.expect("an HTTP/2 preface");
            (send, tokio::spawn(connection))
        }));
        Http2 { runtime, send, connection }
    }

    /// Sends a request frame by frame and reads its answer.
    pub fn call(&mut self, call: Call) -> Result<Response, h2::Error> {
        self.runtime.block_on(in_time(exchange(&self.send, call)))
    }

    /// Idles, as a client that is alive does, until the other side ends the connection. Outside of
    /// calls nothing runs here, not even what answers a GOAWAY.
    pub fn wait_until_closed(&mut self) {
        let ended = self.runtime.block_on(in_time(&mut self.connection)).expect("a connection that did not panic");
        assert!(ended.is_ok(), "{ended:?}");
    }

    /// Makes several calls at once over this connection.
    pub fn call_all(&mut self, calls: Vec<Call>) -> Vec<Result<Response, h2::Error>> {
        let send = &self.send;
        self.runtime.block_on(in_time(async {
            let running: Vec<_> = calls.into_iter().map(|call| tokio::spawn(exchange(send, call))).collect();
            let mut answers = Vec::new();
            for answer in running {
                answers.push(answer.await.expect("a call that did not panic"));
            }
            answers
        }))
    }
}

async fn in_time<F: Future>(work: F) -> F::Output {
    timeout(PATIENCE, work).await.expect("an answer in time")
}

fn exchange(send: &SendRequest<Bytes>, call: Call) -> impl Future<Output = Result<Response, h2::Error>> + use<> {
    let send = send.clone();
    async move {
        let mut send = send.ready().await?;
        let request = call.request.body(()).expect("a request");
        let (answer, mut body) = send.send_request(request, call.frames.is_empty())?;
        for frame in call.frames {
            match frame {
                Frame::Data(bytes) => body.send_data(bytes, false)?,
                Frame::LastData(bytes) => body.send_data(bytes, true)?,
                Frame::Trailers(trailers) => body.send_trailers(trailers)?,
                Frame::Reset => body.send_reset(h2::Reason::CANCEL),
                // The connection's own task goes on meanwhile: only a thread beside it waits.
                Frame::Wait(gate) => {
                    let opened = tokio::task::spawn_blocking(move || gate.wait()).await.expect("a thread");
                    assert!(opened, "the test never let the call go on");
                }
            }
        }
        read(answer.await?).await
    }
}

async fn read(answer: http::Response<h2::RecvStream>) -> Result<Response, h2::Error> {
    let (head, mut stream) = answer.into_parts();
    let mut response = Response { status: head.status.as_u16(), headers: pairs(&head.headers), ..Response::default() };
    while let Some(data) = stream.data().await {
        let data = data?;
        // The window stays open, however long the answer is.
        let _ = stream.flow_control().release_capacity(data.len());
        response.body.extend_from_slice(&data);
    }
    response.trailers = stream.trailers().await?.map(|trailers| pairs(&trailers)).unwrap_or_default();
    Ok(response)
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    headers.iter().map(pair).collect()
}
