//! Commands, as they are run.

mod accounts;
mod against;
mod capacity;
mod check_cases;
mod check_formats;
mod doctor;
mod drift;
mod environment;
mod explain;
mod folder;
mod mapping_schema;
mod mapping_tests;
mod owners_schema;
mod pages;
mod plan;
mod policy;
mod settings_cases;
mod settings_schema;
mod stories;
mod troubleshooting;
mod without_a_shell;
