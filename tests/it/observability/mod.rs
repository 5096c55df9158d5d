//! Logs, metrics, the status page, and what is shipped to read them with.

mod access_log;
mod admin_listener;
mod connection_metrics;
mod cpu;
mod cut_connections;
mod domain_series;
mod emf;
mod nothing_of_an_api_in_the_log;
mod operational_log;
mod shipped;
mod status_page;
