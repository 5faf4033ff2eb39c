//! The commands: what they print, and their exit codes.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use trefoil_serve::{Clock, SystemClock};

use crate::harness::{AUDIENCE, ISSUER, claims_at, sign};
use crate::jwks_stub::{Say, Stub};
use crate::program::Place;

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

/// Asserts exit code 1 and one clear line on stderr that holds `mend`.
pub(crate) fn assert_fails(output: &Output, mend: &str) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = stderr(output);
    assert!(text.starts_with("error: ") && text.trim_end().lines().count() == 1, "{text}");
    assert!(text.contains(mend), "no `{mend}` in {text}");
}

#[test]
fn verify_prints_the_claims_or_the_one_reason_why_not() {
    let place = Place::new();
    let key = ["--public-key", "public.pem"];
    let verify =
        |token: &str, more: &[&str]| place.run_with_trust(&[&["verify", token][..], &key, more].concat());
    let good = verify(&place.token(), &["--json"]);
    assert!(good.status.success(), "{good:?}");
    assert_eq!(
        (&document(&good)["client_id"], &document(&good)["aud"]),
        (&"client-1".into(), &AUDIENCE.into())
    );
    let person = stdout(&verify(&place.token(), &[]));
    assert!(person.lines().any(|line| line.starts_with("scope ") && line.ends_with(" read")), "{person}");

    let expired = sign(&place.key, &claims_at(1_000));
    let refused = verify(&expired, &["--json"]);
    assert_fails(&refused, "the token has expired: ");
    assert_fails(&refused, " ago (exp 1600");
    assert_eq!(document(&refused)["error"], "expired");
    assert_fails(&verify("a.b", &[]), "not a compact JWS");
    let stranger = crate::harness::key("ES256");
    let no_key = format!("no key {} in public.pem (it has {}): ", stranger.kid(), place.key.kid());
    let unknown = verify(&sign(&stranger, &claims_at(1_000)), &[]);
    assert_fails(&unknown, &no_key);
    assert_fails(&unknown, "auth-server key export --format pem");
    for pasted in [
        &["Bearer", &place.token()][..],
        &[&format!("Bearer {}", place.token())],
        &["Authorization:", "bearer", &place.token()],
    ] {
        let arguments = [&["verify"][..], pasted, &key].concat();
        assert!(place.run_with_trust(&arguments).status.success(), "{pasted:?}");
    }
}

#[test]
fn u02_verify_says_what_was_expected_and_what_is_there() {
    let place = Place::new();
    let now = SystemClock.now().seconds();
    let cases = [
        (
            "iss",
            json!("https://other.example"),
            format!("of `https://other.example`, expected is `{ISSUER}`"),
        ),
        ("iss", json!(format!("{ISSUER}/")), "they differ by a slash".to_owned()),
        ("aud", json!("\u{1b}[31mapi"), format!("it is for `\\u{{1b}}[31mapi`, expected is `{AUDIENCE}`")),
        ("aud", json!(["a", "b"]), "it is for `a`, `b`".to_owned()),
        ("exp", json!(now - 7_500), "2 h 5 min ago".to_owned()),
        ("iat", json!(now + 7_500), "is the clock of this machine behind?".to_owned()),
    ];
    for (claim, value, words) in cases {
        let mut claims = claims_at(now);
        claims[claim] = value;
        let token = sign(&place.key, &claims);
        assert_fails(&place.run_with_trust(&["verify", &token, "--public-key", "public.pem"]), &words);
    }
}

#[test]
fn d26_verify_reads_the_token_from_standard_input() {
    let place = Place::new();
    let arguments =
        ["verify", "-", "--json", "--public-key", "public.pem", "--issuer", ISSUER, "--audience", AUDIENCE];
    let mut command = place.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{}\n", place.token()).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(document(&output)["sub"], "client-1");
}

#[tokio::test]
async fn verify_fetches_a_key_set_and_says_where_it_could_not() {
    let place = Place::new();
    let stub = Stub::start(Say::keys(&[&place.key])).await;
    let url = stub.url.clone();
    let token = place.token();
    let run = async |place: Place| {
        let (url, token) = (url.clone(), token.clone());
        let verify = move || (place.run_with_trust(&["verify", &token, "--jwks-url", &url]), place);
        tokio::task::spawn_blocking(verify).await.unwrap()
    };
    let (output, place) = run(place).await;
    assert!(output.status.success(), "{output:?}");
    stub.stop();
    assert_fails(&run(place).await.0, "connection refused");
}

#[test]
fn each_wrong_setting_is_one_line_with_the_mend() {
    let place = Place::new();
    place.write("private.pem", &place.key.to_pkcs8_pem().unwrap());
    let key = ["--public-key", "public.pem"];
    let serve = |more: &[&str]| place.run_with_trust(&[&["serve"][..], more].concat());
    assert_fails(&place.run(&["serve"]), "--issuer");
    assert_fails(&serve(&[]), "--public-key FILE");
    assert_fails(&serve(&["--public-key", "none.pem"]), "No such file");
    assert_fails(&serve(&["--public-key", "private.pem"]), "public half only");
    assert_fails(&serve(&["--jwks-url", "http://auth.example.com/jwks.json"]), "outbound.allow_hosts");
    assert_fails(&serve(&[&key[..], &["--route", "/a=http://127.0.0.1:3000"]].concat()), "not available yet");
    assert_fails(&serve(&[&key[..], &["--route", "/a=none.json"]].concat()), "none.json");
    assert_fails(&serve(&[&key[..], &["--route", "/health=protected.json"]].concat()), "the server's own");
    assert_fails(&serve(&[&key[..], &["--listen", "256.0.0.1:1"]].concat()), "cannot listen");
    assert_eq!(serve(&[&key[..], &["--lisen", "127.0.0.1:0"]].concat()).status.code(), Some(2));
    assert_eq!(serve(&[&key[..], &["--route", "no-target"]].concat()).status.code(), Some(2));
}

#[test]
fn d32_routes_and_keys_come_from_toml_and_unknown_names_are_refused() {
    let place = Place::new();
    let toml = format!(
        "issuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\npublic_key = \"public.pem\"\nrevocation = \"off\"\n\
         [[route]]\npath = \"/api_v0.0.1\"\nfile = \"protected.json\"\nmethods = [\"GET\"]\nscopes = [\"read\"]\n"
    );
    place.write("good.toml", &toml);
    let check = |name: &str| place.run(&["config", "check", "--config", name]);
    assert!(check("good.toml").status.success(), "{:?}", check("good.toml"));
    let cases = [
        ("issuer", "isuer", "issuer"),
        ("scopes", "scope", "scopes"),
        ("[\"GET\"]", "[\"POST\"]", "GET"),
        ("[\"read\"]", "[\"re ad\"]", "not a scope"),
        ("\"off\"", "\"required\"\nrevocation_max_stale = 1", "15 or more"),
        ("\"off\"", "\"sometimes\"", "when_reachable"),
    ];
    for (from, to, mend) in cases {
        place.write("bad.toml", &toml.replacen(from, to, 1));
        assert_fails(&check("bad.toml"), mend);
    }
}

#[test]
fn d32_the_environment_stands_between_file_and_flags() {
    let place = Place::new();
    place.write("c.toml", "audience = \"from-file\"\nissuer = \"from-file\"\nlisten = \"127.0.0.1:1\"\n");
    let mut command =
        place.command(&["config", "show", "--json", "--config", "c.toml", "--audience", "from-flag"]);
    command.env("RESOURCE_SERVER_AUDIENCE", "from-env").env("RESOURCE_SERVER_ISSUER", "000123");
    let shown = document(&command.output().unwrap());
    let value = |key: &str| shown[key]["value"].clone();
    assert_eq!(
        (value("audience"), value("issuer"), value("listen")),
        ("from-flag".into(), "000123".into(), "127.0.0.1:1".into())
    );
}

#[test]
fn d32_an_environment_name_that_means_nothing_fails_config_check_alone() {
    let place = Place::new();
    let check = ["config", "check", "--public-key", "public.pem", "--issuer", ISSUER, "--audience", AUDIENCE];
    let mut mistyped = place.command(&check);
    assert_fails(
        &mistyped.env("RESOURCE_SERVER_AUDIENSE", "x").output().unwrap(),
        "RESOURCE_SERVER_AUDIENCE",
    );
    let mut kubernetes = place.command(&check);
    kubernetes
        .env("RESOURCE_SERVER_PORT", "tcp://10.0.0.1:80")
        .env("RESOURCE_SERVER_SERVICE_HOST", "10.0.0.1");
    assert!(kubernetes.output().unwrap().status.success());
    let program = place.serve_with(&["--public-key", "public.pem"], |command| {
        command.env("RESOURCE_SERVER_AUDIENSE", "x");
    });
    program.logged("RESOURCE_SERVER_AUDIENSE");
}

#[test]
fn u09_a_command_prints_one_document_also_where_something_is_wrong() {
    let place = Place::new();
    let broken = ["--public-key", "missing.pem", "--issuer", "no url", "--audience", AUDIENCE, "--json"];
    let found = place.run(&[&["config", "check"][..], &broken].concat());
    let one = document(&found);
    assert_eq!((found.status.code(), &one["ok"]), (Some(1), &false.into()));
    assert!(one["problems"].as_array().unwrap().len() >= 2, "each problem by itself: {one}");
    let doctor = document(&place.run(&[&["doctor"][..], &broken].concat()));
    assert_eq!(doctor["ok"], false, "{doctor}");
    let fine = ["config", "check", "--public-key", "public.pem", "--issuer", ISSUER, "--audience", AUDIENCE];
    let fine = document(&place.run(&[&fine[..], &["--json"]].concat()));
    assert_eq!((&fine["ok"], &fine["problems"]), (&true.into(), &serde_json::json!([])), "{fine}");
}

#[test]
fn doctor_names_what_is_wrong_and_health_says_that_nobody_answers() {
    let place = Place::new();
    let free = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let with_key =
        |name: &str| place.run_with_trust(&[&["doctor", "--json", "--public-key", name][..], &free].concat());
    let good = with_key("public.pem");
    assert!(good.status.success(), "{good:?}");
    assert!(document(&good)["checks"].as_array().unwrap().iter().any(|check| check["check"] == "keys"));
    place.write("bad.pem", "x");
    assert_eq!(with_key("bad.pem").status.code(), Some(1));
    assert_fails(&place.run(&["health", "--listen", "127.0.0.1:1"]), "is it running?");
}

#[test]
fn d36_health_is_the_exit_code_and_needs_the_address_alone() {
    let place = Place::new();
    let program = place.serve(&["--public-key", "public.pem"]);
    let address = program.url.strip_prefix("http://").unwrap();
    assert!(place.run(&["health", "--listen", address]).status.success());
    let mut by_environment = place.command(&["health"]);
    assert!(by_environment.env("RESOURCE_SERVER_LISTEN", address).output().unwrap().status.success());
    let keyless = place.serve(&["--jwks-url", "http://127.0.0.1:1/jwks.json", "--state-dir", "state"]);
    let address = keyless.url.strip_prefix("http://").unwrap();
    assert_fails(&place.run(&["health", "--listen", address]), "status 503");
}

#[test]
fn the_configuration_that_packages_ship_has_known_keys_only() {
    let place = Place::new();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/etc/resource-server.toml");
    let shown = place.run(&["config", "show", "--config", shipped, "--json"]);
    assert!(shown.status.success(), "{shown:?}");
    let shown = document(&shown);
    let value = |key: &str| shown[key]["value"].as_str().unwrap().to_owned();
    assert_eq!(value("public_url"), value("audience"), "w10: what is discovered is what tokens are for");
}

#[test]
fn w10_doctor_warns_where_the_public_url_is_not_the_audience() {
    let place = Place::new();
    let finding = |url: &str, audience: &str| {
        let arguments = ["doctor", "--json", "--public-key", "public.pem", "--issuer", ISSUER];
        let output = place.run(&[&arguments[..], &["--public-url", url, "--audience", audience]].concat());
        let checks = document(&output)["checks"].clone();
        let found = checks.as_array().unwrap().iter().find(|check| check["check"] == "public_url").cloned();
        let found = found.unwrap();
        (found["outcome"].as_str().unwrap().to_owned(), found["says"].as_str().unwrap().to_owned())
    };
    let root = "https://api.example.com";
    let (outcome, says) = finding(root, "api");
    assert!(
        outcome == "warning" && says.contains("resource add https://api.example.com --audience api"),
        "{says}"
    );
    for (url, audience) in
        [(root, root), (root, "https://api.example.com/"), ("https://a.example/v1", "https://a.example/v1")]
    {
        assert_eq!(finding(url, audience).0, "ok", "{url} {audience}");
    }
    assert_eq!(finding("https://a.example/v1/", "https://a.example/v1").0, "warning");
}

#[test]
fn completions_and_the_manual_page_are_printed() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&place.run(&["completions", shell])).contains("resource-server"), "{shell}");
    }
    assert!(stdout(&place.run(&["man"])).contains(".TH resource-server"));
    assert_eq!(place.run(&["--version"]).status.code(), Some(0));
    assert_eq!(place.run(&["nonsense"]).status.code(), Some(2));
}
