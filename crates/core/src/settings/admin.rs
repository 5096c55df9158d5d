//! What the admin pages are protected by, beside the network.

use serde::Deserialize;

/// A load balancer, an orchestrator, two scrapers and a person need a dozen.
pub const MAX_CONNECTIONS: usize = 64;
/// A host name's limit (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 253;

/// Who is answered on the admin listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminPages {
    /// Host names that the pages answer to, beside IP addresses and `localhost`. Default: none.
    pub hosts: Vec<String>,
    /// Connections that may be open at once. Default [`MAX_CONNECTIONS`].
    pub max_connections: usize,
}

impl Default for AdminPages {
    fn default() -> Self {
        AdminPages { hosts: Vec::new(), max_connections: MAX_CONNECTIONS }
    }
}

impl AdminPages {
    pub(super) fn validate(&self) -> Result<(), String> {
        if self.max_connections == 0 {
            return Err("admin_pages: max_connections must be at least 1".into());
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_name = |name: &String| (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(is_part);
        match self.hosts.iter().find(|name| !is_name(name)) {
            Some(name) => Err(format!("admin_pages: hosts: `{name}` is not a host name; write it without a port")),
            None => Ok(()),
        }
    }
}
