//! Responses: what of them the client sees.

mod malformed_responses;
mod translation;
