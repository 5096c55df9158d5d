//! What was measured, and what is made of it: raw lines, medians, ratios, tables, plots. Nothing here runs anything,
//! so tests hold it.

pub mod parse;
pub mod plot;
pub mod record;
pub mod report;
pub mod stats;
pub mod tables;
