//! What a fleet is scaled on: the lines for CloudWatch, the configs and the arithmetic.

mod capacity;
mod configs;
mod emf;
