//! Values and decisions of Nameplate, and text to values: no async, no sockets, no Pingora, no clock.

pub mod domain;

pub mod diagnostic;

pub mod mapping;
pub mod settings;

pub mod explain;
