//! Signing keys end to end: where private halves are, rotation under load, revocation of a key.

mod database_store;
mod emergency;
mod rotation;
mod site;
mod traffic;

pub(crate) use traffic::kid;
