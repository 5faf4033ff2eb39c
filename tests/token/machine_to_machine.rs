//! The main job: a machine gets a token and reads the resource, on both databases.

use trefoil_shared::jose::base64url;

use crate::harness::{
    Answer, Lab,
    lab::{PROTECTED, RESOURCE},
};

on_both!(a_machine_gets_a_token_and_reads_the_resource, |engine| {
    let lab = Lab::new(engine).await;
    let client = lab.add_client("billing");
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());

    let answer = lab.token(&auth, &client, &[("resource", RESOURCE), ("scope", "read")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let told = answer.json();
    assert_eq!(told["token_type"], "Bearer");
    assert_eq!(told["scope"], "read");
    assert_eq!(told["resource"], RESOURCE);
    let lifetime =
        told["expires_on"].as_i64().expect("expires_on") - told["not_before"].as_i64().expect("not_before");
    assert_eq!(Some(lifetime), told["expires_in"].as_i64());

    let read = lab.read(&resource, &answer.text("access_token")).await;
    assert_eq!((read.status, read.body.as_str()), (200, PROTECTED), "{read:?}");
});

on_both!(without_a_token_the_resource_stays_closed, |engine| {
    let lab = Lab::new(engine).await;
    let client = lab.add_client("billing");
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    let bare =
        Answer::read(lab.http.get(resource.at(&format!("/{RESOURCE}"))).send().await.expect("answer")).await;
    assert_eq!(bare.status, 401);
    assert!(bare.header("www-authenticate").starts_with("Bearer"), "{bare:?}");
    let token = lab.access_token(&auth, &client).await;
    assert_eq!(lab.read(&resource, &token).await.status, 200, "as it was issued");
    // Header and claims stay what a verifier wants: only the signature can give these away.
    let (input, signature) = token.rsplit_once('.').expect("three parts");
    let (header, payload) = input.split_once('.').expect("three parts");
    let claims = String::from_utf8(base64url::decode(payload).expect("base64url")).expect("text");
    let wider = claims.replace("\"scope\":\"", "\"scope\":\"admin ");
    assert_ne!(wider, claims, "{claims}");
    let mut bytes = base64url::decode(signature).expect("base64url");
    bytes[40] ^= 1;
    let changed = [
        format!("{header}.{}.{signature}", base64url::encode(&wider)),
        format!("{input}.{}", base64url::encode(&bytes)),
        format!("{input}."),
    ];
    for token in changed {
        let changed = lab.read(&resource, &token).await;
        assert_eq!(changed.status, 401, "{changed:?}");
        assert!(changed.header("www-authenticate").contains("invalid_token"), "{changed:?}");
    }
});

on_both!(a_token_of_another_lab_is_refused, |engine| {
    let (lab, other) = (Lab::new(engine).await, Lab::new(engine).await);
    let (client, stranger) = (lab.add_client("billing"), other.add_client("billing"));
    let auth = lab.start_auth();
    // The other lab says that it is the same issuer: only its key differs.
    let foreign =
        other.start_auth_with(&["--listen", "127.0.0.1:0", "--admin-listen", "off", "--issuer", auth.url()]);
    foreign.wait_until_healthy();
    let resource = lab.start_resource(auth.url());
    let good = lab.access_token(&auth, &client).await;
    assert_eq!(lab.read(&resource, &good).await.status, 200);
    let forged = other.access_token(&foreign, &stranger).await;
    assert_eq!(lab.read(&resource, &forged).await.status, 401, "another key under the same issuer");
    // And the other way round: the same key, another issuer.
    let elsewhere = lab.start_resource("http://127.0.0.1:1");
    assert_eq!(lab.read(&elsewhere, &good).await.status, 401, "another issuer with the same key");
});

on_both!(d36_health_by_exit_code, |engine| {
    let lab = Lab::new(engine).await;
    let port = crate::harness::ports::free().to_string();
    let listen = format!("127.0.0.1:{port}");
    let auth = lab.auth.clone().with("AUTH_SERVER_LISTEN", &listen).with("AUTH_SERVER_ADMIN_LISTEN", "off");
    assert_eq!(auth.run(&["health"]).code, 1, "nobody listens yet");
    let server = lab.start_auth_with(&["--listen", &listen, "--admin-listen", "off"]);
    assert_eq!(auth.run(&["health"]).code, 0);
    drop(server);
    assert_eq!(auth.run(&["health"]).code, 1, "nobody listens any more");
});
