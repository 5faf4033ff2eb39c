//! Secrets of the calling app.

use std::fmt;
use std::path::Path;

use trefoil_shared as shared;

use crate::{Error, Result};

/// Bytes a secret file may have: more is the wrong file.
const MAX_SECRET_FILE: u64 = 64 * 1024;

/// A secret text, such as a client secret or an access token: zeroized when dropped, compared in constant time,
/// shown by no `Debug` and by no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(shared::Secret);

impl Secret {
    /// Takes the secret over.
    pub fn new(value: impl Into<String>) -> Self {
        Self(shared::Secret::new(value))
    }

    /// The value of the environment variable `name`. An absent, empty or unreadable one is an error that names the
    /// variable and never its value.
    #[expect(clippy::disallowed_methods, reason = "reading this one variable is what the caller asks for")]
    pub fn env(name: &str) -> Result<Self> {
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(Self::new(value)),
            Ok(_) => Err(Error::configuration(format!("the environment variable {name} is empty"))),
            Err(std::env::VarError::NotPresent) => {
                Err(Error::configuration(format!("the environment variable {name} is not set")))
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Error::configuration(format!("the environment variable {name} is not UTF-8")))
            }
        }
    }

    /// The content of a file, without one line end at its end: how containers and systemd hand over secrets.
    pub fn file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let fail = |why: String| Error::configuration(format!("secret file {}: {why}", path.display()));
        let length = std::fs::metadata(path).map_err(|e| fail(e.to_string()))?.len();
        if length > MAX_SECRET_FILE {
            return Err(fail(format!("{length} bytes is too long for a secret")));
        }
        let content = Self::new(std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))?);
        let text = content.reveal();
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(fail("it is empty".to_owned()));
        }
        Ok(Self::new(text))
    }

    /// The secret itself. Never log what this returns.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a138_debug_of_a_secret_is_redacted() {
        assert_eq!(format!("{:?}", Secret::new("canary")), "Secret(redacted)");
    }

    #[test]
    fn an_absent_variable_is_named() {
        let error = Secret::env("TREFOIL_TEST_NO_SUCH_VARIABLE").unwrap_err();
        assert!(error.to_string().contains("TREFOIL_TEST_NO_SUCH_VARIABLE"), "{error}");
    }

    #[test]
    fn a_secret_file_loses_one_line_end_and_may_not_be_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "s3cret \r\n").unwrap();
        assert_eq!(Secret::file(&path).unwrap().reveal(), "s3cret ");
        std::fs::write(&path, "\n").unwrap();
        assert!(Secret::file(&path).is_err());
    }
}
