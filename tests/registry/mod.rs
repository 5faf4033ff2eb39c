//! The registry of clients and resources, written by the command line and read by every replica.

mod canaries;
mod database_tls;
mod disable;
mod names;
mod pooler;
mod roles;
