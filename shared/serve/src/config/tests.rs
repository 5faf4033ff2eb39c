//! Decision 32, layer by layer.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use trefoil_shared::Secret;

use super::*;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sample {
    pub(super) issuer: Option<String>,
    pub(super) listen: String,
    trusted_proxies: Vec<String>,
    data_dir: Option<PathBuf>,
    #[serde(serialize_with = "hidden")]
    token: Option<Secret>,
    labels: BTreeMap<String, String>,
    pub(super) database: Database,
    log: LogSettings,
    tls: TlsSettings,
    shutdown: ShutdownSettings,
    route: Vec<Route>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Database {
    pub(super) url: String,
    max_connections: u32,
    strict: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite://x.db".into(), max_connections: 10, strict: false }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    path: String,
    file: Option<PathBuf>,
}

impl Settings for Sample {
    const PATHS: &'static [&'static str] = &["data_dir", "tls.cert", "route.file"];
    const SECRETS: &'static [&'static str] = &["token"];
}

pub(super) fn env(pairs: &[(&str, &str)]) -> Layers {
    let env = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Layers { prefix: "APP_".into(), env, ..Layers::default() }
}

fn file(dir: &Path, text: &str) -> Layers {
    let path = dir.join("app.toml");
    std::fs::write(&path, text).unwrap();
    Layers { file: Some(path), ..env(&[]) }
}

pub(super) fn refused(layers: Layers) -> String {
    load::<Sample>(layers).unwrap_err().to_string()
}

#[test]
fn d32_later_layers_win_and_each_value_knows_its_origin() {
    let dir = tempfile::tempdir().unwrap();
    let mut layers =
        file(dir.path(), "listen = \"file\"\nissuer = \"file\"\n[database]\nmax_connections = 3\n");
    layers.env = vec![("APP_ISSUER".into(), "env".into()), ("APP_DATABASE__STRICT".into(), "true".into())];
    layers.flags.set("issuer", Some("flag")).unwrap();
    layers.flags.set("listen", None::<String>).unwrap();
    let loaded = load::<Sample>(layers).unwrap();
    assert_eq!(loaded.value.issuer.as_deref(), Some("flag"));
    assert_eq!(loaded.value.listen, "file");
    assert_eq!(loaded.value.database.max_connections, 3);
    assert!(loaded.value.database.strict);
    assert_eq!(loaded.value.database.url, "sqlite://x.db");
    assert_eq!(loaded.origins["issuer"], Origin::Flag);
    assert_eq!(loaded.origins["listen"], Origin::File(dir.path().join("app.toml")));
    assert_eq!(loaded.origins["database.strict"], Origin::Environment("APP_DATABASE__STRICT".into()));
    assert_eq!(loaded.origins["database.url"], Origin::Default);
}

#[test]
fn d32_environment_text_is_typed_by_its_field() {
    let loaded = load::<Sample>(env(&[
        ("APP_ISSUER", "000123"),
        ("APP_LISTEN", "true"),
        ("APP_DATABASE__MAX_CONNECTIONS", "08080"),
        ("APP_DATABASE__STRICT", "true"),
        ("APP_TRUSTED_PROXIES", "10.0.0.0/8, 000123"),
        ("APP_LABELS", r#"{"a":"1"}"#),
        ("APP_LABELS__B", "2"),
        ("APP_TOKEN", "1e5"),
        ("APP_LOG__FORMAT", "json"),
        ("APP_SHUTDOWN__GRACE", "0"),
        ("APP_TLS__CERT", "rel.pem"),
        ("APP_ROUTE", r#"[{"path":"/a","file":"x.json"}]"#),
        ("OTHER_ISSUER", "no"),
    ]));
    let value = loaded.unwrap().value;
    assert_eq!(value.issuer.as_deref(), Some("000123"));
    assert_eq!(value.listen, "true");
    assert_eq!(value.database.max_connections, 8080);
    assert!(value.database.strict);
    assert_eq!(value.trusted_proxies, ["10.0.0.0/8", "000123"]);
    assert_eq!(value.token.unwrap().reveal(), "1e5");
    assert_eq!(value.log.format, crate::telemetry::LogFormat::Json);
    assert_eq!(value.shutdown.grace, Seconds(0));
    assert_eq!(value.tls.cert.as_deref(), Some(Path::new("rel.pem")));
    assert_eq!(value.route[0].path, "/a");
}

#[test]
fn d32_a_list_may_be_json_and_an_empty_variable_is_not_set() {
    let pairs = [("APP_TRUSTED_PROXIES", r#"["a,b","c"]"#), ("APP_ISSUER", ""), ("APP_DATA_DIR", "")];
    let value = load::<Sample>(env(&pairs)).unwrap().value;
    assert_eq!(value.trusted_proxies, ["a,b", "c"]);
    assert_eq!((value.issuer, value.data_dir), (None, None));
}

#[test]
fn d32_a_value_may_come_from_a_file_without_its_last_newline() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("url");
    std::fs::write(&path, "postgres://a:b@c/d\n").unwrap();
    let path = path.to_str().unwrap();
    let loaded = load::<Sample>(env(&[("APP_DATABASE__URL_FILE", path)])).unwrap();
    assert_eq!(loaded.value.database.url, "postgres://a:b@c/d");
    let origin = Origin::EnvironmentFile("APP_DATABASE__URL_FILE".into(), path.into());
    assert_eq!(loaded.origins["database.url"], origin);

    let both = env(&[("APP_DATABASE__URL_FILE", path), ("APP_DATABASE__URL", "x")]);
    assert_eq!(refused(both), "APP_DATABASE__URL and APP_DATABASE__URL_FILE are both set; keep one of them");
    let gone = refused(env(&[("APP_ISSUER_FILE", "/nonexistent/x")]));
    assert!(gone.starts_with("APP_ISSUER_FILE: cannot read /nonexistent/x: "), "{gone}");
}

#[test]
fn d32_an_unknown_name_in_the_file_is_an_error_with_the_nearest() {
    let dir = tempfile::tempdir().unwrap();
    let error = refused(file(dir.path(), "[database]\nmax_conections = 3\n"));
    let path = dir.path().join("app.toml");
    assert_eq!(
        error,
        format!(
            "unknown setting `database.max_conections` ({}); did you mean `database.max_connections`?",
            path.display()
        )
    );
    let error = refused(file(dir.path(), "[[route]]\npath = \"/\"\nfil = \"x\"\n"));
    assert!(error.contains("`fil`") && error.contains("did you mean `file`?"), "{error}");
    let error = refused(file(dir.path(), "zzzzzz = 1\n"));
    assert!(error.ends_with(&format!("`zzzzzz` ({})", path.display())), "{error}");
}

#[test]
fn d32_an_unknown_flag_is_an_error_with_the_nearest() {
    let mut layers = env(&[]);
    layers.flags.set("isuer", Some("x")).unwrap();
    assert_eq!(refused(layers), "unknown setting `isuer` (flag); did you mean `issuer`?");
}

#[test]
fn d32_an_unknown_environment_name_is_a_warning_with_the_nearest() {
    let loaded = load::<Sample>(env(&[("APP_DATABASE_URL", "x"), ("APP_QQQQQQ", "y")])).unwrap();
    assert_eq!(
        loaded.warnings,
        [
            "environment variable APP_DATABASE_URL means nothing; did you mean `APP_DATABASE__URL`?",
            "environment variable APP_QQQQQQ means nothing"
        ]
    );
    assert_eq!(loaded.value.database.url, "sqlite://x.db");
}

#[test]
fn d32_kubernetes_service_variables_are_passed_over() {
    let loaded = load::<Sample>(env(&[
        ("APP_PORT", "tcp://10.0.0.1:8080"),
        ("APP_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("APP_PORT_8080_TCP_PROTO", "tcp"),
        ("APP_SERVICE_HOST", "10.0.0.1"),
        ("APP_SERVICE_PORT_HTTP", "8080"),
    ]))
    .unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(load::<Sample>(env(&[("APP_PORT", "8080")])).unwrap().warnings.len(), 1);
}

#[test]
fn d33_paths_in_the_file_are_relative_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let text =
        "data_dir = \"state\"\n[tls]\ncert = \"/etc/c.pem\"\n[[route]]\npath = \"/a\"\nfile = \"r.json\"\n";
    let value = load::<Sample>(file(dir.path(), text)).unwrap().value;
    assert_eq!(value.data_dir.unwrap(), dir.path().join("state"));
    assert_eq!(value.tls.cert.unwrap(), Path::new("/etc/c.pem"));
    assert_eq!(value.route[0].path, "/a");
    assert_eq!(value.route[0].file.clone().unwrap(), dir.path().join("r.json"));
}

#[test]
fn d32_wrong_values_are_refused_in_one_line_with_key_and_origin() {
    let error = refused(env(&[("APP_DATABASE__MAX_CONNECTIONS", "many")]));
    assert_eq!(
        error,
        "`database.max_connections` (environment APP_DATABASE__MAX_CONNECTIONS): \
         invalid value: string \"many\", expected u32"
    );
    let dir = tempfile::tempdir().unwrap();
    let error = refused(file(dir.path(), "listen = 1\n"));
    assert!(error.starts_with("`listen` (") && error.contains("expected a string"), "{error}");
    let error = refused(file(dir.path(), "a = 1\nb = [\n"));
    assert!(error.contains("app.toml line ") && !error.contains('\n'), "{error}");
    let error = refused(file(dir.path(), "[shutdown]\ngrace = \"soon\"\n"));
    assert!(error.starts_with("`shutdown.grace` ("), "{error}");
    let error = refused(env(&[("APP_LOG__FORMAT", "xml")]));
    assert!(error.contains("`text` or `json`"), "{error}");
}

#[test]
fn d33_the_file_asked_for_must_exist_and_the_default_one_need_not() {
    let missing = Some(PathBuf::from("/nonexistent/app.toml"));
    let error = refused(Layers { file: missing.clone(), ..env(&[]) });
    assert!(error.starts_with("cannot read the configuration file /nonexistent/app.toml"), "{error}");
    let loaded = load::<Sample>(Layers { default_file: missing, ..env(&[]) }).unwrap();
    assert_eq!(loaded.file, None);
}

#[test]
fn a126_secrets_are_neither_shown_nor_named_in_errors() {
    let url = "postgres://app:canary@db/x";
    let loaded = load::<Sample>(env(&[("APP_TOKEN", "canary"), ("APP_DATABASE__URL", url)])).unwrap();
    let shown = serde_json::to_string(&loaded.shown()).unwrap();
    assert!(!shown.contains("canary"), "{shown}");
    let find = |key: &str| loaded.shown().into_iter().find(|shown| shown.key == key).unwrap();
    assert_eq!(find("token").value, "(hidden)");
    assert_eq!(find("token").origin, "environment APP_TOKEN");
    assert_eq!(find("database.url").value, "postgres://app:***@db/x");
    assert_eq!(find("database.max_connections").value, 10);
    let dir = tempfile::tempdir().unwrap();
    let error = refused(file(dir.path(), "token = [\"canary\"]\n"));
    assert!(error.starts_with("`token` (") && !error.contains("canary"), "{error}");
}
