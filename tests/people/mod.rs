//! People sign in, end to end.

mod account;
mod authorize;
mod browser;
mod code;
mod login;
mod refresh;
