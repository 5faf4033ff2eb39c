use super::*;

fn parsed(text: &str) -> PostgresUrl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    text.parse::<PostgresUrl>().map(|_| ()).unwrap_err().to_string()
}

#[test]
fn case_09_a_socket_may_be_named_in_every_form_of_libpq() {
    for text in [
        "postgres://u:p@/db?host=/run/postgresql",
        "postgresql://u:p@/db?host=%2Frun%2Fpostgresql",
        "postgres://u:p@%2Frun%2Fpostgresql/db",
        "postgres:///db?host=/run/postgresql&user=u&password=p",
        "postgres://?host=/run/postgresql&user=u&password=p&dbname=db",
        "POSTGRES://u:p@/db?host=/run/postgresql",
        "postgres://u:p@localhost/db?host=/run/postgresql",
    ] {
        let url = parsed(text);
        assert_eq!(url.place, Some(Place::Socket("/run/postgresql".into())), "{text}");
        assert_eq!((url.user.as_deref(), url.database.as_deref()), (Some("u"), Some("db")), "{text}");
        assert_eq!(url.password.unwrap().reveal(), "p", "{text}");
    }
    let url = parsed("postgres://u@:5433/db");
    assert_eq!((url.place, url.port, url.user.as_deref()), (None, Some(5433), Some("u")));
}

#[test]
fn w22_a_parameter_is_one_only_behind_the_question_mark() {
    let url = parsed("postgres://u:sslmode=disable@db.example.com/x");
    assert!(url.ssl_mode.is_none());
    assert_eq!(url.password.unwrap().reveal(), "sslmode=disable");
    let url = parsed(
        "postgres://u:p%3Fsslmode%3Ddisable@db.example.com/sslmode=disable?application_name=sslmode=disable",
    );
    assert!(url.ssl_mode.is_none());
    assert!(matches!(parsed("postgres://u@h/x?sslmode=require").ssl_mode, Some(PgSslMode::Require)));
}

#[test]
fn case_30_what_is_given_and_cannot_be_used_is_an_error() {
    for (text, message) in [
        ("postgres://u@h/x?sslmode=verify_full", "sslmode `verify_full` is unknown: use disable"),
        ("postgres://u@h/x?sslmode=", "sslmode `` is unknown"),
        ("postgres://u@h/x?sslmod=require", "`sslmod` is unknown; did you mean `sslmode`?"),
        ("postgres://a,b/x", "several hosts"),
        ("postgres://a:1,b:2/x", "several hosts"),
        ("postgres://h/x?host=a,b", "several hosts"),
        ("postgres://h:99999/x", "port"),
        ("postgres://h/x?port=x", "port is no number"),
        ("postgres://h/x?hostaddr=h", "hostaddr is no IP address"),
        ("postgres://h/x?options=search_path", "-c NAME=VALUE"),
        ("postgres://h/x#y", "%23"),
        ("mysql://h/x", "postgres://USER@HOST/DATABASE"),
        ("host=h dbname=x", "postgres://USER@HOST/DATABASE"),
    ] {
        let error = error(text);
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn case_04_no_error_shows_what_could_be_a_password() {
    for text in [
        "postgres://u:S3CRET/x@h/db",
        "postgres://u:1/S3CRET@h/db?S3CRET",
        "postgres://u:p?S3CRET@h/db",
        "postgres://u:S3CRET#x@h/db",
        "postgres://u:[S3CRET@h/db",
        "postgres://u:p@h/db?sslmode=S3CRET!",
        "postgres://u:p@h/db?S3CRET=1",
        "S3CRET",
    ] {
        if let Err(error) = text.parse::<PostgresUrl>() {
            assert!(!error.to_string().contains("S3CRET"), "{text}: {error}");
        }
    }
    let url = parsed("postgres://u@h/x?sslpassword=S3CRET&connect_timeout=5");
    assert_eq!(url.without_effect, ["sslpassword", "connect_timeout"]);
    assert!(!format!("{url:?}").contains("S3CRET"));
}

#[test]
fn d30_this_machine_is_a_socket_or_loopback() {
    for local in [
        "postgres:///x",
        "postgres://u@localhost/x",
        "postgres://u@127.0.0.2/x",
        "postgres://u@[::1]/x",
        "postgres://u@/x?host=/s",
        "postgres://u@db.example.com/x?host=/s",
    ] {
        assert!(parsed(local).is_local(), "{local}");
    }
    for far in [
        "postgres://u@db.example.com/x",
        "postgres://u@127.0.0.1/x?host=db.example.com",
        "postgres://u@/x?host=10.0.0.1",
    ] {
        assert!(!parsed(far).is_local(), "{far}");
    }
}

#[test]
fn session_options_are_read_as_libpq_reads_them() {
    let url = parsed(
        "postgres://h/x?options=-c%20search_path%3Da%20--work-mem%3D1MB%20-cx%3Da%5C%20b&options[lock_timeout]=1s",
    );
    let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        url.options,
        [of("search_path", "a"), of("work_mem", "1MB"), of("x", "a\\ b"), of("lock_timeout", "1s")]
    );
}
