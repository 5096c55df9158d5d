//! How the process starts, stops, and is replaced.

mod from_inside;
mod hung_files;
mod replacement;
mod signals;
mod told_to_stop;
