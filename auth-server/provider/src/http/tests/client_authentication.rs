//! How clients prove themselves at `/token`.

use super::harness::{Answer, SECRET, Server, basic};
use crate::model::{Authentication, Client};
use trefoil_shared::AuthMethod;

const GRANT: &str = "grant_type=client_credentials";

fn invalid_client() -> (u16, String) {
    (401, "invalid_client".to_owned())
}

fn invalid_request() -> (u16, String) {
    (400, "invalid_request".to_owned())
}

impl Server {
    async fn by_basic(&self, authorization: &str, more: &str) -> Answer {
        self.post("/token", &[("authorization", authorization)], format!("{GRANT}{more}")).await
    }

    async fn by_post(&self, more: &str) -> Answer {
        self.post("/token", &[], format!("{GRANT}{more}")).await
    }
}

#[tokio::test]
async fn d24_basic_and_post_both_let_a_confidential_client_in() {
    let server = Server::start().await;
    server.by_basic(&basic("machine", SECRET), "").await.ok();
    server.by_post(&format!("&client_id=machine&client_secret={SECRET}")).await.ok();
}

#[tokio::test]
async fn both_halves_of_basic_are_form_decoded() {
    let server = Server::start().await;
    let mut client = server.client("a b:c", "api", "read");
    let secret = server.stored("a b:c", "s:+%\u{e4}", None);
    client.authentication =
        Authentication::Confidential { methods: AuthMethod::ALL[..2].to_vec(), secrets: vec![secret] };
    server.add_client(client).await;
    server.by_basic(&basic("a+b%3Ac", "s%3A%2B%25%C3%A4"), "").await.ok();
}

#[tokio::test]
async fn msal_repeats_its_client_id_in_the_form() {
    let server = Server::start().await;
    let authorization = basic("machine", SECRET);
    server.by_basic(&authorization, "&client_id=machine").await.ok();
    let other = server.by_basic(&authorization, "&client_id=other").await;
    assert_eq!(other.refused(), invalid_request());
}

#[tokio::test]
async fn a031_two_methods_at_once_are_invalid_request() {
    let server = Server::start().await;
    let authorization = basic("machine", SECRET);
    for more in [format!("&client_secret={SECRET}"), "&client_assertion=x".to_owned()] {
        assert_eq!(server.by_basic(&authorization, &more).await.refused(), invalid_request(), "{more}");
    }
    let headers = [("authorization", authorization.as_str()), ("authorization", authorization.as_str())];
    assert_eq!(server.post("/token", &headers, GRANT).await.refused(), invalid_request());
}

#[tokio::test]
async fn a032_no_empty_or_null_secret_is_invalid_client() {
    let server = Server::start().await;
    for more in [
        "",
        "&client_id=machine",
        "&client_id=machine&client_secret=",
        "&client_id=machine&client_secret=null",
    ] {
        assert_eq!(server.by_post(more).await.refused(), invalid_client(), "{more}");
    }
    for secret in ["", "null", "undefined"] {
        assert_eq!(
            server.by_basic(&basic("machine", secret), "").await.refused(),
            invalid_client(),
            "{secret}"
        );
    }
    let mut bare = server.client("bare", "api", "read");
    bare.authentication =
        Authentication::Confidential { methods: vec![AuthMethod::ClientSecretBasic], secrets: vec![] };
    server.add_client(bare).await;
    for secret in ["null", "x"] {
        assert_eq!(server.by_basic(&basic("bare", secret), "").await.refused(), invalid_client());
    }
}

#[tokio::test]
async fn a033_a_pinned_method_is_the_only_one() {
    let server = Server::start().await;
    let secrets = vec![server.stored("pinned", SECRET, None)];
    let authentication =
        Authentication::Confidential { methods: vec![AuthMethod::ClientSecretPost], secrets };
    server.add_client(Client { authentication, ..server.client("pinned", "api", "read") }).await;
    assert_eq!(server.by_basic(&basic("pinned", SECRET), "").await.refused(), invalid_client());
    server.by_post(&format!("&client_id=pinned&client_secret={SECRET}")).await.ok();
    let public = Client { authentication: Authentication::Public, ..server.client("public", "api", "read") };
    server.add_client(public).await;
    assert_eq!(server.by_basic(&basic("public", SECRET), "").await.refused(), invalid_client());
}

#[tokio::test]
async fn a034_unknown_disabled_and_wrong_look_the_same() {
    let server = Server::start().await;
    server.add_client(server.client("disabled", "api", "read")).await;
    server.set_enabled("disabled", false).await;
    let right_prefix = &SECRET[..SECRET.len() - 1];
    let mut bodies = Vec::new();
    for (id, secret) in
        [("nobody", SECRET), ("machine", "wrong"), ("machine", right_prefix), ("disabled", SECRET)]
    {
        let answer = server.by_basic(&basic(id, secret), "").await;
        assert_eq!(answer.refused(), invalid_client(), "{id}");
        bodies.push((answer.body, answer.headers));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[tokio::test]
async fn a035_unreadable_basic_is_invalid_client_with_a_challenge() {
    let server = Server::start().await;
    let unreadable =
        ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic /////w==", &basic("machine", "%zz"), "Bearer x"];
    for authorization in unreadable {
        let answer = server.by_basic(authorization, "").await;
        assert_eq!(answer.refused(), invalid_client(), "{authorization}");
        assert_eq!(answer.header("www-authenticate"), r#"Basic realm="auth-server", charset="UTF-8""#);
    }
}

#[tokio::test]
async fn a037_a_disabled_client_gets_nothing_until_it_is_enabled() {
    let server = Server::start().await;
    server.set_enabled("machine", false).await;
    assert_eq!(server.ask("machine", "").await.refused(), invalid_client());
    server.set_enabled("machine", true).await;
    server.ask("machine", "").await.ok();
}

#[tokio::test]
async fn two_live_secrets_work_until_one_expires() {
    let server = Server::start().await;
    let ends = server.app.now().plus(60);
    let secrets =
        vec![server.stored("two", "new-secret", None), server.stored("two", "old-secret", Some(ends))];
    let methods = vec![AuthMethod::ClientSecretBasic];
    let authentication = Authentication::Confidential { methods, secrets };
    server.add_client(Client { authentication, ..server.client("two", "api", "read") }).await;
    for secret in ["new-secret", "old-secret"] {
        server.by_basic(&basic("two", secret), "").await.ok();
    }
    server.advance_clock(60);
    assert_eq!(server.by_basic(&basic("two", "old-secret"), "").await.refused(), invalid_client());
    server.by_basic(&basic("two", "new-secret"), "").await.ok();
}

#[tokio::test]
async fn a112_nothing_of_the_request_comes_back_in_an_error() {
    let server = Server::start().await;
    let answer = server.by_post("&client_id=canary-id&client_secret=canary-secret&scope=canary-scope").await;
    assert!(!format!("{answer:?}").contains("canary"), "{answer:?}");
}
