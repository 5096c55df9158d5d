//! What is shipped for deployments, and the pages about it.

mod action;
mod autoscaling;
mod docker_files;
mod pages;
mod readme;
