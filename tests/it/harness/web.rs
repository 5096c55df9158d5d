//! A small HTTP server that has one document: the AppConfig agent, or whatever else answers GET.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use nameplate_testkit::wire::Wire;

use super::PATIENCE;
use super::accepting::Accepting;

/// What the server answers.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    pub body: Vec<u8>,
    /// With one, a request that has it is answered 304.
    pub etag: Option<String>,
    /// Say a length, or end with the connection.
    pub has_length: bool,
    /// Break the connection off after so many bytes of the body.
    pub cut_after: Option<usize>,
    /// Wait before answering.
    pub delay: Duration,
    /// After the body, go on with chunks for as long as the client reads.
    pub is_endless: bool,
}

/// A request as it came: its line and headers, names in lower case.
#[derive(Clone, Debug)]
pub struct Seen {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub at: Instant,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

struct State {
    page: Page,
    seen: Vec<Seen>,
    /// Status of each answer.
    answered: Vec<u16>,
}

/// A running server. Dropped, it stops.
pub struct Web {
    state: Arc<Mutex<State>>,
    accepting: Accepting,
}

impl Page {
    pub fn text(text: &str) -> Page {
        Page {
            status: 200,
            body: text.into(),
            etag: None,
            has_length: true,
            cut_after: None,
            delay: Duration::ZERO,
            is_endless: false,
        }
    }

    /// A chunked body that has no end.
    pub fn endless() -> Page {
        Page { is_endless: true, has_length: false, ..Page::text("") }
    }

    pub fn with_etag(self, etag: &str) -> Page {
        Page { etag: Some(format!("\"{etag}\"")), ..self }
    }

    pub fn status(status: u16, text: &str) -> Page {
        Page { status, ..Page::text(text) }
    }
}

impl Web {
    pub fn start(page: Page) -> Web {
        let state = State { page, seen: Vec::new(), answered: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        let accepting = Accepting::start(move |stream| serve(stream, &shared));
        Web { state, accepting }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.accepting.url())
    }

    pub fn answers(&self, page: Page) {
        lock(&self.state).page = page;
    }

    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    pub fn answered(&self) -> Vec<u16> {
        lock(&self.state).answered.clone()
    }

    /// Waits until it has answered so many requests.
    #[track_caller]
    pub fn wait_until_asked(&self, times: usize) {
        let give_up = Instant::now() + PATIENCE;
        while self.answered().len() < times {
            assert!(Instant::now() < give_up, "asked {} times, not {times}", self.answered().len());
            thread::yield_now();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut wire = Wire::new(stream);
    while let Ok(Some(head)) = wire.read_head() {
        let headers = head.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let seen = Seen { line: head.start, headers: headers.collect(), at: Instant::now() };
        let page = {
            let mut state = lock(state);
            state.seen.push(seen.clone());
            state.page.clone()
        };
        thread::park_timeout(page.delay);
        let known = page.status == 200 && page.etag.is_some() && seen.header("if-none-match") == page.etag.as_deref();
        let status = if known { 304 } else { page.status };
        let mut head = format!("HTTP/1.1 {status} Status\r\n");
        head += &page.etag.as_ref().map_or(String::new(), |etag| format!("ETag: {etag}\r\n"));
        let body = if known { &[][..] } else { &page.body };
        match page.has_length || known {
            _ if known => {}
            _ if page.is_endless => head += "Transfer-Encoding: chunked\r\n",
            true => head += &format!("Content-Length: {}\r\n", body.len()),
            false => head += "Connection: close\r\n",
        }
        let sent = &body[..page.cut_after.unwrap_or(body.len()).min(body.len())];
        let mut out = stream;
        // Counted before it is written: who reads the answer may look at the count next.
        lock(state).answered.push(status);
        let written = out.write_all((head + "\r\n").as_bytes()).and_then(|()| out.write_all(sent));
        if page.is_endless && written.is_ok() {
            let chunk = [&b"10000\r\n"[..], &[b'#'; 0x10000], b"\r\n"].concat();
            while out.write_all(&chunk).is_ok() {}
        }
        if written.is_err() || !page.has_length || page.cut_after.is_some() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}
