//! People sign in, end to end.

mod account;
mod authorize;
mod browser;
mod code;
mod faults;
mod login;
mod openid;
mod refresh;
