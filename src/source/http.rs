//! The mapping at a URL: the AppConfig agent beside the task, or any server that answers GET.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, ETAG, IF_NONE_MATCH};
use http::{HeaderValue, StatusCode};
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Client, Response};

use super::collected::Collected;
use super::error::{FetchError, chain, one_line};
use super::fetch::{FetchMode, Fetched, IDENTITY, Source};
use super::file_access::FileAccess;
use super::tls::use_ring;
use nameplate_core::settings::{MappingSource, ReloadRules};

/// The agent is on this host, other servers in this region.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A mapping that has moved further than this is lost.
const MOST_REDIRECTS: usize = 3;
/// How much of an answer that is no mapping is shown.
const SHOWN: usize = 200;

/// The mapping at a URL.
pub(super) struct Http {
    source: MappingSource,
    url: String,
    client: Client,
    token_file: Option<FileAccess<PathBuf>>,
    most: u64,
    /// Of what was brought last.
    etag: Option<HeaderValue>,
}

impl Http {
    pub(super) fn new(source: &MappingSource, url: &str, settings: &ReloadRules) -> Result<Http, FetchError> {
        use_ring();
        let mut builder = Client::builder()
            .user_agent(concat!("nameplate/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            // It would tell another host our URL, query included.
            .referer(false)
            .redirect(Policy::custom(redirected));
        if is_here(url) {
            // The agent beside the task is not reached through a proxy for the world outside.
            builder = builder.no_proxy();
        }
        let client =
            builder.build().map_err(|e| FetchError::new(source, chain(&e), "check the system's certificates"))?;
        let token_file = settings.token_file.clone().map(FileAccess::new);
        Ok(Http { source: source.clone(), url: url.into(), client, token_file, most: settings.max_bytes, etag: None })
    }

    fn fault(&self, cause: impl Into<String>, help: impl Into<String>) -> FetchError {
        // The query may hold a secret, and whoever answers may repeat it.
        let cause = cause.into();
        let cause = match self.url.split_once('?') {
            Some((_, query)) if !query.is_empty() => cause.replace(query, "..."),
            _ => cause,
        };
        FetchError::new(&self.source, cause, help)
    }

    /// The token's value is in no message: a fault names its file.
    async fn token(&mut self) -> Result<Option<HeaderValue>, FetchError> {
        let Some(file) = &mut self.token_file else { return Ok(None) };
        let read = file.run(|file| (std::fs::read_to_string(&file), file.display().to_string())).await;
        let help = "write the token, and nothing else, into the file that `reload: token_file` names";
        let (text, file) = read.unwrap_or_else(|e| (Err(e), String::new()));
        let text = text.map_err(|e| self.fault(format!("the token file {file}: {e}"), help))?;
        let none = || self.fault(format!("the token file {file} holds no token"), help);
        let token = text.trim();
        if token.is_empty() {
            return Err(none());
        }
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| none())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    async fn body(&self, mut response: Response) -> Result<Bytes, FetchError> {
        let too_large = |size| FetchError::too_large(&self.source, size, self.most);
        let announced = response.content_length();
        if announced.is_some_and(|length| length > self.most) {
            return Err(too_large(announced));
        }
        let mut body = Collected::up_to(self.most, announced)
            .map_err(|e| self.fault(format!("there is no memory for it: {e}"), "lower `reload: max_bytes`"))?;
        let broke_off =
            |e: reqwest::Error| self.fault(chain(&e.without_url()), "the answer broke off; check the server");
        while let Some(chunk) = response.chunk().await.map_err(broke_off)? {
            if !body.add(&chunk) {
                return Err(too_large(None));
            }
        }
        Ok(body.into_bytes())
    }

    async fn refused(&self, mut response: Response) -> FetchError {
        let status = response.status();
        // Who refuses somebody may repeat what they came with.
        let refused = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let said = if refused { None } else { response.chunk().await.ok().flatten() }.unwrap_or_default();
        let said = one_line(&String::from_utf8_lossy(&said[..said.len().min(SHOWN)]));
        let help = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "check `reload: token_file`, or who may read it",
            StatusCode::NOT_FOUND => "check the URL; for AppConfig the application, environment and profile in it",
            status if status.is_server_error() => "the server is in trouble; it is asked again",
            _ => "a GET of this URL must answer 200 with the mapping",
        };
        self.fault(format!("the answer is {status}{}{said}", if said.is_empty() { "" } else { ": " }), help)
    }
}

#[async_trait]
impl Source for Http {
    async fn fetch(&mut self, mode: FetchMode) -> Result<Fetched, FetchError> {
        let token = self.token().await?;
        let mut request = self
            .client
            .get(&self.url)
            .header(ACCEPT, "application/yaml, application/json;q=0.9, */*;q=0.8")
            .header(ACCEPT_ENCODING, IDENTITY);
        if let Some(token) = token {
            request = request.header(http::header::AUTHORIZATION, token);
        }
        let etag = self.etag.as_ref().filter(|_| mode == FetchMode::IfChanged);
        let asked_by_etag = etag.is_some();
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let unanswered =
            |e: reqwest::Error| self.fault(chain(&e.without_url()), "check that the server runs and can be reached");
        let response = request.send().await.map_err(unanswered)?;
        match response.status() {
            StatusCode::NOT_MODIFIED if asked_by_etag => Ok(Fetched::Unchanged),
            StatusCode::OK => {
                let etag = response.headers().get(ETAG).cloned();
                let body = self.body(response).await?;
                // Kept only for what has arrived whole.
                self.etag = etag;
                Ok(Fetched::Document(body))
            }
            _ => Err(self.refused(response).await),
        }
    }
}

/// Follows a few redirects, and none that leaves TLS.
fn redirected(attempt: Attempt<'_>) -> Action {
    let left_tls = attempt.previous().last().is_some_and(|from| from.scheme() == "https");
    if left_tls && attempt.url().scheme() != "https" {
        attempt.error("it redirects from https to http")
    } else if attempt.previous().len() > MOST_REDIRECTS {
        attempt.error("it redirects too often")
    } else {
        attempt.follow()
    }
}

/// Whether a URL is of this host.
fn is_here(url: &str) -> bool {
    let host = url.parse::<http::Uri>().ok().and_then(|url| url.host().map(str::to_owned)).unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_is_told_from_others() {
        for here in ["http://localhost:2772/a", "http://LOCALHOST/", "https://127.0.0.1/", "http://[::1]:80/"] {
            assert!(is_here(here), "{here}");
        }
        for there in ["http://example.com/", "http://localhost.example.com/", "http://10.0.0.1/", "no url"] {
            assert!(!is_here(there), "{there}");
        }
    }

    #[test]
    fn the_query_is_in_no_message() {
        let url = "http://127.0.0.1:1/m?token=hush";
        let http = Http::new(&url.parse().expect("a URL"), url, &ReloadRules::default()).expect("a client");
        let fault = http.fault("no page at /m?token=hush", "help").to_string();
        assert!(fault.contains("no page at /m?...") && !fault.contains("hush"), "{fault}");
    }

    #[tokio::test]
    async fn a_token_is_read_anew_and_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        let settings = ReloadRules { token_file: Some(file.clone()), ..ReloadRules::default() };
        let source: MappingSource = "http://127.0.0.1:1/m".parse().expect("a URL");
        let mut http = Http::new(&source, "http://127.0.0.1:1/m", &settings).expect("a client");
        assert!(http.token().await.expect_err("no file").cause.contains("token"));
        std::fs::write(&file, "secret-1\n").expect("written");
        let token = http.token().await.expect("a token").expect("a token");
        assert_eq!((token.as_bytes(), format!("{token:?}").as_str()), (&b"Bearer secret-1"[..], "Sensitive"));
        for text in ["hush-1\nhush-2", "", " \n"] {
            std::fs::write(&file, text).expect("written");
            let fault = http.token().await.expect_err("no token").to_string();
            assert!(!fault.contains("hush") && fault.contains("holds no token"), "{fault}");
        }
    }
}
