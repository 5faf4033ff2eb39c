//! Calling protected resources: a client that attaches tokens, and a layer that does it for other clients.
//!
//! A token goes to the origins that were named for it and nowhere else, and no redirect is followed.

mod api_client;
mod layer;
mod request;
mod response;

pub use api_client::ApiClient;
pub use layer::{AuthLayer, AuthRequest, AuthResponse, AuthService};
pub use request::ApiRequest;
pub use response::ApiResponse;
