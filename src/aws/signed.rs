//! Signed requests to the services of AWS that no SDK crate is here for, and their responses in XML or JSON.
//!
//! **Invariant:** a request is for a [`Call`] of the table, so that its rights are in a policy. What AWS throttles or fails
//! to do is sent again, [`TRIES`] times at most.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use aws_sdk_apigateway::config::Credentials;
use aws_sdk_apigateway::config::http::{HttpRequest, HttpResponse};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::calls::Call;
use super::client::ATTEMPT;
use super::gateway::{Fault, FaultKind, NETWORK_HELP, TRIES, advice, chain, is_throttling, wait_as_asked};
use nameplate_core::diagnostic::printable_name;
use nameplate_core::domain::region::suffix_of;

/// The most bytes of a response: AWS's pages have at most some hundred kilobytes.
const MAX_RESPONSE: usize = 16 << 20;

/// The wait after the first failure other than throttling; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// A request of a [`Call`].
#[derive(Clone, Debug)]
pub(crate) struct Request {
    call: &'static Call,
    method: &'static str,
    /// The path and the query, encoded.
    target: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Request {
    /// A request of the Query protocol (EC2, STS).
    pub(crate) fn query(call: &'static Call, version: &str, parameters: &[(&str, &str)]) -> Request {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("Action", call.operation).append_pair("Version", version).extend_pairs(parameters);
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        Request { call, method: "POST", target: "/".to_owned(), headers, body: body.finish() }
    }

    /// A GET of a path whose segments are encoded, with parameters that are not (Route 53, API Gateway).
    pub(crate) fn get(call: &'static Call, path: &str, parameters: &[(&str, &str)]) -> Request {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        // A signature counts a space as %20.
        let query = query.replace('+', "%20");
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        Request { call, method: "GET", target, headers: Vec::new(), body: String::new() }
    }

    /// A request of the JSON protocol (ACM); `target` is what stands before the operation's name.
    pub(crate) fn json(call: &'static Call, target: &str, body: &serde_json::Value) -> Request {
        let headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("{target}.{}", call.operation)),
        ];
        Request { call, method: "POST", target: "/".to_owned(), headers, body: body.to_string() }
    }
}

/// A segment of a path, encoded as signatures count it.
pub(crate) fn segment(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}

/// Returns the URL of a service, and the region that its requests are signed for.
fn place(service: &str, region: &str) -> (String, String) {
    match (service, suffix_of(region)) {
        // Route 53 has one endpoint in each partition.
        ("route53", suffix) if region.starts_with("us-gov-") => {
            (format!("https://route53.us-gov.{suffix}"), "us-gov-west-1".into())
        }
        ("route53", suffix) if region.starts_with("cn-") => {
            (format!("https://route53.{suffix}"), "cn-northwest-1".into())
        }
        ("route53", "amazonaws.com") => ("https://route53.amazonaws.com".into(), "us-east-1".into()),
        (service, suffix) => (format!("https://{service}.{region}.{suffix}"), region.to_owned()),
    }
}

/// The variable that names another endpoint of a service.
fn variable(service: &str) -> &'static str {
    match service {
        "ec2" => "AWS_ENDPOINT_URL_EC2",
        "sts" => "AWS_ENDPOINT_URL_STS",
        "acm" => "AWS_ENDPOINT_URL_ACM",
        "route53" => "AWS_ENDPOINT_URL_ROUTE_53",
        _ => "AWS_ENDPOINT_URL_API_GATEWAY",
    }
}

/// Signs and sends requests of one account to one region.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub(super) region: String,
    /// The endpoint of all services, in place of AWS's.
    pub(super) endpoint: Option<String>,
    pub(super) credentials: Credentials,
    pub(super) connector: SharedHttpConnector,
}

/// A failed try.
struct Refused {
    fault: Fault,
    /// The wait before the next try, if one may help.
    again: Option<Duration>,
}

impl Signer {
    /// The response to a request, as XML.
    pub(super) async fn xml<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Fault> {
        let text = self.send(request).await?;
        quick_xml::de::from_str(&text).map_err(|e| self.nonsense(request, &e))
    }

    /// The response to a request, as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Fault> {
        let text = self.send(request).await?;
        serde_json::from_str(&text).map_err(|e| self.nonsense(request, &e))
    }

    fn nonsense(&self, request: &Request, e: &dyn Display) -> Fault {
        let what = printable_name(&format!("{}: the response is not what AWS documents: {e}", self.cannot(request)));
        Fault { what, help: NETWORK_HELP.to_owned(), kind: FaultKind::Other }
    }

    fn cannot(&self, request: &Request) -> String {
        format!("cannot call {} in {}", request.call.operation, self.region)
    }

    async fn send(&self, request: &Request) -> Result<String, Fault> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.send_once(request, wait).await {
                Err(Refused { again: Some(again), .. }) => tokio::time::sleep(again).await,
                done => return done.map_err(|refused| refused.fault),
            }
            wait *= 2;
        }
        self.send_once(request, wait).await.map_err(|refused| refused.fault)
    }

    /// Sends it; `wait` is how long to wait after a failure where AWS does not say.
    async fn send_once(&self, request: &Request, wait: Duration) -> Result<String, Refused> {
        let unreached = |said: String, again| {
            let what = printable_name(&format!("{}: {said}", self.cannot(request)));
            Refused { fault: Fault { what, help: NETWORK_HELP.to_owned(), kind: FaultKind::Other }, again }
        };
        let signed = self.signed(request).map_err(|said| unreached(said, None))?;
        let sent = async {
            let mut response = self.connector.call(signed).await.map_err(|e| chain(&e))?;
            let body = Limited::new(response.take_body(), MAX_RESPONSE).collect().await;
            let bytes = body.map_err(|e| format!("the response broke off: {e}"))?.to_bytes();
            Ok((response, String::from_utf8_lossy(&bytes).into_owned()))
        };
        let (response, text) = match tokio::time::timeout(ATTEMPT, sent).await {
            Ok(Ok(received)) => received,
            Ok(Err(said)) => return Err(unreached(said, Some(wait))),
            Err(_) => return Err(unreached("no response in time".to_owned(), Some(wait))),
        };
        if response.status().is_success() { Ok(text) } else { Err(self.refused(request, &response, &text, wait)) }
    }

    fn refused(&self, request: &Request, response: &HttpResponse, text: &str, wait: Duration) -> Refused {
        let status = response.status().as_u16();
        let header = response.headers().get("x-amzn-errortype");
        let Some(Said { code, message }) = Said::read(header, text) else {
            let what = format!("{}: status {status} is no response of AWS", self.cannot(request));
            let again = (status >= 500).then_some(wait);
            return Refused { fault: Fault { what, help: NETWORK_HELP.to_owned(), kind: FaultKind::Other }, again };
        };
        let again = match status {
            _ if is_throttling(&code) || status == 429 => Some(wait_as_asked(response.headers().get("retry-after"))),
            500.. => Some(wait),
            _ => None,
        };
        let (kind, help) = advice(&code, status, &request.call.rights(&self.region));
        let message = message.as_deref().unwrap_or("AWS says no more");
        let what = printable_name(&format!("{}: {code}: {message}", self.cannot(request)));
        Refused { fault: Fault { what, help, kind }, again }
    }

    fn signed(&self, request: &Request) -> Result<HttpRequest, String> {
        let (mut url, region) = place(request.call.service, &self.region);
        let other = std::env::var(variable(request.call.service)).ok().filter(|url| !url.is_empty());
        if let Some(other) = other.as_deref().or(self.endpoint.as_deref()) {
            url = other.trim_end_matches('/').to_owned();
        }
        let url = url + &request.target;
        let identity = self.credentials.clone().into();
        let settings = SigningSettings::default();
        let parameters = v4::SigningParams::builder().identity(&identity).region(&region).name(request.call.service);
        let parameters = parameters.time(SystemTime::now()).settings(settings).build().map_err(|e| e.to_string())?;
        let headers = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let body = SignableBody::Bytes(request.body.as_bytes());
        let signable = SignableRequest::new(request.method, &url, headers, body).map_err(|e| chain(&e))?;
        let (signature, _) = sign(signable, &parameters.into()).map_err(|e| chain(&e))?.into_parts();
        let mut unsigned = http::Request::builder().method(request.method).uri(&url);
        for (name, value) in &request.headers {
            unsigned = unsigned.header(*name, value);
        }
        let mut signed = unsigned.body(request.body.as_str().into()).map_err(|e| e.to_string())?;
        signature.apply_to_request_http1x(&mut signed);
        HttpRequest::try_from(signed).map_err(|e| chain(&e))
    }
}

/// An error as AWS reports it.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    code: String,
    message: Option<String>,
}

/// An error in XML: Query's (`Response` or `ErrorResponse`), and Route 53's.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct XmlError {
    errors: Option<XmlErrors>,
    error: Option<XmlCode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct XmlErrors {
    error: XmlCode,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct XmlCode {
    code: String,
    message: Option<String>,
}

#[derive(Deserialize)]
struct JsonError {
    #[serde(rename = "__type")]
    kind: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

impl Said {
    fn read(header: Option<&str>, text: &str) -> Option<Said> {
        if let Ok(XmlError { errors, error }) = quick_xml::de::from_str(text) {
            let of = error.or(errors.map(|errors| errors.error))?;
            return Some(Said { code: of.code, message: of.message });
        }
        let JsonError { kind, message } = serde_json::from_str(text).ok()?;
        let code = header.map(str::to_owned).or(kind)?;
        // Either may have a URI around the name: `NotFoundException:http://...`, `com.amazonaws#NotFoundException`.
        let code = code.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned();
        Some(Said { code, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(header: Option<&str>, text: &str, want: Option<(&str, Option<&str>)>) {
        let want = want.map(|(code, message)| Said { code: code.into(), message: message.map(str::to_owned) });
        assert_eq!(Said::read(header, text), want, "{text}");
    }

    #[test]
    fn each_protocol_names_its_errors_its_own_way() {
        let code = "<Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message>";
        let told = Some(("RequestLimitExceeded", Some("Request limit exceeded.")));
        says(
            None,
            &format!("<Response><Errors><Error>{code}</Error></Errors><RequestID>1</RequestID></Response>"),
            told,
        );
        says(
            None,
            &format!("<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type>{code}</Error></ErrorResponse>"),
            told,
        );
        says(None, r#"{"__type":"com.amazonaws#Throttling","message":"slow"}"#, Some(("Throttling", Some("slow"))));
        says(Some("NotFoundException:http://x"), r#"{"message":"no"}"#, Some(("NotFoundException", Some("no"))));
        says(None, "<html><body>Blocked</body></html>", None);
        says(None, "Bad Gateway", None);
    }

    #[test]
    fn a_service_is_where_its_partition_has_it() {
        let check = |service: &str, region: &str, want: (&str, &str)| {
            let (url, signed) = place(service, region);
            assert_eq!((&*url, &*signed), want, "{service} {region}");
        };
        check("ec2", "eu-west-1", ("https://ec2.eu-west-1.amazonaws.com", "eu-west-1"));
        check("ec2", "cn-north-1", ("https://ec2.cn-north-1.amazonaws.com.cn", "cn-north-1"));
        check("route53", "eu-west-1", ("https://route53.amazonaws.com", "us-east-1"));
        check("route53", "us-gov-east-1", ("https://route53.us-gov.amazonaws.com", "us-gov-west-1"));
        check("route53", "cn-north-1", ("https://route53.amazonaws.com.cn", "cn-northwest-1"));
    }

    #[test]
    fn a_query_and_a_segment_are_encoded_as_they_are_signed() {
        let request = Request::get(&super::super::calls::HOSTED_ZONES, "/x", &[("name", "a b+c")]);
        assert_eq!(request.target, "/x?name=a%20b%2Bc");
        assert_eq!(segment("a.example.com+x/*"), "a.example.com%2Bx%2F%2A");
    }
}
