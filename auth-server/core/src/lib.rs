//! The model and the protocol decisions of the authorization server, and the ports that stores implement.
//!
//! Pure: no runtime, no sockets, no database.

pub mod authorization;
pub mod authorize;
pub mod device;
pub mod grant;
pub mod model;
pub mod openid;
pub mod people;
pub mod protocol;
pub mod records;
pub mod registration;
pub mod secrets;
mod store_error;

pub use store_error::StoreError;
