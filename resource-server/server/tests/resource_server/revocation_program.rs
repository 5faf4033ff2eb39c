//! The real program and revocations: modes, restarts, `verify`, metrics.

use crate::harness::{AUDIENCE, ISSUER, claims_at, sign};
use crate::program::{Place, Program, get};
use crate::revocation_stub::{Lists, list, now, revoking};
use trefoil_serve::{Clock, SystemClock};

const JTI: &str = "AAAAAAAAAAAAAAAA";

fn token(place: &Place) -> String {
    let mut claims = claims_at(SystemClock.now().seconds());
    claims["jti"] = JTI.into();
    sign(&place.key, &claims)
}

fn serve(place: &Place, lists: &str, mode: &str) -> Program {
    place.serve_with(&["--public-key", "public.pem", "--revocations-url", lists], |command| {
        command.env("RESOURCE_SERVER_STATE_DIR", place.dir.path().join("state"));
        command.env("RESOURCE_SERVER_REVOCATION", mode);
    })
}

/// The first answer that is not 200.
async fn refusal(program: &Program, token: &str) -> (u16, String) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(14);
    loop {
        let answer = program.get(Some(token)).await;
        if answer.0 != 200 {
            return answer;
        }
        assert!(std::time::Instant::now() < end, "never refused\n{}", program.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// The metrics, once they have this line: a list is in force a moment before it is measured.
async fn measured(program: &Program, line: &str) -> String {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let metrics = get(&format!("{}/metrics", program.operators()), None).await.1;
        if metrics.contains(line) {
            return metrics;
        }
        assert!(std::time::Instant::now() < end, "never: {line}\n{metrics}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d20_a_revoked_token_is_refused_over_restarts_and_verify_says_why() {
    let place = Place::new();
    let lists = Lists::start().await;
    let token = token(&place);
    lists.say(&place.key, &[now(list(1, 0)), now(list(1, 1))]);
    let program = serve(&place, &lists.url, "when_reachable");
    program.logged("revocations are read");
    assert_eq!(program.get(Some(&token)).await.0, 200);
    lists.say(&place.key, &[now(revoking((2, 0), &[JTI])), now(revoking((2, 1), &[JTI])), now(list(2, 2))]);
    let (status, body) = refusal(&program, &token).await;
    assert_eq!(status, 401);
    assert!(body.contains("invalid_token") && body.contains("revoked"), "{body}");
    assert!(program.logged("reason=revoked").contains("status=401"));
    let metrics = measured(&program, "resource_server_revocation_revision 2").await;
    for line in [
        "resource_server_revoked_tokens 1",
        "resource_server_refusals_total{reason=\"revoked\"}",
        "resource_server_revocation_list_read",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    drop(program);
    let url = lists.stop();
    let again = serve(&place, &url, "when_reachable");
    again.logged("revocations loaded from their last copy");
    assert_eq!(again.get(Some(&token)).await.0, 401, "with nobody to ask");
    let arguments =
        ["verify", &token, "--issuer", ISSUER, "--audience", AUDIENCE, "--public-key", "public.pem"];
    let more = ["--state-dir", "state", "--revocations-url", &url, "--json"];
    let output = place.run(&[&arguments[..], &more[..]].concat());
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success() && said.contains("revoked"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d20_verify_asks_the_issuer_where_nothing_is_on_disk() {
    let place = Place::new();
    let lists = Lists::start().await;
    let token = token(&place);
    lists.say(&place.key, &[now(revoking((2, 0), &[JTI]))]);
    let mut command = place.command(&["verify", &token, "--issuer", ISSUER, "--audience", AUDIENCE]);
    command.args(["--public-key", "public.pem", "--revocations-url", &lists.url]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("revoked"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d20_required_answers_503_until_a_list_was_read() {
    let place = Place::new();
    let lists = Lists::start().await;
    let token = token(&place);
    let program = serve(&place, &lists.url, "required");
    program.logged("revocations were never read");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(format!("{}/api_v0.0.1", program.url)).bearer_auth(&token).send();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(
        answer.headers().contains_key("retry-after") && !answer.headers().contains_key("www-authenticate")
    );
    let (status, ready) = get(&format!("{}/ready", program.operators()), None).await;
    assert_eq!(status, 503);
    assert!(ready.contains("revocations"), "{ready}");
    lists.say(&place.key, &[now(list(1, 0)), now(list(1, 1))]);
    program.logged("revocations are read");
    assert_eq!(program.get(Some(&token)).await.0, 200);
    assert_eq!(get(&format!("{}/ready", program.operators()), None).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d20_by_default_a_list_that_was_never_read_is_warned_of_and_off_asks_nobody() {
    let place = Place::new();
    let lists = Lists::start().await;
    let token = token(&place);
    let program = serve(&place, &lists.url, "when_reachable");
    program.logged("revocations were never read");
    assert_eq!(program.get(Some(&token)).await.0, 200);
    let asked = lists.asked().len();
    assert!(asked > 0);
    drop(program);
    let off = serve(&place, &lists.url, "off");
    assert_eq!(off.get(Some(&token)).await.0, 200);
    assert!(!off.log().contains("revocations"), "{}", off.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d20_doctor_says_how_revocation_is_followed() {
    let place = Place::new();
    let lists = Lists::start().await;
    let doctor = |mode: &'static str, url: &str| {
        let arguments = ["doctor", "--json", "--issuer", ISSUER, "--audience", AUDIENCE];
        let more = ["--public-key", "public.pem", "--revocations-url", url, "--state-dir", "state"];
        let free = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let mut command = place.command(&[&arguments[..], &more[..], &free[..]].concat());
        command.env("RESOURCE_SERVER_REVOCATION", mode);
        async move {
            let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
            // A failure is told after it, in a document of its own.
            let mut documents = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
            let said: serde_json::Value = documents.next().unwrap().unwrap();
            let checks = said["checks"].as_array().unwrap().clone();
            let check = checks.into_iter().find(|check| check["check"] == "revocation").unwrap();
            let text = |name: &str| check[name].as_str().unwrap().to_owned();
            (text("outcome"), text("says"), output.status.success())
        }
    };
    lists.say(&place.key, &[now(revoking((7, 0), &[JTI]))]);
    let (outcome, says, success) = doctor("when_reachable", &lists.url).await;
    assert!(
        outcome == "ok" && success && says.contains("revision 7 with 1 token and 0 cut-offs"),
        "{outcome} {says}"
    );
    assert_eq!(doctor("off", &lists.url).await.0, "ok");
    lists.say(&crate::harness::key("ES256"), &[now(list(7, 0))]);
    let (outcome, says, success) = doctor("when_reachable", &lists.url).await;
    assert!(outcome == "warning" && success && says.contains("no list under any"), "{outcome} {says}");
    let gone = lists.stop();
    let (outcome, says, success) = doctor("required", &gone).await;
    assert!(outcome == "error" && !success && says.contains("503"), "{outcome} {says}");
}
