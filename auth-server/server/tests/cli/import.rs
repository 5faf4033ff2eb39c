//! `import steelcut`, from a live PostgreSQL (decision 27).

use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use serde_json::json;

use super::harness::Lab;
use super::postgres::Postgres;
use super::server::Server;

const ONE: &str = "0123456789abcdef0123456789abcdef";
const TWO: &str = "fedcba9876543210fedcba9876543210";

/// As Python's argon2 makes it, with little memory so that the tests are fast.
fn phc(secret: &str, salt: &str) -> String {
    let params = Params::new(1024, 2, 1, None).unwrap();
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let salt = SaltString::encode_b64(salt.as_bytes()).unwrap();
    hasher.hash_password(secret.as_bytes(), &salt).unwrap().to_string()
}

fn row(grant: &str, id: &str, hash: &str, resource: &str) -> String {
    format!("INSERT INTO stored_tokens VALUES ('{grant}', '{id}', '{hash}', '{resource}')")
}

async fn source(rows: &[String]) -> Postgres {
    let source = Postgres::create().await;
    let table = "CREATE TABLE stored_tokens (grant_type varchar, client_id varchar, client_secret varchar, \
                 resource varchar)";
    source.run(&[table.to_owned()]).await;
    source.run(rows).await;
    source
}

async fn ask(server: &Server, (id, secret): (&str, &str), grant: &str) -> (u16, String) {
    let form: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", grant),
            ("client_id", id),
            ("client_secret", secret),
            ("resource", "api_v0.0.1"),
        ])
        .finish();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .post(format!("{}/token", server.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn d27_imported_clients_go_on_with_their_secrets_and_spellings() {
    trefoil_serve::install_crypto_provider();
    let source = source(&[
        row("client credentials", ONE, &phc("PRIVATE-one", "saltsaltsalt1"), "api_v0.0.1"),
        row("client_credentials", TWO, &phc("PRIVATE-two", "saltsaltsalt2"), "api_v0.0.1"),
    ])
    .await;
    let lab = Lab::empty();
    lab.ok(&["key", "generate"]);
    let from = source.url("admin");
    let first = lab.json(&["import", "steelcut", "--from", &from]);
    assert_eq!(first["imported"], json!([ONE, TWO]));
    assert_eq!(first["resources_added"], json!(["api_v0.0.1"]));
    let second = lab.json(&["import", "steelcut", "--from", &from]);
    assert_eq!((&second["imported"], &second["already_there"]), (&json!([]), &json!([ONE, TWO])));
    assert_eq!(lab.json(&["client", "list"]).as_array().unwrap().len(), 2);
    let doctor = lab.ok(&["doctor"]);
    assert!(doctor.contains("2 imported secrets are still Argon2 only"), "d28: {doctor}");

    let server = Server::start(&lab, &["--admin-listen", "off"]);
    for (client, grant, status) in [
        ((ONE, "PRIVATE-one"), "client credentials", 200),
        ((TWO, "PRIVATE-two"), "client_credentials", 200),
        ((TWO, "PRIVATE-two"), "client credentials", 400),
        ((ONE, "PRIVATE-two"), "client credentials", 401),
    ] {
        let (answered, body) = ask(&server, client, grant).await;
        assert_eq!(answered, status, "{client:?} {grant}: {body}");
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while lab.run(&["doctor"]).stdout.contains("still Argon2 only") {
        assert!(
            std::time::Instant::now() < deadline,
            "a success converts the secret: {}",
            lab.ok(&["doctor"])
        );
    }
}

#[tokio::test]
async fn d27_nothing_that_was_done_here_is_undone() {
    let source = source(&[
        row("client_credentials", ONE, &phc("PRIVATE-one", "saltsaltsalt1"), "api"),
        row("client_credentials", TWO, &phc("PRIVATE-two", "saltsaltsalt2"), "api"),
        row("client_credentials", "third", &phc("PRIVATE-three", "saltsaltsalt3"), "api"),
    ])
    .await;
    let lab = Lab::empty();
    let from = source.url("admin");
    lab.ok(&["import", "steelcut", "--from", &from]);
    lab.ok(&["client", "rotate-secret", ONE]);
    lab.ok(&["client", "remove", TWO]);
    let changed = phc("PRIVATE-new", "saltsaltsalt4");
    source.run(&[format!("UPDATE stored_tokens SET client_secret = '{changed}'")]).await;
    let plain = lab.json(&["import", "steelcut", "--from", &from]);
    assert_eq!((&plain["imported"], &plain["updated"]), (&json!([]), &json!([])), "{plain}");
    let update = lab.json(&["import", "steelcut", "--from", &from, "--update"]);
    assert_eq!(update["updated"], json!(["third"]), "{update}");
    assert_eq!((&update["kept"], &update["removed"]), (&json!([ONE]), &json!([TWO])), "{update}");
    assert_eq!(lab.json(&["client", "show", ONE])["secrets"][0]["kind"], json!("keyed"));
    assert!(lab.refused(&["client", "show", TWO]).contains("there is no client"));
}

#[tokio::test]
async fn d27_what_is_left_out_is_said_by_name() {
    let fine = phc("PRIVATE-one", "saltsaltsalt1");
    let source = source(&[
        row("client_credentials", ONE, &fine, "api"),
        row("client_credentials", ONE, &phc("PRIVATE-two", "saltsaltsalt2"), "api"),
        row("client_credentials", TWO, &fine, "api"),
        row("client_credentials", TWO, &fine, "other"),
        row("password", "person", &fine, "api"),
        row("client_credentials", "plain", "PRIVATE-plain", "api"),
        "INSERT INTO stored_tokens VALUES (NULL, 'empty', NULL, NULL)".to_owned(),
    ])
    .await;
    let lab = Lab::empty();
    let from = source.url("admin");
    let report = lab.json(&["import", "steelcut", "--from", &from]);
    assert_eq!(report["imported"], json!([ONE]));
    let left_out: Vec<&str> =
        report["left_out"].as_array().unwrap().iter().map(|one| one["client_id"].as_str().unwrap()).collect();
    assert_eq!(left_out, ["empty", TWO, "person", "plain"]);
    assert_eq!(lab.json(&["client", "show", ONE])["secrets"].as_array().unwrap().len(), 2);
    let text = lab.ok(&["import", "steelcut", "--from", &from]);
    assert!(text.contains("left out: its grant `password` is not client_credentials"), "{text}");
    assert!(text.ends_with("imported 0, updated 0, already there 1, left out 4\n"), "{text}");
    assert!(!text.contains("PRIVATE-"), "{text}");
}

#[tokio::test]
async fn d27_the_source_is_found_or_the_way_to_it_is_said() {
    let source = source(&[]).await;
    source.run(&["CREATE TABLE other (client_id varchar)".to_owned()]).await;
    let lab = Lab::empty();
    let import = |more: &[&str]| {
        let from = source.url("admin");
        let mut all = vec!["import", "steelcut", "--from", &from];
        all.extend(more);
        lab.run(&all)
    };
    assert_eq!(import(&[]).code, 0);
    assert_eq!(import(&["--table", "public.Stored_Tokens"]).code, 0, "folded as PostgreSQL folds it");
    assert!(import(&["--table", "nowhere"]).stderr.contains("there is no table nowhere"));
    assert!(import(&["--table", "other"]).stderr.contains("the table other lacks the column grant_type"));
    let bare = lab.refused(&["import", "steelcut", "--from", &source.bare_url("admin")]);
    assert!(bare.contains("PGPASSWORD"), "{bare}");
    let password = format!("secret-of-{}", source.name);
    let lab = Lab::empty().with("PGPASSWORD", &password);
    assert_eq!(lab.run(&["import", "steelcut", "--from", &source.bare_url("admin")]).code, 0);
}
