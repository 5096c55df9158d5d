//! What must hold for every input, one function a target.

pub mod checks;
