//! `nameplate plan` as it is run: what it prints, what it writes, and what it says of what it refuses.

mod changes;
mod files;
mod plan_cases;
mod schema;

use super::folder::{Folder, repository};

/// A mapping of these domains.
fn mapping(domains: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let entry = |domain: &str| {
        format!(
            "  - CUSTOM_DOMAIN_URL: \"{domain}\"\n    \
             PRIVATE_API_URL: https://abc123.execute-api.eu-west-1.amazonaws.com/prod\n"
        )
    };
    let entries: String = domains.into_iter().map(|domain| entry(domain.as_ref())).collect();
    format!("APIS:\n{entries}")
}
