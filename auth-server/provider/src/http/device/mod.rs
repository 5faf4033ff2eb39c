//! Devices without a browser: RFC 8628. Where a device begins, where its person types the code, and what the person
//! answers.

mod answer;
mod enter;
mod limits;
mod qr_code;
mod start;
mod waiting;

pub(super) use answer::{allow, deny, page};
pub(super) use enter::{enter, show};
pub(super) use qr_code::qr_code;
pub(super) use start::device_authorization;
