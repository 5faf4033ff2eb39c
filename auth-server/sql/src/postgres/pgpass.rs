//! The password file, as libpq reads it: <https://www.postgresql.org/docs/current/libpq-pgpass.html>.
//!
//! Not sqlx's reading of it, which logs a malformed line whole, password included.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use trefoil_shared::Secret;
use zeroize::Zeroizing;

/// The connection that a password is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    /// The host, or the directory of the socket.
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// What the password file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is no file.
    NoFile,
    /// A file, and no line of it is for this connection.
    NoLine(PathBuf),
    /// The password.
    Password(Secret),
    /// A file that is not used, and what to do about it.
    PassedOver(String),
}

/// Looks into `$PGPASSFILE`, or where that is not set into `~/.pgpass`.
pub(super) fn find(target: Target<'_>) -> Found {
    let named = std::env::var_os("PGPASSFILE").filter(|name| !name.is_empty()).map(PathBuf::from);
    let file = named.or_else(|| std::env::home_dir().map(|home| home.join(".pgpass")));
    file.map_or(Found::NoFile, |file| find_in(&file, target))
}

fn find_in(file: &Path, target: Target<'_>) -> Found {
    let shown = file.display();
    let metadata = match std::fs::metadata(file) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Found::NoFile,
        Err(error) => {
            return Found::PassedOver(format!("the password file {shown} cannot be read ({error})"));
        }
    };
    if !metadata.is_file() {
        return Found::PassedOver(format!(
            "the password file {shown} is not a plain file and was passed over"
        ));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Found::PassedOver(format!(
            "the password file {shown} was passed over: others may read it (mode {mode:04o}); run: chmod 0600 {shown}"
        ));
    }
    match std::fs::read(file).map(Zeroizing::new) {
        Ok(text) => find_line(&String::from_utf8_lossy(&text), target)
            .map_or_else(|| Found::NoLine(file.to_owned()), Found::Password),
        Err(error) => Found::PassedOver(format!("the password file {shown} cannot be read ({error})")),
    }
}

/// The password of the first line whose fields all match.
fn find_line(text: &str, target: Target<'_>) -> Option<Secret> {
    let port = target.port.to_string();
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let local = target.host.starts_with('/').then_some("localhost");
        let hosts = [Some(target.host), local];
        let rest = hosts.into_iter().flatten().find_map(|host| after_field(line, host))?;
        let rest = after_field(rest, &port)?;
        let rest = after_field(rest, target.database)?;
        let rest = after_field(rest, target.user)?;
        Some(Secret::new(unescaped(rest)))
    })
}

/// What follows the first field and its colon, if the field is `*` or `value` (where `\` takes away the meaning of
/// `:` and of itself).
fn after_field<'a>(line: &'a str, value: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let (mut rest, mut wanted) = (line.chars(), value.chars());
    loop {
        match rest.next()? {
            ':' => return wanted.next().is_none().then_some(rest.as_str()),
            '\\' if wanted.next() == rest.next() => {}
            c if c != '\\' && wanted.next() == Some(c) => {}
            _ => return None,
        }
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const TARGET: Target<'_> = Target { host: "db.example.com", port: 5432, database: "a:b", user: "u\\v" };

    fn password(line: &str, target: Target<'_>) -> Option<String> {
        find_line(line, target).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn case_11_fields_are_compared_as_libpq_does() {
        let found = |line: &str| password(line, TARGET);
        assert_eq!(found("db.example.com:5432:a\\:b:u\\\\v:s\\:e\\\\c \r\n"), Some("s:e\\c ".to_owned()));
        assert_eq!(found("*:*:*:*:p"), Some("p".to_owned()));
        assert_eq!(found("# *:*:*:*:no\n\nshort:1\n*:5432:*:*:p:q"), Some("p:q".to_owned()));
        for other in
            ["db:5432:*:*:p", "*:543:*:*:p", "*:*:a:*:p", "**:*:*:*:p", "*:*:*:u:p", "*:*:*:u\\v:p", ":", "*"]
        {
            assert_eq!(found(other), None, "{other}");
        }
        assert_eq!(found("*:1:*:*:first\n*:5432:*:*:second\n*:*:*:*:third"), Some("second".to_owned()));
    }

    #[test]
    fn case_11_a_socket_is_localhost_or_its_directory() {
        let socket = Target { host: "/run/postgresql", ..TARGET };
        assert_eq!(password("localhost:*:*:*:p", socket), Some("p".to_owned()));
        assert_eq!(password("/run/postgresql:*:*:*:p", socket), Some("p".to_owned()));
        assert_eq!(password("localhost:*:*:*:p", TARGET), None);
    }

    #[test]
    fn case_11_a_file_that_others_may_read_is_passed_over_with_the_chmod() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pgpass");
        assert_eq!(find_in(&file, TARGET), Found::NoFile);
        std::fs::write(&file, "*:*:*:*:S3CRET\n").unwrap();
        for mode in [0o644, 0o640, 0o604, 0o660] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let Found::PassedOver(why) = find_in(&file, TARGET) else { panic!("{mode:o}") };
            assert!(why.contains(&format!("chmod 0600 {}", file.display())), "{why}");
        }
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(find_in(&file, TARGET), Found::Password(Secret::new("S3CRET")));
        std::fs::write(&file, "other:*:*:*:S3CRET\n").unwrap();
        assert_eq!(find_in(&file, TARGET), Found::NoLine(file.clone()));
        assert!(matches!(find_in(dir.path(), TARGET), Found::PassedOver(_)));
    }
}
