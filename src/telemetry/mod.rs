//! What an operator and an autoscaler can see: the metrics, and the CPU against its limit.

pub mod cpu;
pub mod histogram;
pub mod limit;
pub mod process;
