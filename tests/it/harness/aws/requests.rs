//! The requests of the stand-in, and their responses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::{Failure, HUB, Seen, State, lock};
use crate::harness::PATIENCE;

/// An answer: status, content type, body.
type Answer = (u16, &'static str, String);

const JSON: &str = "application/json";
const XML: &str = "text/xml";

/// Answers the requests of a connection, one after the other.
pub(super) fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let (status, kind, body) = answer(&mut lock(state), request);
        // No test waits as long as AWS would want it to.
        let wait = if status == 429 || status == 503 { "Retry-After: 0\r\nx-amz-retry-after: 0\r\n" } else { "" };
        let length = body.len();
        let head = format!("HTTP/1.1 {status} S\r\nContent-Type: {kind}\r\n{wait}Content-Length: {length}\r\n\r\n");
        let mut out = stream;
        if out.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Seen> {
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let line = lines.next()?;
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        let of = |line: &String| line.split_once(':').map(|(key, value)| (key.to_lowercase(), value.trim().to_owned()));
        head.iter().filter_map(of).find(|(key, _)| key == name).map(|(_, value)| value).unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let signed = header("authorization");
    // Credential=KEY/DATE/REGION/SERVICE/aws4_request
    let mut scope = signed.split_once("Credential=")?.1.split('/').map(str::to_owned);
    let (key, _, region, service) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
    let parameters = if query.is_empty() { &body } else { query };
    let decoded = |text: &str| percent_decoded(&text.replace('+', " "));
    let pairs = parameters.split('&').filter_map(|pair| pair.split_once('='));
    Some(Seen {
        account: key.get(4..).unwrap_or_default().to_owned(),
        service,
        region,
        method,
        path: percent_decoded(path),
        parameters: pairs.map(|(key, value)| (decoded(key), decoded(value))).collect(),
        target: header("x-amz-target"),
        body,
    })
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = || std::str::from_utf8(tail.get(..2)?).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, hex()) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn answer(state: &mut State, request: Seen) -> Answer {
    state.seen.push(request.clone());
    if state.seen.len().is_multiple_of(state.throttle_every) && request.service != "sts" {
        state.throttled += 1;
        return refused(&request, (429, "TooManyRequestsException", "Too Many Requests"));
    }
    let role_account = request.parameter("RoleArn").split(':').nth(4).unwrap_or_default();
    let of = if role_account.is_empty() { &request.account } else { role_account };
    if let Some(failure) = state.failing.get(of).or_else(|| state.failing.get(&request.path)) {
        return refused(&request, *failure);
    }
    let is_allowed = request.account == HUB || state.policy.as_ref().is_none_or(|policy| policy.allows(&request));
    if !is_allowed {
        return refused(&request, (403, "AccessDeniedException", "User is not authorized to perform this"));
    }
    match &*request.service {
        "sts" => sts(&request, role_account),
        "apigateway" if request.path.starts_with("/v2/") => {
            (200, JSON, page(state, &request, "routingRules", "nextToken"))
        }
        "apigateway" => {
            match state.answers.get(&(request.account.clone(), request.region.clone(), request.path.clone())) {
                Some(body) => (200, JSON, body.clone()),
                None => (200, JSON, page(state, &request, "item", "position")),
            }
        }
        _ => other(state, &request),
    }
}

/// A page of a list. The position of the next one is its first place.
fn page(state: &State, request: &Seen, items: &str, position: &str) -> String {
    let domain = request.parameter("domainNameId");
    let path = if domain.is_empty() { request.path.clone() } else { format!("{}?{domain}", request.path) };
    let key = (request.account.clone(), request.region.clone(), path);
    let none = Vec::new();
    let all = state.lists.get(&key).unwrap_or(&none);
    // Stages come all at once.
    let most = if request.path.ends_with("/stages") { usize::MAX } else { state.page };
    let at: usize = request.parameter(position).parse().unwrap_or(0);
    let shown: Vec<&Value> = all.iter().skip(at).take(most).collect();
    let mut page = json!({ items: shown });
    if at.saturating_add(most) < all.len() {
        page[position] = (at + most).to_string().into();
    }
    page.to_string()
}

fn sts(request: &Seen, role_account: &str) -> Answer {
    let body = match request.parameter("Action") {
        "GetCallerIdentity" => format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::{0}:user/x</Arn><UserId>U</UserId><Account>{0}</Account></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
            request.account
        ),
        _ => format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>ASIA{role_account}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>t</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>\
             <AssumedRoleUser><AssumedRoleId>R:s</AssumedRoleId><Arn>arn:aws:sts::{role_account}:assumed-role/r/s</Arn>\
             </AssumedRoleUser></AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
             </AssumeRoleResponse>"
        ),
    };
    (200, XML, body)
}

/// The response that a story has set for an operation of EC2, Route 53 or ACM.
fn other(state: &State, request: &Seen) -> Answer {
    let operation = match &*request.service {
        "route53" => request.path.clone(),
        "acm" => request.target.split('.').nth(1).unwrap_or_default().to_owned(),
        _ => request.parameter("Action").to_owned(),
    };
    let key = (request.account.clone(), request.region.clone(), operation);
    let kind = if request.service == "acm" { JSON } else { XML };
    match state.answers.get(&key) {
        Some(body) => (200, kind, body.clone()),
        None => refused(request, (400, "InvalidAction", "nobody answers this")),
    }
}

fn refused(request: &Seen, (status, code, message): Failure) -> Answer {
    match &*request.service {
        "apigateway" | "acm" => (status, JSON, json!({ "__type": code, "message": message }).to_string()),
        "ec2" => {
            let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            (status, XML, format!("<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"))
        }
        _ => {
            let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
            (status, XML, format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"))
        }
    }
}
