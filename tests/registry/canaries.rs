//! Case 126: a secret that is put into any field of any request or command shows up in no log, metric or audit row.

use serde_json::Value;

use crate::harness::{Answer, Credentials, Engine, Lab, Server, cli::machine_client, lab::RESOURCE, ports};

/// What no log may hold.
const CANARY: &str = "canary7f3a9e51c0ffee";

/// The parameters of `/token`, `/introspect` and `/revoke`, and some that nobody knows.
const FIELDS: [&str; 16] = [
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "resource",
    "audience",
    "token",
    "token_type_hint",
    "code",
    "code_verifier",
    "redirect_uri",
    "refresh_token",
    "password",
    "username",
    "client_assertion",
    "unknown_field",
];

const HEADERS: [&str; 8] = [
    "cookie",
    "x-request-id",
    "user-agent",
    "referer",
    "dpop",
    "x-forwarded-for",
    "x-api-key",
    "traceparent",
];

async fn send_everywhere(lab: &Lab, server: &Server, by: &Credentials, paths: &[&str]) {
    for path in paths {
        let url = server.at(path);
        for field in FIELDS {
            let form = [("grant_type", "client_credentials"), ("resource", RESOURCE), ("token", "x")];
            let mut with: Vec<(&str, &str)> = form.into_iter().filter(|(name, _)| *name != field).collect();
            with.push((field, CANARY));
            let _ = lab.http.post(&url).basic_auth(&by.id, Some(&by.secret)).form(&with).send().await;
            let _ = lab.http.post(&url).form(&with).send().await;
            let _ = lab.http.get(format!("{url}?{field}={CANARY}")).send().await;
        }
        for header in HEADERS {
            let _ =
                lab.http.post(&url).header(header, CANARY).body("grant_type=client_credentials").send().await;
            let _ = lab.http.get(&url).header(header, CANARY).send().await;
        }
        let _ = lab
            .http
            .post(&url)
            .basic_auth(CANARY, Some("x"))
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await;
        let _ = lab
            .http
            .post(&url)
            .basic_auth(&by.id, Some(CANARY))
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await;
        let _ = lab.http.post(&url).bearer_auth(CANARY).send().await;
        let _ = lab.http.post(&url).header("authorization", format!("Basic {CANARY}")).send().await;
        let _ = lab.http.post(&url).header("authorization", CANARY).body(CANARY).send().await;
        let _ =
            lab.http.get(&url).bearer_auth(format!("eyJhbGciOiJFUzI1NiJ9.{CANARY}.{CANARY}")).send().await;
        let _ = lab.http.post(&url).header("content-type", CANARY).body(CANARY).send().await;
        let _ = lab.http.get(format!("{url}/{CANARY}")).send().await;
    }
}

/// Commands that show what the registry holds.
const QUIET: [&[&str]; 9] = [
    &["client", "list"],
    &["client", "show", "b"],
    &["resource", "list"],
    &["key", "list"],
    &["db", "status"],
    &["audit", "list"],
    &["audit", "list", "--json"],
    &["config", "show"],
    &["doctor"],
];

/// A CR, LF or escape that a client sends must not make a line of its own.
fn one_record_a_line(log: &str) {
    for line in log.lines().filter(|line| !line.starts_with("listening on ")) {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "not one JSON record: {line}");
        assert!(!line.contains('\u{1b}'), "an escape: {line}");
    }
}

on_both!(a126_canaries_are_in_no_log_metric_or_audit, |engine| {
    let lab = Lab::new(engine).await;
    lab.auth.ok(&["resource", "add", "opaque_api", "--scope", "other", "--token-format", "opaque"]);
    let secret = lab.dir.path().join("secret");
    std::fs::write(&secret, format!("{CANARY}-{CANARY}")).expect("secret");
    let by = lab.add_client_with_secret("brought", &secret);
    let admin = [ports::free(), ports::free()].map(|port| format!("127.0.0.1:{port}"));
    let loud = lab.auth.clone().with("AUTH_SERVER_LOG__LEVEL", "debug");
    let auth =
        Server::start(loud.command(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", &admin[0]]));
    let mut arguments = lab.resource_arguments(auth.url());
    let off = arguments.iter().position(|a| a == "off").expect("admin listener");
    arguments[off].clone_from(&admin[1]);
    let rs = lab.resource().with("RESOURCE_SERVER_LOG__LEVEL", "debug");
    let resource = Server::start(rs.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));

    // The client whose secret is the canary works, and its tokens are secrets too.
    let token = lab.access_token(&auth, &by).await;
    assert_eq!(lab.read(&resource, &token).await.status, 200);
    send_everywhere(&lab, &auth, &by, &["/token", "/introspect", "/revoke", "/jwks.json", "/nowhere"]).await;
    send_everywhere(&lab, &resource, &by, &["/api_v0.0.1", "/nowhere"]).await;

    let signature = token.rsplit('.').next().expect("a signature").to_owned();
    let mut seen = vec![("auth-server's log", auth.log()), ("resource-server's log", resource.log())];
    for at in &admin {
        let metrics = lab.http.get(format!("http://{at}/metrics")).send().await.expect("metrics");
        seen.push(("metrics", Answer::read(metrics).await.body));
    }
    seen.push(("audit", lab.auth.json(&["audit", "list"]).to_string()));
    for (place, text) in &seen {
        assert!(!text.is_empty(), "{place} is empty");
        assert!(!text.contains(CANARY), "{place}: {:?}", text.lines().find(|line| line.contains(CANARY)));
        assert!(!text.contains(&signature), "{place} holds a token");
    }
    one_record_a_line(&seen[0].1);
    one_record_a_line(&seen[1].1);
});

on_both!(a126_admin_commands_print_a_secret_once_and_log_it_never, |engine| {
    let lab = Lab::new(engine).await;
    let loud = lab.auth.clone().with("AUTH_SERVER_LOG__LEVEL", "trace");
    let made = loud.run(&[&machine_client("m", &[RESOURCE])[..], &["--json"]].concat());
    let told: Value = serde_json::from_str(&made.stdout).expect("JSON");
    let (id, secret) =
        (told["client_id"].as_str().expect("id"), told["client_secret"].as_str().expect("secret"));
    assert!(!made.stderr.contains(secret), "{}", made.stderr);
    let given = format!("{CANARY}-{CANARY}");
    let add = [&machine_client("b", &[RESOURCE])[..], &["--id", "b", "--secret-file", "-"]].concat();
    let brought = loud.run_with_input(&add, &given);
    assert_eq!(brought.code, 0, "{brought:?}");
    assert!(!brought.stderr.contains(CANARY), "{}", brought.stderr);
    let show = ["client", "show", id];
    for arguments in QUIET.iter().copied().chain([&show[..]]) {
        let outcome = loud.run(arguments);
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(
                !text.contains(secret) && !text.contains(CANARY),
                "{arguments:?} prints a secret: {text}"
            );
        }
    }
    if engine == Engine::Postgres {
        let password = lab.database.url.split(['@', ':']).nth(2).expect("a password").to_owned();
        let shown = loud.ok(&["config", "show"]);
        assert!(!shown.contains(&password), "{shown}");
    }
});
