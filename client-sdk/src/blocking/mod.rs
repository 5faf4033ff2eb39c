//! The same without async: no runtime is needed by the caller, who may as well be inside one.
//!
//! ```no_run
//! use trefoil_client::{ClientAuth, Secret, blocking};
//!
//! # fn run() -> trefoil_client::Result<()> {
//! let client = blocking::Client::discover("https://auth.example.com", "billing")?
//!     .auth(ClientAuth::SecretBasic(Secret::env("BILLING_SECRET")?))
//!     .build_blocking()?;
//! let api = blocking::ApiClient::new("https://api.example.com")?
//!     .with(client.client_credentials().resource("api_v0.0.1").cached());
//! let answer: serde_json::Value = api.get("/api_v0.0.1").send()?.json()?;
//! # Ok(())
//! # }
//! ```

mod api;
mod client;
mod runtime;

pub use api::{ApiClient, ApiRequest, ApiResponse};
pub use client::{Client, ClientCredentials, Session, discover};
pub(crate) use runtime::wait;
