//! The endpoints through the real router, over a SQLite file of each test's own.

mod harness;
mod token;
