//! What the programs of the bench share: a Nameplate that runs, the APIs behind it, and how the output of callgrind and
//! strace is read.

pub mod api;
pub mod counters;
pub mod proxy;
