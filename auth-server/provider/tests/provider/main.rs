//! The library as other programs use it.

#[cfg(test)]
mod embedded;
#[cfg(test)]
mod own_grant;
