//! The endpoints through the real router, over a SQLite file of each test's own.

mod canaries;
mod client_authentication;
mod device;
mod harness;
mod imported;
mod imported_cost;
mod introspect;
mod openings;
mod revocations;
mod revoke;
mod routes;
mod target;
mod token;
