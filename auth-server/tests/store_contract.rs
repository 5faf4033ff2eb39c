//! One contract that both databases pass: each test runs on SQLite and on PostgreSQL, on a database of its own.
//!
//! PostgreSQL is found in `TREFOIL_TEST_POSTGRES`: run them by `tests/with-postgres cargo test ...`.

#[path = "store/cancellation.rs"]
mod cancellation;
#[path = "store/clients.rs"]
mod clients;
#[path = "store/database.rs"]
mod database;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/imports.rs"]
mod imports;
#[path = "store/key_files.rs"]
mod key_files;
#[path = "store/key_life.rs"]
mod key_life;
#[path = "store/migrations.rs"]
mod migrations;
#[path = "store/registry_cache.rs"]
mod registry_cache;
#[path = "store/roles.rs"]
mod roles;
#[path = "store/samples.rs"]
mod samples;
#[path = "store/server_tables.rs"]
mod server_tables;
