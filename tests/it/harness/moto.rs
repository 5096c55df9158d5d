//! AWS's APIs, answered by moto: a server of its own that speaks the real protocols.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::client;
use super::output::{Output, STARTING};
use super::server::ServerBuilder;

/// A running moto. Dropped, it is killed.
pub struct Moto {
    child: Child,
    address: SocketAddr,
}

/// Starting Python takes a second or two, so one at a time is enough for these tests.
static ONE_AT_A_TIME: OnceLock<Mutex<()>> = OnceLock::new();

impl Moto {
    /// A program of the environment that moto is in.
    #[track_caller]
    pub fn tool(name: &str) -> PathBuf {
        // `make test` puts it beside the build's other outputs.
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let program = target.parent().expect("inside the build folder").join("python-tools/bin").join(name);
        assert!(program.exists(), "{} is missing: `make test` installs it and runs the tests", program.display());
        program
    }

    #[track_caller]
    pub fn start() -> (Moto, MutexGuard<'static, ()>) {
        let alone = ONE_AT_A_TIME.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = Command::new(Moto::tool("moto_server"))
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("moto runs");
        let said = Output::of(child.stderr.take().expect("a pipe"));
        let line = said.wait_for("Running on http://", 1, STARTING).expect("moto says where it listens");
        let address =
            line.rsplit("http://").next().and_then(|address| address.trim().parse().ok()).expect("an address");
        (Moto { child, address }, alone)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    #[track_caller]
    pub fn make_bucket(&self, bucket: &str) {
        self.put(&format!("/{bucket}"), b"");
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &[u8]) {
        // It looks at who signs, and not at the signature.
        let signed = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";
        let headers = [("Authorization", signed), ("Connection", "close")];
        let empty = [("Content-Length", "0")];
        let headers: Vec<_> = headers.iter().chain(if body.is_empty() { &empty[..] } else { &[] }).copied().collect();
        let answer = client::request(self.address, "PUT", &self.address.to_string(), path, &headers, body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// What a task that may read from it has in its environment.
    pub fn environment(&self, server: ServerBuilder) -> ServerBuilder {
        server
            .environment("AWS_ENDPOINT_URL_S3", &self.url())
            .environment("AWS_REGION", "eu-west-1")
            .environment("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .environment("AWS_SECRET_ACCESS_KEY", "secret")
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
