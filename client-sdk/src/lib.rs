//! What client apps call: get a token, keep it, use it.
//!
//! ```no_run
//! use trefoil_client::{Client, ClientAuth, Secret, http::ApiClient};
//!
//! # async fn run() -> trefoil_client::Result<()> {
//! let client = Client::discover("https://auth.example.com", "billing")
//!     .await?
//!     .auth(ClientAuth::SecretBasic(Secret::env("BILLING_SECRET")?))
//!     .build()?;
//! let api = ApiClient::new("https://api.example.com")?
//!     .with(client.client_credentials().resource("api_v0.0.1").cached());
//! let answer: serde_json::Value = api.get("/api_v0.0.1").send().await?.json().await?;
//! println!("{answer}");
//! # Ok(())
//! # }
//! ```
//!
//! Safe without being asked: https only (http to loopback, or to hosts named by
//! [`ClientBuilder::allow_plain_http`]), an exact issuer check, no redirects, a limit of 30 seconds, answers of at
//! most 1 MiB after decompression, secrets that never print, no proxy but one that the caller names, and that one for
//! https alone. [`blocking`] has the same without async.

mod ambient;
mod back_off;
pub mod blocking;
mod builder;
mod challenge;
mod client;
mod client_auth;
mod client_credentials;
mod discovery;
mod error;
mod failure;
mod flights;
mod form_post;
pub mod http;
mod introspection;
mod json;
pub mod legacy;
mod metadata_cache;
mod oauth_error;
mod observer;
mod origin;
mod retry;
mod secret;
mod session;
mod store;
mod token_answer;
mod token_life;
mod token_set;
mod token_source;
mod transport;

pub use ambient::{Clock, SystemClock};
pub use builder::ClientBuilder;
pub use challenge::Challenge;
pub use client::Client;
pub use client_auth::ClientAuth;
pub use client_credentials::ClientCredentials;
pub use error::{Error, ErrorKind, Remedy, Result};
pub use introspection::Introspection;
pub use oauth_error::OAuthError;
pub use observer::{TokenEvent, TokenObserver};
pub use retry::RetryPolicy;
pub use secret::Secret;
pub use session::Session;
pub use store::{FileStore, MemoryStore, SessionKey, StoreGuard, TokenStore};
pub use token_set::TokenSet;
pub use token_source::{BoxFuture, Generation, TokenSource};
pub use trefoil_shared::{ServerMetadata, Timestamp};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
