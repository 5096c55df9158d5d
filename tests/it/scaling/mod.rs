//! What a fleet is scaled on: the lines for CloudWatch, the configs, the arithmetic and the simulation.

mod capacity;
mod configs;
mod emf;
mod simulation;
