//! Devices without a browser, end to end.

mod answers;
mod browser;
mod faults;
mod flow;
mod limits;
