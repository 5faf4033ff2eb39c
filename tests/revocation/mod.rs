//! Revocation, end to end: a resource-server that has a PEM alone refuses what was revoked (decisions 17 to 20).

mod model;

use std::time::{Duration, Instant};

use crate::harness::{Answer, Credentials, Lab, Server, list::jti, wait::until};

/// The list's ttl: within it every verifier has heard.
const TTL: Duration = Duration::from_secs(15);

async fn post(lab: &Lab, url: String, (by, token): (&Credentials, &str)) -> Answer {
    let request = lab.http.post(url).basic_auth(&by.id, Some(&by.secret)).form(&[("token", token)]);
    Answer::read(request.send().await.expect("an answer")).await
}

async fn refused_within_the_ttl(lab: &Lab, server: &Server, token: &str) {
    let refused = until("the token is refused", TTL, || async {
        Some(lab.read(server, token).await).filter(|answer| answer.status != 200)
    })
    .await;
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(refused.text("error"), "invalid_token");
}

async fn is_read(server: &Server) {
    until("the list is read", Duration::from_secs(10), || async {
        server.log().contains("revocations are read").then_some(())
    })
    .await;
}

on_both!(d19_a_revoked_jwt_is_refused_within_the_ttl_and_without_the_auth_server, |engine| {
    let lab = Lab::new(engine).await;
    let by = lab.add_client("billing");
    let mut auth = lab.start_auth();
    let mut resource = lab.start_resource(auth.url());
    is_read(&resource).await;
    let (revoked, kept) = (lab.access_token(&auth, &by).await, lab.access_token(&auth, &by).await);
    assert_eq!(lab.read(&resource, &revoked).await.status, 200);
    assert_eq!(post(&lab, auth.at("/revoke"), (&by, &revoked)).await.status, 200);
    until("introspection says so", Duration::from_secs(1), || async {
        (post(&lab, auth.at("/introspect"), (&by, &revoked)).await.json()["active"] == false).then_some(())
    })
    .await;
    refused_within_the_ttl(&lab, &resource, &revoked).await;
    assert_eq!(lab.read(&resource, &kept).await.status, 200, "the other token lives");

    lab.kept_on_disk("revocations-", &jti(&revoked)).await;
    let issuer = auth.url().to_owned();
    auth.kill();
    resource.kill();
    let restarted = lab.start_resource(&issuer);
    assert_eq!(lab.read(&restarted, &revoked).await.status, 401, "with nobody to ask");
    assert_eq!(lab.read(&restarted, &kept).await.status, 200);
});

on_both!(d19_every_way_to_end_a_token_reaches_a_verifier_with_a_pem_within_the_ttl, |engine| {
    let lab = Lab::new(engine).await;
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    is_read(&resource).await;
    let ways = ["one token", "all of a client", "disable", "rotate-secret", "remove", "nothing"];
    let holders = ways.map(|way| lab.add_client(way));
    let mut tokens = Vec::new();
    for by in &holders {
        let token = lab.access_token(&auth, by).await;
        assert_eq!(lab.read(&resource, &token).await.status, 200);
        tokens.push(token);
    }
    let ([_, of_all, disabled, rotated, removed, _], [token, .., kept]) = (&holders, &tokens[..]) else {
        panic!("a token for each")
    };
    lab.auth.clone().with("AUTH_SERVER_ISSUER", auth.url()).ok(&["token", "revoke", token]);
    lab.auth.ok(&["token", "revoke", "--client", &of_all.id]);
    lab.auth.ok(&["client", "disable", &disabled.id]);
    lab.auth.ok(&["client", "rotate-secret", &rotated.id, "--revoke-tokens"]);
    lab.auth.ok(&["client", "remove", &removed.id]);
    let begun = Instant::now();
    for token in tokens.iter().filter(|token| *token != kept) {
        refused_within_the_ttl(&lab, &resource, token).await;
    }
    assert!(begun.elapsed() < crate::harness::wait::stretched(TTL), "all of them: {:?}", begun.elapsed());
    assert_eq!(lab.read(&resource, kept).await.status, 200, "nobody has ended this one");
});

on_both!(d19_disabling_a_client_ends_the_tokens_that_it_has, |engine| {
    let lab = Lab::new(engine).await;
    let (ended, other) = (lab.add_client("ended"), lab.add_client("other"));
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    is_read(&resource).await;
    let (dead, alive) = (lab.access_token(&auth, &ended).await, lab.access_token(&auth, &other).await);
    assert_eq!(lab.read(&resource, &dead).await.status, 200);
    lab.auth.ok(&["client", "disable", &ended.id]);
    refused_within_the_ttl(&lab, &resource, &dead).await;
    lab.auth.ok(&["client", "enable", &ended.id]);
    assert_eq!(lab.read(&resource, &dead).await.status, 401, "enable takes nothing back");
    assert_eq!(lab.read(&resource, &alive).await.status, 200);
});
