//! Verified changes: which entries of a new mapping are asked before it becomes active, and which of them keep the
//! target that they had.
//!
//! [`changes`] compares two tables. A [`Verification`](state::Verification) says whom to ask, takes the verdicts, and decides
//! entry by entry. [`held`] builds the table that becomes active: the new one, with each held entry as it was.
//!
//! **Invariant:** an entry is held only if its new target answers worse than what answered for the same name and path
//! before, or, where the settings say so, if nobody could ask. A name that nothing answered for is never held: no response
//! of an API is worse than the refusal that clients got.

pub mod changes;
pub mod held;
pub mod state;

#[cfg(test)]
mod tests;
