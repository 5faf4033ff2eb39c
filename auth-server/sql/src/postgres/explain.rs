//! Why a connection to PostgreSQL failed, in words for an operator: which setting, which user, host and database, and
//! what to do.

use std::fmt;
use std::io::ErrorKind;

use super::super::open::{NoConnection, passes};

/// Where a connection leads, for people.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The setting that the URL stands in.
    pub(crate) setting: &'static str,
    /// `USER@HOST:PORT/DATABASE`, or the socket in the place of host and port.
    pub(crate) place: String,
    /// Why the password file was not used, where there is one and the URL has no password.
    pub(crate) passfile: Option<String>,
    /// Whether a password was found anywhere.
    pub(crate) has_password: bool,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.setting, self.place)
    }
}

impl Target {
    /// The error in words of ours. Those of the library may quote a key file.
    pub(crate) fn explain(&self, error: &sqlx::Error) -> NoConnection {
        let (what, mend) = self.words(error);
        let passfile = match &self.passfile {
            Some(why) if is_about_the_password(error) => format!("; {why}"),
            Some(_) | None => String::new(),
        };
        let text = format!("{self}: {what}; {mend}{passfile}");
        NoConnection { text, passes: passes(error), lasting: false }
    }

    fn words(&self, error: &sqlx::Error) -> (String, String) {
        if let Some(database) = error.as_database_error() {
            let code = database.code().unwrap_or_default();
            return (database.message().to_owned(), self.mend_answer(&code, database.message()));
        }
        if let sqlx::Error::Io(error) = error {
            if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                return tls_words(tls);
            }
            return io_words(error);
        }
        if let sqlx::Error::Tls(error) = error {
            return match error.downcast_ref::<rustls::Error>() {
                Some(tls) => tls_words(tls),
                None if error.to_string().contains("does not support TLS") => (
                    "the server does not support TLS".to_owned(),
                    "switch it on there, or say sslmode=disable in the URL".to_owned(),
                ),
                None => (
                    "TLS cannot be set up".to_owned(),
                    "sslrootcert, sslcert and sslkey must be PEM files, and the host a name or an address"
                        .to_owned(),
                ),
            };
        }
        if matches!(error, sqlx::Error::Configuration(_)) {
            let mend = "sslcert and sslkey must both be given, each a PEM file, the key without a passphrase";
            return ("the connection's settings cannot be used".to_owned(), mend.to_owned());
        }
        let mend = "does PostgreSQL listen there, and not something else?";
        ("the server's answer is not understood".to_owned(), mend.to_owned())
    }

    /// What helps against an error that the server, or a pooler before it, has answered with.
    fn mend_answer(&self, code: &str, message: &str) -> String {
        let text = match code {
            "28P01" if self.has_password => {
                "is it the password of this user? It comes from the URL, PGPASSWORD or the password file"
            }
            _ if is_password(code, message) => {
                "put the password into the URL, PGPASSWORD or a password file (~/.pgpass)"
            }
            "28000" => "does pg_hba.conf on the server allow this user from here?",
            "3D000" => "create the database, or name another in the URL",
            "53300" => "lower database.max_connections, or raise max_connections of the server",
            "08P01" if message.contains("startup parameter") => {
                "let PgBouncer pass it over (ignore_startup_parameters), or leave it out (options in the URL, PGOPTIONS)"
            }
            code if code.starts_with("57P") => "it is starting or stopping: try again",
            _ => "the log of the server may say more",
        };
        text.to_owned()
    }
}

fn is_password(code: &str, message: &str) -> bool {
    code == "28P01" || message.contains("password")
}

fn is_about_the_password(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|database| is_password(&database.code().unwrap_or_default(), database.message()))
}

fn io_words(error: &std::io::Error) -> (String, String) {
    let kind = error.kind();
    let cut = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    let mend = if kind == ErrorKind::ConnectionRefused {
        "nothing listens there: is PostgreSQL running, and is the port right?"
    } else if kind == ErrorKind::NotFound {
        "no such file: the socket, or a file that sslrootcert, sslcert or sslkey names"
    } else if kind == ErrorKind::PermissionDenied {
        "this user may not open the socket, or a file that sslrootcert, sslcert or sslkey names"
    } else if cut.contains(&kind) {
        "the connection was cut: does PostgreSQL listen there, and not something else?"
    } else {
        "is the host right, and can this machine reach it?"
    };
    (error.to_string(), mend.to_owned())
}

/// Texts of the TLS library about the server's certificate: nothing of ours is in them.
fn tls_words(error: &rustls::Error) -> (String, String) {
    if matches!(error, rustls::Error::InvalidCertificate(_)) {
        let mend =
            "does sslrootcert name the authority of its certificate, and is the host of the URL in it?";
        return (error.to_string(), mend.to_owned());
    }
    let mend = "does PostgreSQL speak TLS there? sslmode in the URL says whether it must";
    ("the TLS handshake failed".to_owned(), mend.to_owned())
}
