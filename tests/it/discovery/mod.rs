//! How the addresses of an endpoint are found, and what changes with them.

mod address_families;
mod changing_addresses;
mod lookups;
mod private_dns;
