//! Why a configuration is refused.

use std::path::PathBuf;

use super::Origin;

/// One line that says what is wrong with the configuration, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{} line {line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        reason: String,
    },
    /// A key that no setting has.
    #[error("unknown setting `{key}` ({origin}){}", hint(nearest.as_deref()))]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands.
        origin: Origin,
        /// The known key that is most like it.
        nearest: Option<String>,
    },
    /// A value that its setting cannot take.
    #[error("`{key}` ({origin}): {reason}")]
    Invalid {
        /// The key.
        key: String,
        /// Where the value stands.
        origin: Origin,
        /// What is wrong with it.
        reason: String,
    },
    /// A variable and its `_FILE` twin are both set.
    #[error("{name} and {name}_FILE are both set; keep one of them")]
    BothGiven {
        /// The variable without the suffix.
        name: String,
    },
    /// The file that a `_FILE` variable names cannot be read.
    #[error("{name}: cannot read {}: {reason}", path.display())]
    ValueFile {
        /// The variable with the suffix.
        name: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The file that a `_FILE` variable names is empty: a secret that has not arrived yet. Going on would mean the
    /// setting's default in its place.
    #[error("{name}: {} is empty; write the value into it, or unset {name}", path.display())]
    EmptyValueFile {
        /// The variable with the suffix.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// A variable whose value is not UTF-8.
    #[error("environment variable {name} is not UTF-8; set it anew")]
    NotUtf8 {
        /// The variable.
        name: String,
    },
    /// The settings type itself is not what [`super::load`] needs: a fault of the program.
    #[error("the program's own settings cannot be read: {reason}")]
    Internal {
        /// What is wrong.
        reason: String,
    },
}

pub(super) fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
