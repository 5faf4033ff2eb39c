//! Private files and directories: who owns them, who may read them, replaced whole.
//!
//! Everything works on open descriptors: a directory is opened one name at a time, a file is opened relative to its
//! directory, and owner and mode are checked and changed on what is open. So a user who owns a directory gains nothing
//! by exchanging names in it while root is at work there.

mod dir;
mod error;
mod file;
mod identity;
mod name;
mod rules;
mod walk;

pub use dir::{Dir, remove_unfinished};
pub use error::DiskError;
pub use file::{check_private, read_private};
pub use identity::{Identity, IdentityError, as_caller};
pub use name::state_file_name;
pub use rules::Privacy;
