//! The library as other programs use it.

mod own_grant;
