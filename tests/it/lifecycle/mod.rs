//! How the process starts, stops, and is replaced.

mod from_inside;
mod replacement;
mod signals;
