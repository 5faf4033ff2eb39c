//! People sign in, end to end.

mod account;
mod authorize;
mod browser;
mod code;
mod device;
mod faults;
mod login;
mod logout;
mod openid;
mod openid_requests;
mod password;
mod pushed;
mod refresh;
