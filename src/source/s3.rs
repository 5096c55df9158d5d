//! The mapping as an object in S3, asked for by its ETag.
//!
//! Credentials are found as on any AWS compute: the environment's keys, a web identity, the ECS task
//! role, EKS Pod Identity, the instance's role. A profile in `~/.aws` is not read.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ClientOptions, Error, GetOptions, GetResult, ObjectStore, RetryConfig};

use super::collected::Collected;
use super::error::{FetchError, chain};
use super::fetch::{FetchMode, Fetched, IDENTITY, Source};
use super::tls::use_ring;
use nameplate_core::settings::{MappingSource, ReloadRules};

/// S3's gateway endpoint is in our VPC.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Within one fetch; the next poll is another chance.
const RETRIES: usize = 2;

/// The mapping as an object in S3.
pub(super) struct S3 {
    source: MappingSource,
    store: AmazonS3,
    key: Path,
    most: u64,
    /// Of what was brought last.
    etag: Option<String>,
}

/// Sets up the access to a bucket.
pub(super) fn bucket(source: &MappingSource, name: &str, settings: &ReloadRules) -> Result<AmazonS3, FetchError> {
    use_ring();
    let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let endpoint = settings
        .s3_endpoint
        .clone()
        .or_else(|| environment("AWS_ENDPOINT_URL_S3"))
        .or_else(|| environment("AWS_ENDPOINT_URL"))
        .or_else(|| china(&environment("AWS_REGION").or_else(|| environment("AWS_DEFAULT_REGION"))?));
    let options = ClientOptions::new()
        .with_timeout(settings.timeout)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, IDENTITY)]))
        // Named by whoever runs this; AWS itself is always spoken to over TLS.
        .with_allow_http(endpoint.as_deref().is_some_and(|url| url.starts_with("http:")));
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: settings.timeout, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(name).with_client_options(options).with_retry(retry);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    let help = "check the AWS_ variables of the environment and `reload: s3_endpoint`";
    builder.build().map_err(|e| FetchError::new(source, chain(&e), help))
}

/// Returns an error of S3 in words that are safe to show. `rights` are those that the task role needs.
pub(super) fn s3_error(source: &MappingSource, e: &Error, rights: &str) -> FetchError {
    let help = match e {
        Error::NotFound { .. } => {
            "upload the mapping there; without s3:ListBucket, S3 answers 403 for a missing object instead".into()
        }
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            format!("the task role needs {rights}, and kms:Decrypt where it has a key of its own")
        }
        _ => "check AWS_REGION, the credentials and the way to S3".into(),
    };
    FetchError::new(source, without_secrets(chain(e)), help)
}

/// Returns the ARN of what a source names.
pub(super) fn arn(source: &MappingSource) -> String {
    source.to_string().replacen("s3://", "arn:aws:s3:::", 1)
}

/// The text of an object, of at most `most` bytes.
pub(super) async fn text_of(
    source: &MappingSource,
    object: GetResult,
    most: u64,
    error: impl Fn(&Error) -> FetchError,
) -> Result<Option<Bytes>, FetchError> {
    let no_memory =
        |e: io::Error| FetchError::new(source, format!("there is no memory for it: {e}"), "lower `reload: max_bytes`");
    let mut body = Collected::up_to(most, Some(object.meta.size)).map_err(no_memory)?;
    let mut pieces = object.into_stream();
    while let Some(piece) = pieces.next().await {
        if !body.add(&piece.map_err(|e| error(&e))?) {
            return Ok(None);
        }
    }
    Ok(Some(body.into_bytes()))
}

impl S3 {
    pub(super) fn new(
        source: &MappingSource,
        bucket_name: &str,
        key: &str,
        settings: &ReloadRules,
    ) -> Result<S3, FetchError> {
        let store = bucket(source, bucket_name, settings)?;
        let key = Path::parse(key).map_err(|e| FetchError::new(source, chain(&e), "write the key as S3 lists it"))?;
        Ok(S3 { source: source.clone(), store, key, most: settings.max_bytes, etag: None })
    }

    fn error(&self, e: &Error) -> FetchError {
        s3_error(&self.source, e, &format!("s3:GetObject on {}", arn(&self.source)))
    }
}

/// What S3 and the role's server say, without what lets others act as us: the URL of the task's
/// credentials, and the session token that S3 repeats when it has expired.
pub(super) fn without_secrets(mut text: String) -> String {
    for name in ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
        if let Some(value) = std::env::var(name).ok().filter(|value| !value.is_empty()) {
            text = text.replace(&value, "...");
        }
    }
    while let Some(start) = text.find("<Token") {
        let end = text[start..].find("</Token").map_or(text.len(), |end| start + end);
        text.replace_range(start..end, "<...");
        if end == text.len() {
            break;
        }
    }
    text
}

/// Where S3 answers in China, whose names end in another suffix (AWS documentation, "Endpoints and
/// ARNs for AWS in China").
fn china(region: &str) -> Option<String> {
    region.starts_with("cn-").then(|| format!("https://s3.{region}.amazonaws.com.cn"))
}

#[async_trait]
impl Source for S3 {
    async fn fetch(&mut self, mode: FetchMode) -> Result<Fetched, FetchError> {
        let if_none_match = self.etag.clone().filter(|_| mode == FetchMode::IfChanged);
        let found = self.store.get_opts(&self.key, GetOptions { if_none_match, ..GetOptions::default() }).await;
        let object = match found {
            Ok(object) => object,
            Err(Error::NotModified { .. }) => return Ok(Fetched::Unchanged),
            Err(e) => return Err(self.error(&e)),
        };
        let size = object.meta.size;
        if size > self.most {
            return Err(FetchError::too_large(&self.source, Some(size), self.most));
        }
        let etag = object.meta.e_tag.clone();
        let Some(text) = text_of(&self.source, object, self.most, |e| self.error(e)).await? else {
            return Err(FetchError::too_large(&self.source, None, self.most));
        };
        // Kept only for what has arrived whole.
        self.etag = etag;
        Ok(Fetched::Document(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_s3_repeats_is_not() {
        let said = "<Error><Code>ExpiredToken</Code><Token-0>hush</Token-0><HostId>h</HostId></Error>";
        let shown = without_secrets(said.into());
        assert!(!shown.contains("hush") && shown.contains("ExpiredToken") && shown.contains("<HostId>"), "{shown}");
        assert!(!without_secrets("<Token-0>hush".into()).contains("hush"));
    }

    #[test]
    fn china_has_names_of_its_own() {
        assert_eq!(china("cn-north-1").as_deref(), Some("https://s3.cn-north-1.amazonaws.com.cn"));
        assert_eq!(china("eu-west-1"), None);
    }
}
