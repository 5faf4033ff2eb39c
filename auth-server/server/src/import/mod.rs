//! Clients from elsewhere: reading them, and deciding what becomes of each (decision 27).

pub mod plan;
pub mod steelcut;
