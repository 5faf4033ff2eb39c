//! `resource-server verify`, and its health.

use crate::harness::{Lab, Server, lab::RESOURCE, ports};

fn verify(lab: &Lab, issuer: &str, audience: &str, token: &str) -> crate::harness::cli::Outcome {
    let key = lab.public_key().display().to_string();
    lab.resource().run(&[
        "verify",
        token,
        "--json",
        "--issuer",
        issuer,
        "--audience",
        audience,
        "--public-key",
        &key,
    ])
}

on_both!(verify_prints_the_claims_or_the_one_reason, |engine| {
    let lab = Lab::new(engine).await;
    let client = lab.add_client("m");
    let auth = lab.start_auth();
    let token = lab.access_token(&auth, &client).await;

    let good = verify(&lab, auth.url(), RESOURCE, &token);
    assert_eq!(good.code, 0, "{good:?}");
    let claims: serde_json::Value = serde_json::from_str(&good.stdout).expect("one JSON document");
    // Decision 22: a machine is its own subject.
    let claims = if claims["claims"].is_object() { claims["claims"].clone() } else { claims };
    assert_eq!(claims["sub"], client.id.as_str(), "{claims}");
    assert_eq!(claims["client_id"], client.id.as_str(), "{claims}");
    assert_eq!(claims["iss"], auth.url(), "{claims}");

    let wrong = verify(&lab, auth.url(), "another_api", &token);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    let wrong = verify(&lab, "http://127.0.0.1:1", RESOURCE, &token);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    let signature = token.rsplit('.').next().expect("a signature");
    assert!(!format!("{wrong:?}").contains(signature), "the token is not repeated");
});

on_both!(d36_resource_server_health_by_exit_code, |engine| {
    let lab = Lab::new(engine).await;
    let listen = format!("127.0.0.1:{}", ports::free());
    let rs =
        lab.resource().with("RESOURCE_SERVER_LISTEN", &listen).with("RESOURCE_SERVER_ADMIN_LISTEN", "off");
    assert_eq!(rs.run(&["health"]).code, 1, "nobody listens yet");
    let mut arguments = lab.resource_arguments("http://127.0.0.1:1");
    let at = arguments.iter().position(|a| a == "127.0.0.1:0").expect("an address");
    arguments[at].clone_from(&listen);
    let server = Server::start(rs.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(rs.run(&["health"]).code, 0);
    drop(server);
    assert_eq!(rs.run(&["health"]).code, 1, "nobody listens any more");
});
