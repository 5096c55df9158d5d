//! docs/scaling and the simulation it is written from.

mod simulation;
