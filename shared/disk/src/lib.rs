//! Private files: who may own them, who may read them.

mod file;

pub use file::{PrivateFileError, check_private, is_ours, read_private};
