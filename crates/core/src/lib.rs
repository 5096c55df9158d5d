//! Values and decisions of Nameplate: what a mapping says, and what happens to a request because of it.
//!
//! A mapping is a list of entries. Each maps a custom domain, and optionally a base path, to a private REST API of
//! Amazon API Gateway. This crate reads that text, and decides for each request which entry it is for and what the
//! API receives, or why it is refused. The proxy acts on these decisions, and `nameplate explain` prints them.
//!
//! **Invariant:** nothing in here is async, opens a file or a socket, reads the clock, starts a thread or logs.
//! Whatever a decision needs arrives as an argument, so a test needs no runtime and no sleep. Every error names the
//! place in the text and says how to fix it.
//!
//! # Where to start
//!
//! 1. [`domain::decide`]: a request to its route and upstream target, or to a [`domain::refusal::Refusal`]. It calls
//!    everything that a request passes, in order.
//! 2. [`domain::route`] and [`domain::table`]: a compiled entry, and the table that is looked up.
//! 3. [`mapping::compile`]: the text of a mapping to that table, or to every error in it.
//! 4. [`settings::Settings`]: what `conf/nameplate.yaml` may say, with each default and the reason for it.
//! 5. [`explain`]: the same decision, for people to read. [`classes`]: the same decision for every request there can be.
//!
//! # Layers
//!
//! A module uses what stands to its left: `domain`, `diagnostic`, then `mapping` and `settings`, which do not use
//! each other, then `parts`, `accounts`, `explain` and `mapping_test`. `classes` uses `domain` alone, `verdict` nothing
//! else, and `verification` uses `domain`, `settings` and `verdict`. No file uses another that uses it.

pub mod domain;

pub mod classes;
pub mod diagnostic;

pub mod mapping;
pub mod settings;

pub mod parts;

pub mod accounts;

pub mod explain;
pub mod mapping_test;

pub mod verdict;

pub mod verification;
