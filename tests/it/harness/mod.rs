//! What stories are told with: the test kit's origin and client, and the real application between them.
//!
//! **Invariant:** ports are the system's choice, nothing sleeps, and nothing waits longer than
//! [`PATIENCE`].

pub use nameplate_testkit::{API_DOMAIN, Gate, PATIENCE, authority, client, dns, faulty, origin, procfs, reply, show};

pub mod accepting;
pub mod addressed;
pub mod admin;
pub mod aws;
pub mod browser;
pub mod cgroup;
pub mod frames;
pub mod http2;
pub mod load;
pub mod moto;
pub mod output;
pub mod prometheus;
pub mod proxy;
pub mod server;
pub mod web;
