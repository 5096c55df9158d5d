//! A stand-in for AWS with many accounts: the lists that commands read, page by page, with the rights that AWS asks for.
//!
//! Written from AWS's API references; no test reaches AWS. Who signs with `ASIA` or `AKIA` and an account's id is of that
//! account. Everything that is asked for is recorded; what a policy does not allow is refused, once there is a policy.

mod requests;
mod rights;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

pub use self::rights::Policy;
use super::accepting::Accepting;

/// The account of the credentials at hand.
pub const HUB: &str = "999988887777";

/// The secret key of commands, which no output may have.
pub const SECRET: &str = "a-secret-that-nobody-may-see";

/// A call that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub account: String,
    pub service: String,
    pub region: String,
    pub method: String,
    pub path: String,
    /// The query, or of the Query protocol its body.
    pub parameters: BTreeMap<String, String>,
    /// The operation of the JSON protocol.
    pub target: String,
    pub body: String,
}

impl Seen {
    /// A parameter, empty where it is not there.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }
}

/// An error response: status, code, message.
pub type Failure = (u16, &'static str, &'static str);

#[derive(Default)]
struct State {
    /// The items of each list, by account, region and path.
    lists: BTreeMap<(String, String, String), Vec<Value>>,
    /// Answers in XML and in the JSON protocol, by account, region and operation.
    answers: BTreeMap<(String, String, String), String>,
    /// The number of items of a page.
    page: usize,
    seen: Vec<Seen>,
    /// The interval of throttled requests; 0 for none.
    throttle_every: usize,
    throttled: usize,
    /// The accounts and paths that refuse every request, and how.
    failing: BTreeMap<String, Failure>,
    policy: Option<Policy>,
}

/// A running stand-in. Dropped, it stops.
pub struct FakeAws {
    state: Arc<Mutex<State>>,
    accepting: Accepting,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeAws {
    pub fn start() -> FakeAws {
        let state = Arc::new(Mutex::new(State { page: 500, ..State::default() }));
        let shared = state.clone();
        let accepting = Accepting::start(move |stream| requests::serve(stream, &shared));
        FakeAws { state, accepting }
    }

    /// The environment of a command that reads from it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let url = self.accepting.url();
        let hub = format!("AKIA{HUB}");
        let variables = [
            ("AWS_ENDPOINT_URL", &*url),
            ("AWS_ACCESS_KEY_ID", &*hub),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        variables.map(own).to_vec()
    }

    /// Puts an item into a list.
    pub fn has(&self, account: &str, region: &str, path: &str, item: Value) {
        let key = (account.to_owned(), region.to_owned(), path.to_owned());
        lock(&self.state).lists.entry(key).or_default().push(item);
    }

    /// What an operation of EC2, Route 53 or ACM answers, or a path of API Gateway that is no list.
    pub fn answers(&self, account: &str, region: &str, operation: &str, body: &str) {
        let key = (account.to_owned(), region.to_owned(), operation.to_owned());
        lock(&self.state).answers.insert(key, body.to_owned());
    }

    /// An API with stages; `kind` is PRIVATE, REGIONAL or EDGE.
    pub fn has_api(
        &self,
        account: &str,
        region: &str,
        (id, name, kind): (&str, &str, &str),
        stages: &[&str],
        tags: Value,
    ) {
        let endpoints = json!({ "types": [kind], "vpcEndpointIds": ["vpce-0123456789abcdef0"] });
        let api = json!({
            "id": id, "name": name, "createdDate": 1_700_000_000, "apiKeySource": "HEADER",
            "endpointConfiguration": endpoints, "tags": tags,
        });
        self.has(account, region, "/restapis", api);
        for stage in stages {
            let stage = json!({ "stageName": stage, "deploymentId": "dep1", "createdDate": 1_700_000_000 });
            self.has(account, region, &format!("/restapis/{id}/stages"), stage);
        }
    }

    /// A private custom domain name.
    pub fn has_domain(&self, account: &str, region: &str, (name, id): (&str, &str), more: Value) {
        let mut domain = json!({
            "domainName": name, "domainNameId": id, "domainNameStatus": "AVAILABLE", "securityPolicy": "TLS_1_2",
            "domainNameArn": format!("arn:aws:apigateway:{region}:{account}:/domainnames/{name}+{id}"),
            "certificateArn": format!("arn:aws:acm:{region}:{account}:certificate/1"),
            "endpointConfiguration": { "types": ["PRIVATE"] },
        });
        if let (Some(domain), Some(more)) = (domain.as_object_mut(), more.as_object()) {
            domain.extend(more.clone());
        }
        self.has(account, region, "/domainnames", domain);
    }

    /// Splits lists into pages of this many items.
    pub fn pages_of(&self, items: usize) {
        lock(&self.state).page = items;
    }

    /// Throttles each request whose number is a multiple of this.
    pub fn throttles_one_in(&self, requests: usize) {
        lock(&self.state).throttle_every = requests;
    }

    /// The number of throttled requests.
    pub fn throttled(&self) -> usize {
        lock(&self.state).throttled
    }

    /// Refuses every request of an account, assuming its role included.
    pub fn fails(&self, account: &str, failure: Failure) {
        lock(&self.state).failing.insert(account.to_owned(), failure);
    }

    /// Refuses every request for a path.
    pub fn fails_at(&self, path: &str, failure: Failure) {
        lock(&self.state).failing.insert(path.to_owned(), failure);
    }

    /// Allows no more than a policy, in every account but the hub.
    pub fn allows_only(&self, policy: &str) {
        lock(&self.state).policy = Some(Policy::read(policy));
    }

    /// The calls so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    /// The pairs of the active policy that no call needed.
    pub fn needless(&self) -> Vec<String> {
        let state = lock(&self.state);
        let policy = state.policy.as_ref().expect("a policy");
        policy.needless(&state.seen)
    }
}
