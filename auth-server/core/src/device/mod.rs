//! Devices without a browser: RFC 8628, decision 53. A person allows or denies on another device what this one asked
//! for. Pure: endpoints and the grant read the records and commit what is decided here.

mod pace;
mod request;
mod start;
mod user_code;

pub use pace::Pace;
pub use request::{DeviceAnswer, DeviceName, DeviceRequest, Polled, polled, redeemed};
pub use start::{DevicePolicy, may_begin_unproven};
pub use user_code::UserCode;
