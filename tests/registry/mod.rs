//! The registry of clients and resources, written by the command line and read by every replica.

mod canaries;
mod disable;
mod names;
mod roles;
