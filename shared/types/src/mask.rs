//! Text that may hold a password, for people: what cannot be read as a URL is not shown at all.

use url::Url;

/// What stands in the place of a value that is not shown.
pub const HIDDEN: &str = "(hidden)";
const MASK: &str = "***";

/// Parameters of a database URL whose values are no secrets.
const PLAIN: [&str; 13] = [
    "application_name",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "mode",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
];

/// `text` as it may be shown. Text without a URL and without a password in it stays as it is. A URL is parsed and
/// loses its password and the values of all parameters that are not known to be harmless; one that cannot be parsed,
/// or in whose path or fragment a password could have ended up, is replaced by `(hidden)`.
pub fn masked(text: &str) -> String {
    if !text.contains("://") {
        return if names_password(text) { HIDDEN.to_owned() } else { text.to_owned() };
    }
    // A path or an issuer without anything that could be a secret is shown as it was written.
    let suspicious = text.contains(['@', '?', '#']) || text.contains(char::is_whitespace);
    let Ok(mut url) = Url::parse(text) else { return HIDDEN.to_owned() };
    if !suspicious {
        return text.to_owned();
    }
    // `postgres://user:12/34@host`: an unescaped slash, question mark or hash ends the host, and the rest of the
    // password is what follows.
    let after_host = url.path().contains('@') || url.fragment().is_some();
    if after_host || url.query_pairs().any(|(name, _)| name.contains('@')) {
        return HIDDEN.to_owned();
    }
    if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
        return HIDDEN.to_owned();
    }
    let shown: Vec<String> = url.query_pairs().map(|(name, value)| parameter(&name, &value)).collect();
    url.set_query(None);
    let query = if shown.is_empty() { String::new() } else { format!("?{}", shown.join("&")) };
    format!("{url}{query}")
}

fn parameter(name: &str, value: &str) -> String {
    let harmless = PLAIN.contains(&name.to_ascii_lowercase().as_str()) && !value.contains('@');
    format!("{name}={}", if harmless { value } else { MASK })
}

/// `host=db password=..`, as libpq takes it.
fn names_password(text: &str) -> bool {
    text.contains('=') && text.to_ascii_lowercase().contains("password")
}

/// A sentence about a value: as it is where no URL is quoted in it, and without the quote otherwise.
pub fn masked_reason(text: String) -> String {
    if text.contains("://") || names_password(&text) {
        return "the value is not of the form wanted".to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_03_no_spelling_of_a_password_is_shown() {
        for url in [
            "postgres://app:S3CRET pw@db/x",
            "postgres://app:S3CRET\"pw@db/x",
            "postgres://app:S3CRET'pw@db/x",
            "postgres://app:S3CRET`pw@db/x",
            "postgres://app:pw/S3CRET@db/x",
            "postgres://app:12/S3CRET@db/x",
            "postgres://app:12?S3CRET@db/x",
            "postgres://app:12#S3CRET@db/x",
            "postgres://app:S3C@RET:S3CRET@db/x",
            "postgres://app:[S3CRET@db/x",
            "postgres://db/x?password=S3CRET&sslmode=disable",
            "postgres://db/x?PASSWORD=S3CRET",
            "postgres://db/x?sslpassword=S3CRET",
            "postgres://db/x?pass%77ord=S3CRET",
            "postgres://db/x?host=a:S3CRET@b",
            "host=db password=S3CRET",
            "POSTGRES://app:S3CRET@db/x",
            "postgres://app:S3CRET@",
            "postgres://:S3CRET@/x?host=/run",
            "redis://:S3CRET@cache",
            "https://u:S3CRET@auth.example.com/jwks.json",
            "https://auth.example.com/jwks.json?token=S3CRET",
        ] {
            let shown = masked(url);
            assert!(!shown.contains("S3CRET") && !shown.contains("RET"), "{url}: {shown}");
        }
    }

    #[test]
    fn what_holds_no_password_is_shown_as_it_was_written() {
        for plain in [
            "sqlite:///var/lib/x.db",
            "https://auth.example.com/tenant/",
            "postgres://db/x",
            "/etc/trefoil/public.pem",
            "api_v0.0.1",
        ] {
            assert_eq!(masked(plain), plain);
        }
        assert_eq!(masked("postgres://app:s3:cr%40t@db/x?a=b"), "postgres://app:***@db/x?a=***");
        assert_eq!(masked("postgres://app@db/x?sslmode=disable"), "postgres://app@db/x?sslmode=disable");
    }
}
