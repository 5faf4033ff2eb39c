//! Fault 21: a resource-server starts while its auth-server is gone.

use std::time::{Duration, Instant};

use crate::harness::{Engine, Lab, Server, ports, wait::until};

/// Arguments that trust a JWKS URL in place of a file.
fn by_url(lab: &Lab, issuer: &str, admin: &str) -> Vec<String> {
    let mut arguments = lab.resource_arguments(issuer);
    let at = arguments.iter().position(|a| a == "--public-key").expect("a key file");
    arguments.splice(at..=at + 1, ["--jwks-url".to_owned(), format!("{issuer}/jwks.json")]);
    let at = arguments.iter().position(|a| a == "off").expect("no second listener");
    arguments.splice(at..=at, [admin.to_owned()]);
    arguments
}

fn start(lab: &Lab, arguments: &[String]) -> Server {
    Server::start(lab.resource().command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
}

#[tokio::test(flavor = "multi_thread")]
async fn f21_a_pinned_public_key_needs_no_network() {
    let lab = Lab::new(Engine::Sqlite).await;
    let client = lab.add_client("m");
    let mut auth = lab.start_auth();
    let (token, issuer) = (lab.access_token(&auth, &client).await, auth.url().to_owned());
    lab.public_key();
    auth.kill();

    let begin = Instant::now();
    let resource = lab.start_resource(&issuer);
    let answer = lab.read(&resource, &token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        begin.elapsed() < crate::harness::wait::stretched(Duration::from_secs(1)),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn f21_the_last_good_keys_on_disk_survive_a_restart_without_the_auth_server() {
    let lab = Lab::new(Engine::Sqlite).await;
    let client = lab.add_client("m");
    let mut auth = lab.start_auth();
    let (token, issuer) = (lab.access_token(&auth, &client).await, auth.url().to_owned());
    let arguments = by_url(&lab, &issuer, "off");
    let mut resource = start(&lab, &arguments);
    until("the keys were fetched", Duration::from_secs(10), || async {
        (lab.read(&resource, &token).await.status == 200).then_some(())
    })
    .await;
    lab.kept_on_disk("jwks-", "keys").await;
    resource.signal("TERM");
    resource.wait(Duration::from_secs(30));
    auth.kill();

    let begin = Instant::now();
    let again = start(&lab, &arguments);
    let answer = lab.read(&again, &token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        begin.elapsed() < crate::harness::wait::stretched(Duration::from_secs(1)),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn f21_without_any_key_it_is_not_ready_and_says_503() {
    let lab = Lab::new(Engine::Sqlite).await;
    let client = lab.add_client("m");
    let auth = lab.start_auth();
    let token = lab.access_token(&auth, &client).await;
    let gone = format!("http://127.0.0.1:{}", ports::free());
    let admin = format!("127.0.0.1:{}", ports::free());
    let resource = start(&lab, &by_url(&lab, &gone, &admin));
    let answer = lab.read(&resource, &token).await;
    assert_eq!(answer.status, 503, "never 401, never open: {answer:?}");
    let ready = lab.http.get(format!("http://{admin}/ready")).send().await.expect("ready");
    assert_eq!(ready.status().as_u16(), 503);
    let live = lab.http.get(format!("http://{admin}/live")).send().await.expect("live");
    assert_eq!(live.status().as_u16(), 200);
}
