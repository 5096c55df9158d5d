//! What must hold for every input. Each check takes bytes, and panics where a promise is broken. The fuzz
//! targets in `fuzz/` feed it what a fuzzer finds; this crate's test feeds it the seeds.

mod host;
mod mapping;
mod proxy_header;
mod rewrite;

pub use host::host;
pub use mapping::mapping;
pub use proxy_header::proxy_header;
pub use rewrite::rewrite;

/// A check.
pub type Check = fn(&[u8]);

/// Every check, by the name of its target, which is also that of its folder in `fuzz/seeds/`.
pub const ALL: [(&str, Check); 4] =
    [("mapping", mapping), ("host", host), ("rewrite", rewrite), ("proxy_header", proxy_header)];
