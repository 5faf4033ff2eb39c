//! End-to-end tests: the real binaries, real databases, real clients. Folders mirror what is tested.
//!
//! `./test` starts PostgreSQL and builds the binaries first; by hand: `tests/with-postgres cargo test -p trefoil-tests`
//! after `cargo build -p trefoil-auth-server -p trefoil-resource-server`.

#[cfg(test)]
#[macro_use]
mod harness;

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod folders;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod people;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod resource;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod token;
