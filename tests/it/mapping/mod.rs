//! The mapping: where it comes from, and how a change takes effect.

mod held_changes;
mod memory;
mod parts;
mod reload_command;
mod reloads_under_load;
mod sources;
mod verified_changes;
