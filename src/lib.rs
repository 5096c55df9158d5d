//! Nameplate gives Amazon API Gateway private REST APIs names of their own.
//!
//! It is a reverse proxy on Pingora: for each custom domain it finds the private API in a mapping
//! table that can change while it runs, and forwards the request over a verified, kept-alive TLS
//! connection to the execute-api VPC endpoint.
//!
//! The modules below stand in reading order, from values and decisions to the process around
//! them. Each uses only what stands before it; `tests/it/tidy` holds that.

pub mod source;
pub mod telemetry;

pub mod downstream;
pub mod upstream;

pub mod live;

pub mod admin;
pub mod proxy;

pub mod app;

pub mod aws;

pub mod demo;

pub mod cli;
