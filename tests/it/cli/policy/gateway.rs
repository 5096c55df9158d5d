//! A stand-in for API Gateway's control plane, as AWS answers: it refuses what AWS refuses, keeps whole ARNs,
//! gives policies back escaped, and knows what is deployed. Written from the API reference and from answers
//! that people published; no test reaches AWS.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::harness::PATIENCE;
use crate::harness::accepting::Accepting;

/// An answer in place of the right one: status, AWS's name for it, its words. Without a name it is not of API
/// Gateway, and the words are its body.
pub type Failure = (u16, &'static str, &'static str);

#[derive(Clone, Debug)]
pub struct Made {
    pub id: String,
    pub description: String,
    pub policy: String,
}

/// An API as the control plane has it.
#[derive(Clone, Debug, Default)]
pub struct Api {
    pub kind: String,
    pub endpoint_ids: Vec<String>,
    /// Its execute-api endpoint is disabled.
    pub is_closed: bool,
    /// As it was put, with ARNs written out.
    pub policy: String,
    /// The deployment of each stage.
    pub stages: BTreeMap<String, String>,
    pub deployments: Vec<Made>,
    /// Of stages with a canary, the canary's deployment.
    pub canaries: BTreeMap<String, String>,
    /// The ARN of the web ACL of each stage that has one.
    pub web_acls: BTreeMap<String, String>,
    /// What somebody else does to the API right after each deployment.
    pub meddler: Option<fn(&mut Api)>,
}

#[derive(Default)]
struct State {
    apis: BTreeMap<String, Api>,
    /// Requests in order: method and path.
    seen: Vec<String>,
    /// Whose access key signed the last one.
    signer: String,
    /// What is answered to a method's next requests instead.
    failing: BTreeMap<String, VecDeque<Failure>>,
}

/// A running stand-in. Dropped, it stops.
pub struct Gateway {
    state: Arc<Mutex<State>>,
    accepting: Accepting,
}

const ACCOUNT: &str = "123456789012";

impl Gateway {
    /// With a private API that has these stages, each deployed once, and no policy yet.
    pub fn with(id: &str, stages: &[&str]) -> Gateway {
        let apis = BTreeMap::from([(id.to_owned(), private(stages))]);
        let state = Arc::new(Mutex::new(State { apis, ..State::default() }));
        let shared = state.clone();
        let accepting = Accepting::start(move |stream| serve(stream, &shared));
        Gateway { state, accepting }
    }

    /// And with another one.
    pub fn and(self, id: &str, stages: &[&str]) -> Gateway {
        lock(&self.state).apis.insert(id.to_owned(), private(stages));
        self
    }

    pub fn url(&self) -> String {
        self.accepting.url()
    }

    pub fn api(&self, id: &str) -> Api {
        lock(&self.state).apis[id].clone()
    }

    pub fn change(&self, id: &str, change: impl FnOnce(&mut Api)) {
        change(lock(&self.state).apis.get_mut(id).expect("an API"));
    }

    /// Puts a policy as somebody else would.
    pub fn has_policy(&self, id: &str, text: &str) {
        let kept = keep(id, text).expect("a policy");
        self.change(id, |api| api.policy = kept);
    }

    /// Deploys a stage as somebody else would.
    pub fn releases(&self, id: &str, stage: &str) {
        let body = json!({ "stageName": stage, "description": "release 7" });
        self.change(id, |api| drop(deploy(api, &body).expect("a release")));
    }

    /// Answers a method's next request so.
    pub fn fails(&self, method: &str, failure: Failure) {
        lock(&self.state).failing.entry(method.to_owned()).or_default().push_back(failure);
    }

    /// The requests that change something, since this was asked last.
    pub fn changes(&self) -> Vec<String> {
        let seen = std::mem::take(&mut lock(&self.state).seen);
        seen.into_iter().filter(|line| !line.starts_with("GET ")).collect()
    }

    /// Whose access key signed the last request.
    pub fn signer(&self) -> String {
        lock(&self.state).signer.clone()
    }

    /// The policy that a stage goes by: that of its deployment.
    pub fn serves(&self, id: &str, stage: &str) -> Value {
        let api = self.api(id);
        let made = api.deployments.iter().find(|made| made.id == api.stages[stage]).expect("a deployment");
        serde_json::from_str(&made.policy).unwrap_or(Value::Null)
    }
}

fn private(stages: &[&str]) -> Api {
    let first = Made { id: "first1".into(), description: "made by hand".into(), policy: String::new() };
    let stages = stages.iter().map(|stage| ((*stage).to_owned(), first.id.clone())).collect();
    Api { kind: "PRIVATE".into(), stages, deployments: vec![first], ..Api::default() }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut reader = BufReader::new(stream);
    loop {
        let mut lines = reader.by_ref().lines().map_while(Result::ok);
        let Some(line) = lines.next() else { return };
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let header = |name: &str| {
            let of =
                |line: &String| line.split_once(':').map(|(key, value)| (key.to_lowercase(), value.trim().to_owned()));
            head.iter().filter_map(of).find(|(key, _)| key == name).map(|(_, value)| value).unwrap_or_default()
        };
        let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let signed = header("authorization");
        let signer = signed.split_once("Credential=").and_then(|(_, of)| of.split('/').next()).unwrap_or_default();
        lock(state).signer = signer.to_owned();
        let answer = match signed.contains("/us-east-1/apigateway/aws4_request") {
            true => answer(&mut lock(state), &line, &body),
            false => Err((403, "MissingAuthenticationTokenException", "Missing Authentication Token")),
        };
        let (status, kind, body) = match answer {
            Ok(body) => (200, "", body.to_string()),
            Err((status, "", body)) => (status, "", body.to_owned()),
            Err((status, kind, message)) => (status, kind, json!({ "message": message }).to_string()),
        };
        // No test waits as long as AWS would want it to.
        let wait = if status == 429 { "Retry-After: 0\r\n" } else { "" };
        let error = if kind.is_empty() { String::new() } else { format!("x-amzn-ErrorType: {kind}\r\n") };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\n{wait}{error}Content-Length: {length}\r\n\r\n"
        );
        let mut out = stream;
        if out.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(state: &mut State, line: &str, body: &[u8]) -> Result<Value, Failure> {
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    state.seen.push(format!("{method} {path}"));
    if let Some(failure) = state.failing.get_mut(method).and_then(VecDeque::pop_front) {
        return Err(failure);
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let pieces: Vec<&str> = path.trim_matches('/').split('/').collect();
    let id = *pieces.get(1).unwrap_or(&"");
    let not_found = (404, "NotFoundException", "Invalid API identifier specified 123456789012");
    let api = state.apis.get_mut(id).ok_or(not_found)?;
    match (method, &pieces[2..]) {
        ("GET", []) => Ok(shown(id, api)),
        ("GET", ["stages"]) => {
            let stage = |(name, deployment): (&String, &String)| {
                let mut stage = json!({ "stageName": name, "deploymentId": deployment });
                if let Some(canary) = api.canaries.get(name) {
                    stage["canarySettings"] = json!({ "percentTraffic": 10.0, "deploymentId": canary });
                }
                if let Some(acl) = api.web_acls.get(name) {
                    stage["webAclArn"] = acl.clone().into();
                    stage["methodSettings"] =
                        json!({ "*/*": { "throttlingRateLimit": 50.0, "throttlingBurstLimit": 20 } });
                }
                stage
            };
            Ok(json!({ "item": api.stages.iter().map(stage).collect::<Vec<_>>() }))
        }
        ("GET", ["deployments"]) => Ok(page(api, target)),
        ("PATCH", []) => patch(id, api, &body).map(|()| shown(id, api)),
        ("POST", ["deployments"]) => deploy(api, &body),
        _ => Err((403, "AccessDeniedException", "nobody answers this")),
    }
}

fn shown(id: &str, api: &Api) -> Value {
    let mut shown = json!({
        "id": id,
        "name": "orders",
        "createdDate": 1_700_000_000,
        "apiKeySource": "HEADER",
        "disableExecuteApiEndpoint": api.is_closed,
        "endpointConfiguration": { "types": [api.kind], "vpcEndpointIds": api.endpoint_ids },
    });
    if !api.policy.is_empty() {
        shown["policy"] = escaped(&api.policy).into();
    }
    shown
}

/// One deployment a page, so that the next one is asked for.
fn page(api: &Api, target: &str) -> Value {
    let at: usize = target
        .split_once("position=")
        .map_or(0, |(_, at)| at.split('&').next().unwrap_or(at).parse().expect("a position"));
    let made = &api.deployments[at];
    let item = json!({ "id": made.id, "description": made.description, "createdDate": 1_700_000_000 + at });
    let mut page = json!({ "item": [item] });
    if at + 1 < api.deployments.len() {
        page["position"] = (at + 1).to_string().into();
    }
    page
}

fn patch(id: &str, api: &mut Api, body: &Value) -> Result<(), Failure> {
    let wrong = (400, "BadRequestException", "Invalid patch path specified");
    let [operation] = &body["patchOperations"].as_array().ok_or(wrong)?[..] else { return Err(wrong) };
    let (op, path, value) = (&operation["op"], &operation["path"], operation["value"].as_str());
    if op != "replace" || path != "/policy" {
        return Err(wrong);
    }
    api.policy = keep(id, value.unwrap_or_default())?;
    Ok(())
}

fn deploy(api: &mut Api, body: &Value) -> Result<Value, Failure> {
    if api.policy.is_empty() {
        return Err((400, "BadRequestException", "Private REST API doesn't have a resource policy attached to it"));
    }
    let id = format!("made{}", api.deployments.len());
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    api.deployments.push(Made { id: id.clone(), description: text("description"), policy: api.policy.clone() });
    // A stage with a canary keeps its deployment: the new one is the canary's.
    match api.canaries.get_mut(&text("stageName")) {
        Some(canary) => canary.clone_from(&id),
        None => drop(api.stages.insert(text("stageName"), id.clone())),
    }
    if let Some(meddler) = api.meddler {
        meddler(api);
    }
    Ok(json!({ "id": id, "description": text("description"), "createdDate": 1_700_000_000 }))
}

/// A policy as AWS keeps it: ARNs written out, and a list of one as a text.
fn keep(id: &str, text: &str) -> Result<String, Failure> {
    let refused = (
        400,
        "BadRequestException",
        "Invalid policy document. Please check the policy syntax and ensure that Principals are valid.",
    );
    let mut policy: Value = serde_json::from_str(text).map_err(|_| refused)?;
    let is_whole = |statement: &Value| {
        let wrong = |resource: &Value| resource.as_str().is_none_or(|text| !text.contains("execute-api:"));
        let resources = &statement["Resource"];
        let listed = resources.as_array().map_or(wrong(resources), |all| all.iter().any(wrong));
        !listed && !statement["Principal"].is_null() && statement["Action"].is_string()
    };
    let statements = policy["Statement"].as_array_mut().ok_or(refused)?;
    if text.chars().count() > 8_192 || statements.is_empty() || !statements.iter().all(is_whole) {
        return Err(refused);
    }
    for statement in statements {
        write_out(id, statement);
    }
    Ok(policy.to_string())
}

fn write_out(id: &str, value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(path) = text.strip_prefix("execute-api:/") {
                *text = format!("arn:aws:execute-api:us-east-1:{ACCOUNT}:{id}/{path}");
            }
        }
        Value::Array(list) => {
            list.iter_mut().for_each(|item| write_out(id, item));
            if let [one] = &mut list[..] {
                *value = one.take();
            }
        }
        Value::Object(map) => map.values_mut().for_each(|item| write_out(id, item)),
        _ => {}
    }
}

/// As a text inside of a text, slashes included.
fn escaped(policy: &str) -> String {
    policy.replace('\\', "\\\\").replace('"', "\\\"").replace('/', "\\/")
}
