//! The built-in site: accounts, login sessions and pages.

pub(super) mod accounts;
pub(super) mod browser;
pub(super) mod interaction;
pub(super) mod pages;
pub(super) mod session;
pub(super) mod shown;
