//! The seeds' real clients, unmodified, from their package index: steelcut's and MSAL's.

mod import;
mod msal;
mod people;
mod python;
mod steelcut;
