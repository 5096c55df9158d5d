//! Commands, as they are run.

mod capacity;
mod check_cases;
mod check_formats;
mod pages;
mod plan;
mod policy;
mod without_a_shell;
