//! The parts of the comparison that decide something: the load, what the output of other programs means, the proxies'
//! files, and what the report makes of what was measured. CI runs the whole of it, with `--smoke`.

#![allow(clippy::unwrap_used)]

mod figures;
mod files;
mod sending;
