//! What an operator and an autoscaler can see: the metrics, and the CPU against its limit.
//!
//! `docs/metrics.md` describes every metric; a test holds that page and the registry together.

pub(crate) mod access_log;
mod cgroup;
pub(crate) mod cpu;
pub(crate) mod emf;
pub(crate) mod exhaustion;
pub(crate) mod histogram;
pub(crate) mod limit;
pub(crate) mod lines;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod process;
pub(crate) mod task;
pub(crate) mod ticker;
pub(crate) mod traffic;
