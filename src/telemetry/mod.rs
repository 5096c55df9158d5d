//! What an operator and an autoscaler can see: the metrics, and the CPU against its limit.
//!
//! `docs/metrics.md` describes every metric; a test holds that page and the registry together.

pub mod access_log;
pub mod cpu;
pub mod emf;
pub(crate) mod exhaustion;
pub mod histogram;
pub mod limit;
pub mod lines;
pub mod metrics;
pub mod process;
pub mod task;
pub mod traffic;
