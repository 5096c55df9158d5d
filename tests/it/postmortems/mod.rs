//! Public outages of proxies and of what feeds them, each told again with the real binary: what happened there, and which
//! guard of Nameplate's holds here. The module docs of each story name its source.
//!
//! | outage | guard | story |
//! |---|---|---|
//! | Google Cloud, 2025: blank fields in a policy | a mapping with an error changes nothing; `reload.cache` | [`blank_fields`] |
//! | Cloudflare, 2025: a generated file of twice its size | `reload.hold_entries`, `hold_bytes`, `max_bytes` | [`oversized_mapping`] |

mod blank_fields;
mod oversized_mapping;
