//! What access tokens look like, resource by resource.

use crate::harness::http::Answer;
use crate::harness::lab::Lab;
use crate::harness::wait::until;

on_both!(a_resource_may_want_tokens_that_are_uuids, |engine| {
    let lab = Lab::new(engine).await;
    lab.auth.ok(&["resource", "add", "old-api", "--scope", "old", "--token-format", "uuid4"]);
    let client = lab.add_client_for("machine", &["old-api"]);
    let (server, other) = (lab.start_auth(), lab.start_auth());
    let post = async |at: String, form: &[(&str, &str)]| {
        let request = lab.http.post(at).basic_auth(&client.id, Some(&client.secret));
        Answer::read(request.form(form).send().await.unwrap()).await
    };
    let issued = post(server.at("/token"), &[("grant_type", "client_credentials")]).await;
    assert_eq!(issued.status, 200, "{issued:?}");
    let token = issued.text("access_token");
    // RFC 9562 section 5.4.
    let shape: String = token.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
    assert_eq!((shape.as_str(), &token[14..15]), ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "4"));
    let known = post(other.at("/introspect"), &[("token", &token)]).await.json();
    assert_eq!(
        (&known["active"], &known["scope"], &known["sub"]),
        (&true.into(), &"old".into(), &client.id.as_str().into())
    );
    let unknown = post(other.at("/introspect"), &[("token", "00000000-0000-4000-8000-000000000000")]).await;
    assert_eq!(unknown.body, r#"{"active":false}"#);
    assert_eq!(post(server.at("/revoke"), &[("token", &token)]).await.status, 200);
    until("the other replica knows", std::time::Duration::from_secs(10), || async {
        (post(other.at("/introspect"), &[("token", &token)]).await.json()["active"] == false).then_some(())
    })
    .await;
});
