//! The mapping under load: which entries there are, and what each change changes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Entries that requests go to.
pub const ENTRIES: usize = 1_000;
/// Of these, how many have another stage after each change.
const MOVING: usize = 100;
/// Entries that come with one change and go with the next.
const PASSING: usize = 10;
/// APIs behind all of them; each has upstream connections of its own.
const APIS: usize = 40;

/// The domain that is attacked. It comes first in the mapping, so that it has series of its own.
pub const ATTACKED: &str = "attacked.soak.example.com";

/// The stages of a moving entry, by whether the number of changes is even.
pub const STAGES: [&str; 2] = ["even", "odd"];

pub fn domain(entry: usize) -> String {
    format!("d{entry:04}.soak.example.com")
}

pub fn base(entry: usize) -> &'static str {
    if entry.is_multiple_of(10) { "/v1" } else { "" }
}

pub fn api_host(entry: usize) -> String {
    format!("api{}.execute-api.eu-west-1.amazonaws.com", entry % APIS)
}

/// Whether an entry's stage depends on how often the mapping was changed.
pub fn moves(entry: usize) -> bool {
    entry >= ENTRIES - MOVING
}

/// Whether the API of this host exists and has this stage.
pub fn is_deployed(host: &str, stage: &str) -> bool {
    (0..APIS).any(|api| api_host(api) == host) && (stage == "prod" || STAGES.contains(&stage))
}

/// Puts the mapping after so many changes in place, whole: by a rename.
pub fn save(folder: &Path, changes: usize) -> std::io::Result<()> {
    let mut text = "APIS:\n".to_owned();
    add(&mut text, ATTACKED, &api_host(0), "prod");
    for entry in 0..ENTRIES {
        let stage = if moves(entry) { STAGES[changes % 2] } else { "prod" };
        add(&mut text, &format!("{}{}", domain(entry), base(entry)), &api_host(entry), stage);
    }
    for entry in 0..PASSING {
        add(&mut text, &format!("p{changes}-{entry}.soak.example.com"), &api_host(entry), "prod");
    }
    let new = folder.join("mapping.new");
    fs::write(&new, text)?;
    fs::rename(new, folder.join("mapping.yaml"))
}

fn add(text: &mut String, domain: &str, api: &str, stage: &str) {
    let _ = write!(text, "  - CUSTOM_DOMAIN_URL: {domain}\n    PRIVATE_API_URL: https://{api}/{stage}\n");
}
