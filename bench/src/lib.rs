//! What the programs of the bench share: a Nameplate that runs, a client, a DNS server, and how the output of
//! callgrind and strace is read.

pub mod counters;
pub mod http;
pub mod names;
pub mod proxy;
