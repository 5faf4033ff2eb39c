//! The tower layer, around reqwest and around a service of `http` requests.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use trefoil_client::http::AuthLayer;
use trefoil_client::{ErrorKind, Session};

use crate::mock::{Answer, Mock};

fn session() -> (Mock, Session) {
    let server = Mock::authorization_server(|seen| Answer::token(&format!("t{}", seen.before)));
    let session = server.client().build().unwrap().client_credentials().cached();
    (server, session)
}

#[tokio::test]
async fn reqwest_gets_the_token_at_named_origins_only_and_a_new_one_after_a_refusal() {
    let resource = Mock::start(|seen| match seen.header("authorization") {
        "Bearer t0" => Answer::new(401, "").header("www-authenticate", r#"Bearer error="invalid_token""#),
        _ => Answer::new(200, "fine"),
    });
    let elsewhere = Mock::start(|_| Answer::new(200, ""));
    let (_server, session) = session();
    let layer = AuthLayer::new(session).origin(resource.base()).unwrap();
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let service = layer.layer(client.clone());
    let request = client.post(resource.url("/x")).body("content").build().unwrap();
    assert_eq!(service.clone().oneshot(request).await.unwrap().status(), 200);
    let seen = resource.seen("/x");
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[1].body.as_str(), seen[1].header("authorization")), ("content", "Bearer t1"));
    let request = client.get(elsewhere.url("/x")).build().unwrap();
    service.oneshot(request).await.unwrap();
    assert_eq!(elsewhere.seen("/x")[0].header("authorization"), "");
}

#[tokio::test]
async fn http_requests_get_the_token_too() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let inner = service_fn(move |request: Request<String>| {
        let header = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        log.lock().unwrap().push(header);
        async { Ok::<_, Infallible>(Response::new(String::new())) }
    });
    let (_server, session) = session();
    let service = AuthLayer::new(session).origin("https://api.example").unwrap().layer(inner);
    for uri in ["https://api.example/x", "https://api.example:444/x", "http://api.example/x", "/x"] {
        let request = Request::builder().uri(uri).body(String::new()).unwrap();
        service.clone().oneshot(request).await.unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), [Some("Bearer t0".to_owned()), None, None, None]);
}

#[tokio::test]
async fn w09_plain_http_beyond_loopback_gets_no_token_without_leave() {
    let resource = Mock::start(|_| Answer::new(200, "fine"));
    let base = resource.base().replace("127.0.0.1", "0.0.0.0");
    let (server, session) = session();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |layer: &AuthLayer, url: &str| {
        let request = client.get(url).build().unwrap();
        layer.layer(client.clone()).oneshot(request).await.map(|answer| answer.status().as_u16())
    };
    let layer = AuthLayer::new(session).origin(&base).unwrap().origin("http://api.example").unwrap();
    for url in [&base, "http://api.example/x"] {
        let error = ask(&layer, url).await.unwrap_err();
        let error = error.downcast_ref::<trefoil_client::Error>().expect("an error of ours");
        assert_eq!(error.kind(), ErrorKind::InsecureUrl, "{url}");
    }
    assert_eq!((resource.requests(), server.requests()), (0, 0), "nothing is sent, no token is asked for");
    assert_eq!(ask(&layer.allow_plain_http("0.0.0.0"), &base).await.unwrap(), 200);
    assert_eq!(resource.seen("/")[0].header("authorization"), "Bearer t0");
}
