//! One contract that both databases pass: each test runs on SQLite and on PostgreSQL, on a database of its own.
//!
//! PostgreSQL is found in `TREFOIL_TEST_POSTGRES`: run them by `tests/with-postgres cargo test ...`.

#[cfg(test)]
#[path = "store/bounded.rs"]
mod bounded;
#[cfg(test)]
#[path = "store/cancellation.rs"]
mod cancellation;
#[cfg(test)]
#[path = "store/clients.rs"]
mod clients;
#[cfg(test)]
#[path = "../../../tests/harness/counts.rs"]
mod counts;
#[cfg(test)]
#[path = "store/database.rs"]
mod database;
#[cfg(test)]
#[path = "store/faults.rs"]
mod faults;
#[cfg(test)]
#[path = "store/halted.rs"]
mod halted;
#[cfg(test)]
#[path = "store/imports.rs"]
mod imports;
#[cfg(test)]
#[path = "store/key_database.rs"]
mod key_database;
#[cfg(test)]
#[path = "store/key_files.rs"]
mod key_files;
#[cfg(test)]
#[path = "store/key_life.rs"]
mod key_life;
#[cfg(test)]
#[path = "store/lost_answers.rs"]
mod lost_answers;
#[cfg(test)]
#[path = "store/migrations.rs"]
mod migrations;
#[cfg(test)]
#[path = "store/people.rs"]
mod people;
#[cfg(test)]
#[path = "store/processes.rs"]
mod processes;
#[cfg(test)]
#[path = "store/records.rs"]
mod records;
#[cfg(test)]
#[path = "store/registry_cache.rs"]
mod registry_cache;
#[cfg(test)]
#[path = "store/revocations.rs"]
mod revocations;
#[cfg(test)]
#[path = "store/roles.rs"]
mod roles;
#[cfg(test)]
#[path = "store/samples.rs"]
mod samples;
#[cfg(test)]
#[path = "store/server_tables.rs"]
mod server_tables;
