//! The authorization server as a library: its endpoints, for the binary and for other programs.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let directory = directory.path();
//! use std::sync::Arc;
//!
//! use axum::{Router, routing::get};
//! use trefoil_provider::Provider;
//! use trefoil_provider::grants::Grants;
//! use trefoil_provider::keys::{KeyHome, KeyStoreKind};
//! use trefoil_provider::secrets::{OsRng, RootSecrets};
//! use trefoil_provider::store::Store;
//!
//! let (root, _made) = RootSecrets::load_or_create(directory, &[], &OsRng)?;
//! let provider = Provider::builder("https://example.com/auth".parse()?)
//!     .store(Store::in_memory().await?)
//!     .root(Arc::new(root))
//!     .keys(KeyHome::new(KeyStoreKind::Database, directory))
//!     .grants(Grants::standard()) // `.with(..)` adds one of your own
//!     .open()
//!     .await?;
//! let app: Router = Router::new().route("/", get(async || "home")).merge(provider.router());
//! let stop = tokio_util::sync::CancellationToken::new();
//! let going = provider.start(stop.clone()); // polls, sweeps, reports
//! // .. serve `app`; at the end:
//! stop.cancel();
//! going.finish().await?;
//! # drop(app);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/embedded.rs` is a whole program. Inside, `http -> grants -> { protocol, store, tokens }`; nothing but [`app`]
//! imports `http`.

pub mod app;
mod argon2;
pub mod grants;
mod http;
pub mod keys;
pub mod provider;
pub mod revocations;
pub mod secrets;
pub mod tokens;

pub use provider::{Provider, ProviderError};
pub use trefoil_core::{model, openid, people, protocol, records, registration};
pub use trefoil_sql as store;
