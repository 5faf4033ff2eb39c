//! Authorization requests: RFC 6749 section 4.1.1, RFC 9700, RFC 9207. Pure: parameters and the client to a request that
//! may be answered by redirect, or to a refusal and where it may be told.

mod answer;
mod pushed;
mod redirect;
mod request;

pub use answer::{Answer, ResponseMode};
pub use pushed::{PushedRequest, START_WITHIN, pushed_value, request_uri};
pub use redirect::{Redirectable, client_id, is_registered, redirectable, redirectable_for};
pub use request::{AuthorizationRequest, Prompt, Wish};
