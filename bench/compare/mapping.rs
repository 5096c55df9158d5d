//! The mapping under load: domain `i` is for API `i`, at the stage `v1`.

/// A path whose answer is 1 KiB of JSON; with a query, as most have.
pub const SMALL: &str = "/items?page=1";
/// One whose answer is 100 KiB.
pub const BIG: &str = "/big";
/// One whose answer is what the API received.
pub const ECHO: &str = "/echo?page=1";

/// The stage of every API.
pub const STAGE: &str = "v1";
/// What an API's id is in front of.
pub const SUFFIX: &str = ".execute-api.us-east-1.amazonaws.com";
/// The execute-api VPC endpoint's own name.
pub const ENDPOINT: &str = "vpce-0123456789abcdef0-abcdefgh.execute-api.us-east-1.vpce.amazonaws.com";
/// All domains are under this one.
pub const PARENT: &str = "compare.example.com";

pub fn domain(at: usize) -> String {
    format!("d{at}.{PARENT}")
}

/// An API's id: ten characters, as API Gateway's are.
pub fn id(at: usize) -> String {
    format!("api{at:07}")
}

/// One line of the mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub domain: String,
    pub id: String,
}

/// So many domains, and with a change one more, whose name says that it is new.
pub fn entries(domains: usize, changed: bool) -> impl Iterator<Item = Entry> {
    let one = |at| Entry { domain: domain(at), id: id(at) };
    (0..domains).map(one).chain(changed.then(|| Entry { domain: added(), id: id(domains) }))
}

/// The domain that a change adds.
pub fn added() -> String {
    format!("added.{PARENT}")
}
