//! Nameplate gives Amazon API Gateway private REST APIs names of their own.
//!
//! It is a reverse proxy on Pingora: for each custom domain it finds the private API in a mapping
//! table that can change while it runs, and forwards the request over a verified, kept-alive TLS
//! connection to the execute-api VPC endpoint.
//!
//! The modules below stand in reading order, from values and decisions to the process around
//! them. Each uses only what stands before it; `tests/it/tidy` holds that.

mod source;
mod telemetry;

mod downstream;
mod upstream;

pub mod live;

mod admin;
mod proxy;

pub mod app;

mod aws;

mod demo;

pub mod cli;
