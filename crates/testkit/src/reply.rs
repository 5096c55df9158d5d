//! What an origin does with a request, step by step.

use crate::Gate;

/// One thing an origin does.
#[derive(Clone)]
pub enum Step {
    /// Writes these bytes and flushes them.
    Write(Vec<u8>),
    /// As `Write`, unless the request was a HEAD.
    WriteBody(Vec<u8>),
    /// Goes on once the test says so.
    Wait(Gate),
    /// Reads the request's body to its end: for scripts that answer before.
    ReadBody,
    /// Ends the connection in order, and records what still comes.
    Close,
    /// Ends it in the middle: no close_notify, RST.
    Reset,
}

/// The steps of one answer.
#[derive(Clone, Default)]
pub struct Reply {
    /// In the order they are done.
    pub steps: Vec<Step>,
}

impl Reply {
    /// A JSON answer with a Content-Length.
    pub fn json(status: u16, body: &str) -> Reply {
        Reply::with_headers(status, &[("Content-Type", "application/json")], body)
    }

    /// An answer with these headers and a Content-Length.
    pub fn with_headers(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !matches!(status, 204 | 304) {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let reply = Reply::raw(head + "\r\n");
        reply.step(Step::WriteBody(body.into()))
    }

    /// These bytes, whatever they are.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Reply {
        Reply::default().then_raw(bytes)
    }

    /// Closes without an answer.
    pub fn close() -> Reply {
        Reply::default().then_close()
    }

    /// Then writes these bytes.
    pub fn then_raw(self, bytes: impl AsRef<[u8]>) -> Reply {
        self.step(Step::Write(bytes.as_ref().to_vec()))
    }

    /// Then waits for this gate.
    pub fn then_wait(self, gate: &Gate) -> Reply {
        self.step(Step::Wait(gate.clone()))
    }

    /// Then reads the body of the request.
    pub fn then_read_body(self) -> Reply {
        self.step(Step::ReadBody)
    }

    /// Then closes in order.
    pub fn then_close(self) -> Reply {
        self.step(Step::Close)
    }

    /// Then ends the connection with RST.
    pub fn then_reset(self) -> Reply {
        self.step(Step::Reset)
    }

    fn step(mut self, step: Step) -> Reply {
        self.steps.push(step);
        self
    }
}

fn reason(status: u16) -> String {
    http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or_default().to_owned()
}
