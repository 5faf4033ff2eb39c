//! A public key file beside an issuer that can be reached: what `doctor` sees, and following its key set by choice.

use serde_json::{Value, json};
use trefoil_serve::{Clock, SystemClock};

use crate::harness::{AUDIENCE, claims_at, key, keys_of, sign};
use crate::jwks_stub::{Say, Stub};
use crate::paths::eventually;
use crate::program::{Place, get};

/// An issuer whose metadata is everywhere and whose key set is at `jwks`; its `Date` is this many seconds from now.
async fn issuer(jwks: &Stub, ahead: i64) -> Stub {
    let stub = Stub::start(Say::body(404, "")).await;
    let issuer = base(&stub);
    let date = std::time::UNIX_EPOCH
        + std::time::Duration::from_secs(u64::try_from(SystemClock.now().seconds() + ahead).unwrap());
    let mut say = Say::body(200, json!({ "issuer": issuer, "jwks_uri": jwks.url }).to_string());
    say.headers.push(("date", httpdate::fmt_http_date(date)));
    stub.say(say);
    stub
}

fn base(stub: &Stub) -> String {
    stub.url.strip_suffix("/jwks.json").unwrap().to_owned()
}

async fn doctor(place: &Place, issuer: &str, more: &[&str]) -> Vec<(String, String, String)> {
    let free = ["--listen", "127.0.0.1:0", "--admin-listen", "off", "--public-key", "public.pem"];
    let arguments =
        [&["doctor", "--json", "--issuer", issuer, "--audience", AUDIENCE][..], &free, more].concat();
    let mut command = place.command(&arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    let checks = document["checks"].as_array().unwrap().iter();
    checks.map(|check| (text(check, "check"), text(check, "outcome"), text(check, "says"))).collect()
}

fn finding<'f>(findings: &'f [(String, String, String)], name: &str) -> (&'f str, &'f str) {
    let found = findings.iter().find(|(check, ..)| check == name);
    let (_, outcome, says) = found.unwrap_or_else(|| panic!("no {name} in {findings:?}"));
    (outcome, says)
}

#[tokio::test]
async fn u01_doctor_names_the_keys_that_the_issuer_publishes_and_the_file_lacks() {
    let (place, next) = (Place::new(), key("ES256"));
    let jwks = Stub::start(Say::keys(&[&place.key])).await;
    let stub = issuer(&jwks, 0).await;
    let findings = doctor(&place, &base(&stub), &[]).await;
    assert_eq!(finding(&findings, "keys").0, "ok", "{findings:?}");
    jwks.say(Say::keys(&[&place.key, &next]));
    let findings = doctor(&place, &base(&stub), &[]).await;
    let (outcome, says) = finding(&findings, "keys");
    assert_eq!(outcome, "warning", "{says}");
    assert!(
        says.contains(next.kid()) && says.contains(place.key.kid()) && says.contains("key export"),
        "{says}"
    );
    let gone = Stub::start(Say::body(404, "")).await.stop();
    let findings = doctor(&place, gone.strip_suffix("/jwks.json").unwrap(), &[]).await;
    let (outcome, says) = finding(&findings, "keys");
    assert!(
        outcome == "ok" && says.contains("not compared") && says.contains("connection refused"),
        "{says}"
    );
}

#[tokio::test]
async fn case_33_doctor_warns_of_a_clock_that_is_not_the_issuers() {
    let place = Place::new();
    let jwks = Stub::start(Say::keys(&[&place.key])).await;
    for (ahead, outcome, words) in
        [(0, "ok", "agrees"), (3_600, "warning", "clock of this machine is"), (-3_600, "warning", "ahead of")]
    {
        let stub = issuer(&jwks, ahead).await;
        let findings = doctor(&place, &base(&stub), &[]).await;
        let (found, says) = finding(&findings, "clock");
        assert!(found == outcome && says.contains(words), "{ahead}: {found} {says}");
    }
}

#[tokio::test]
async fn u01_a_key_file_beside_a_jwks_url_starts_without_it_and_follows_it_from_then_on() {
    let (place, next) = (Place::new(), key("ES256"));
    let now = SystemClock.now().seconds();
    let (old, new) = (place.token(), sign(&next, &claims_at(now)));
    let stub = Stub::start(Say::body(503, "not yet")).await;
    let arguments = ["--public-key", "public.pem", "--jwks-url", &stub.url.clone(), "--state-dir", "state"];
    let program = place.serve(&arguments);
    assert_eq!(program.get(Some(&old)).await.0, 200, "the file's key, at once");
    stub.say(Say::keys(&[&place.key, &next]));
    eventually(async || program.get(Some(&new)).await.0 == 200).await;
    assert_eq!(program.get(Some(&old)).await.0, 200);
    // The issuer withdraws the key that the file still has.
    stub.say(Say::keys(&[&next]));
    program.signal("HUP");
    eventually(async || program.get(Some(&old)).await.0 == 401).await;
    eventually(async || {
        let files = std::fs::read_dir(place.dir.path().join("state")).into_iter().flatten().flatten();
        let copy = files.map(|file| file.path()).find(|path| path.to_string_lossy().contains("jwks-"));
        let kept = copy.map(|path| std::fs::read_to_string(path).unwrap_or_default()).unwrap_or_default();
        kept.contains(next.kid()) && !kept.contains(place.key.kid())
    })
    .await;
    drop(program);
    stub.stop();
    let program = place.serve(&arguments);
    assert_eq!(program.get(Some(&new)).await.0, 200, "the copy, without the issuer");
    assert_eq!(program.get(Some(&old)).await.0, 401, "and not the file");
    assert_eq!(get(&format!("{}/health", program.url), None).await.0, 200);
}

#[tokio::test]
async fn u01_verify_names_the_keys_at_the_url() {
    let (place, stranger) = (Place::new(), key("ES256"));
    let stub = Stub::start(Say::body(200, keys_of(&[&place.key]).to_jwks().to_string())).await;
    let (url, token) = (stub.url.clone(), sign(&stranger, &claims_at(SystemClock.now().seconds())));
    let verify = move || (place.run_with_trust(&["verify", &token, "--jwks-url", &url]), place, url);
    let (output, place, url) = tokio::task::spawn_blocking(verify).await.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains(&format!("no key {} at {url} (it has {})", stranger.kid(), place.key.kid())),
        "{text}"
    );
}
