//! The comparison's parts that decide something: the load, what other programs' output means, the proxies' files,
//! and what the report makes of what was measured. The whole of it is run by CI, with `--smoke`.

#[path = "../../../bench/compare/account/mod.rs"]
mod account;
#[path = "../../../bench/compare/load/mod.rs"]
mod load;
#[path = "../../../bench/compare/mapping.rs"]
mod mapping;
#[path = "../../../bench/compare/peers/mod.rs"]
mod peers;

mod figures;
mod files;
mod sending;
