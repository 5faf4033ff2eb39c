//! Values that are given and cannot be used are errors; an empty variable is not given.

use super::tests::{Sample, env, refused};
use super::*;

fn value_file(text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("value");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

#[test]
fn case_12_an_empty_value_file_is_refused() {
    for text in ["", "\n", "\r\n", "  \n", "\u{feff}"] {
        let (_dir, path) = value_file(text);
        let error = refused(env(&[("APP_DATABASE__URL_FILE", &path)]));
        let expected = format!(
            "APP_DATABASE__URL_FILE: {path} is empty; write the value into it, or unset APP_DATABASE__URL_FILE"
        );
        assert_eq!(error, expected, "{text:?}");
    }
}

#[test]
fn case_14_an_empty_variable_is_not_set_beside_its_file_and_alone() {
    let (_dir, path) = value_file("sqlite://y.db\n");
    let loaded = |pairs: &[(&str, &str)]| load::<Sample>(env(pairs)).unwrap();
    let both = loaded(&[("APP_DATABASE__URL", ""), ("APP_DATABASE__URL_FILE", &path)]);
    assert_eq!(both.value.database.url, "sqlite://y.db");
    let both = loaded(&[("APP_DATABASE__URL", "sqlite://z.db"), ("APP_DATABASE__URL_FILE", "")]);
    assert_eq!(both.value.database.url, "sqlite://z.db");
    let alone = loaded(&[("APP_DATABASE__URL_FILE", ""), ("APP_LISTEN", ""), ("APP_ISUER", "")]);
    assert_eq!((alone.value.database.url.as_str(), alone.value.listen.as_str()), ("sqlite://x.db", ""));
    assert_eq!(alone.origins["database.url"], Origin::Default);
    assert!(alone.warnings.is_empty(), "{:?}", alone.warnings);
}

#[test]
fn case_14_an_empty_variable_leaves_what_the_file_says() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("app.toml");
    std::fs::write(&file, "issuer = \"file\"\n[database]\nmax_connections = 3\n").unwrap();
    let mut layers = env(&[("APP_ISSUER", ""), ("APP_DATABASE__MAX_CONNECTIONS", "")]);
    layers.flags.set("issuer", Some("")).unwrap();
    let loaded = load::<Sample>(Layers { file: Some(file), ..layers }).unwrap();
    assert_eq!(loaded.value.issuer.as_deref(), Some("file"));
    assert_eq!(loaded.shown().iter().find(|one| one.key == "database.max_connections").unwrap().value, 3);
}

#[test]
fn case_15_the_variables_of_sibling_services_are_passed_over() {
    let of_siblings = [
        ("APP_POSTGRESQL_SERVICE_HOST", "10.0.0.2"),
        ("APP_POSTGRESQL_SERVICE_PORT", "5432"),
        ("APP_POSTGRESQL_SERVICE_PORT_TCP_POSTGRESQL", "5432"),
        ("APP_POSTGRESQL_PORT", "tcp://10.0.0.2:5432"),
        ("APP_POSTGRESQL_PORT_5432_TCP", "tcp://10.0.0.2:5432"),
        ("APP_POSTGRESQL_PORT_5432_TCP_ADDR", "10.0.0.2"),
        ("APP_POSTGRESQL_PORT_5432_TCP_PORT", "5432"),
        ("APP_POSTGRESQL_PORT_5432_TCP_PROTO", "tcp"),
        ("APP_DNS_PORT_53_UDP_ADDR", "10.0.0.3"),
    ];
    let loaded = load::<Sample>(env(&of_siblings)).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    for ours in ["APP_DATABASE_PORT", "APP_PORT_FORWARDED", "APP_SERVICE", "APP_PORT_X_TCP"] {
        assert_eq!(load::<Sample>(env(&[(ours, "1")])).unwrap().warnings.len(), 1, "{ours}");
    }
}

#[test]
fn a_variable_that_is_not_utf8_is_refused() {
    let error = refused(env(&[("APP_ISSUER", "https://a\u{fffd}.example")]));
    assert_eq!(error, "environment variable APP_ISSUER is not UTF-8; set it anew");
}

#[test]
fn case_03_a_wrong_type_shows_no_password() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("app.toml");
    for text in ["[database]\nmax_connections = \"postgres://u:S3CRET@h\"\n", "x = postgres://u:S3CRET@h\n"] {
        std::fs::write(&file, text).unwrap();
        let error = refused(Layers { file: Some(file.clone()), ..env(&[]) });
        assert!(!error.contains("S3CRET"), "{error}");
    }
}

#[test]
fn u09_names_of_earlier_versions_are_read_with_a_notice() {
    #[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Renamed {
        limits: LimitSettings,
    }
    impl Settings for Renamed {
        const PATHS: &'static [&'static str] = &[];
        const SECRETS: &'static [&'static str] = &[];
        const RENAMED: &'static [(&'static str, &'static [&'static str])] = &[
            ("limits.max_body_bytes", &["limits.body"]),
            ("limits.stalled_after", &["limits.header_timeout", "limits.body_timeout"]),
        ];
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("app.toml");
    std::fs::write(&file, "[limits]\nmax_body_bytes = 7\nstalled_after = 3\nbody_timeout = \"5s\"\n")
        .unwrap();
    let loaded = load::<Renamed>(Layers { file: Some(file), ..env(&[]) }).unwrap();
    let limits = loaded.value.limits;
    assert_eq!((limits.body, limits.header_timeout, limits.body_timeout), (Size(7), Seconds(3), Seconds(5)));
    assert_eq!(loaded.notices[0], "`limits.max_body_bytes` is now called limits.body; it goes on working");
    let loaded = load::<Renamed>(env(&[("APP_LIMITS__MAX_BODY_BYTES", "64KiB")])).unwrap();
    assert_eq!((loaded.value.limits.body, loaded.notices.len()), (Size(65_536), 1));
    assert!(loaded.warnings.is_empty());
}
