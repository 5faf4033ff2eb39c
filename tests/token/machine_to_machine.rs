//! The main job: a machine gets a token and reads the resource, on both databases.

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
    let mut token = lab.access_token(&auth, &client).await;
    token.replace_range(10..11, if token.get(10..11) == Some("A") { "B" } else { "A" });
    let changed = lab.read(&resource, &token).await;
    assert_eq!(changed.status, 401, "{changed:?}");
    assert!(changed.header("www-authenticate").contains("invalid_token"), "{changed:?}");
});

on_both!(a_token_of_another_lab_is_refused, |engine| {
    let (lab, other) = (Lab::new(engine).await, Lab::new(engine).await);
    let client = other.add_client("billing");
    let (auth, foreign) = (lab.start_auth(), other.start_auth());
    let resource = lab.start_resource(auth.url());
    let token = other.access_token(&foreign, &client).await;
    assert_eq!(lab.read(&resource, &token).await.status, 401);
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
