//! Clients that speak HTTP/2, as it should be spoken and otherwise.

mod clients;
mod hostile;
mod rfc9113;
mod smuggling;
