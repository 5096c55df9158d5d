//! Responses: what of them the client sees.

mod bodyless;
mod malformed_responses;
mod translation;
