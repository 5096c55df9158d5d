//! Commands, as they are run.

mod capacity;
mod check_cases;
mod plan;
mod policy;
mod without_a_shell;
