//! The endpoints: one file each. Bytes to types, facts, the pure decision, one store call, an answer.

mod allowance;
mod client;
mod client_ip;
mod content_type;
mod error;
mod failures;
mod form;
mod health;
mod introspect;
mod issued;
mod jwks;
mod metadata;
mod own_token;
mod refused_facts;
mod revocations;
mod revoke;
mod routes;
mod token;

pub(crate) use allowance::Allowances;
pub(crate) use failures::Failures;
pub(crate) use issued::Issued;
pub(crate) use metadata::document as metadata_document;
pub(crate) use routes::{Route, router};

#[cfg(test)]
mod tests;
