//! The endpoints: one file each. Bytes to types, facts, the pure decision, one store call, an answer.

mod account;
mod allowance;
mod assets;
mod authorize;
mod client;
mod client_ip;
mod code;
mod content_type;
mod device;
mod error;
mod failures;
mod form;
mod health;
mod interaction;
mod introspect;
mod issued;
mod jwks;
mod logout;
mod metadata;
mod own_token;
mod par;
mod refused_facts;
mod render_page;
mod revocations;
mod revoke;
mod routes;
mod site;
mod token;
mod turn_pages;
mod userinfo;

pub(crate) use allowance::Allowances;
pub(crate) use failures::Failures;
pub(crate) use issued::Issued;
pub(crate) use metadata::{Document as Metadata, document as metadata_document};
pub(crate) use routes::{Route, router};
pub(crate) use site::accounts::{Accounts, Login, login};

#[cfg(test)]
mod tests;
