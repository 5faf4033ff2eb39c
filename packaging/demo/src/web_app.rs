//! A web app that people sign in to, of the plainest kind: OpenID Connect by the authorization code flow with PKCE, by hand,
//! so that every step can be read. `./lab` starts it.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the app knows: who it is, and whom it asks.
struct Settings {
    issuer: String,
    client_id: String,
    client_secret: String,
    resource: String,
    api: String,
    own: String,
    http: reqwest::Client,
}

#[expect(clippy::disallowed_methods, reason = "a program of its own: its configuration is read here")]
fn setting(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind(setting("TREFOIL_LISTEN")?).await?;
    let own = format!("http://{}", listener.local_addr()?);
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let settings = Settings {
        issuer: setting("TREFOIL_ISSUER")?,
        client_id: setting("TREFOIL_CLIENT_ID")?,
        client_secret: setting("TREFOIL_CLIENT_SECRET")?,
        resource: setting("TREFOIL_RESOURCE")?,
        api: setting("TREFOIL_API")?,
        http: reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(std::time::Duration::from_secs(10))
            .build()?,
        own: own.clone(),
    };
    let app = Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/callback", get(callback))
        .with_state(Arc::new(settings));
    eprintln!("listening on {own}");
    axum::serve(listener, app).await?;
    Ok(())
}

fn page(content: &str) -> Html<String> {
    let style = "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;\
        color-scheme:light dark}pre{white-space:pre-wrap;overflow-wrap:anywhere}";
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Demo app</title><style>{style}</style><h1>Demo app</h1>{content}"
    ))
}

async fn home() -> Html<String> {
    page("<p>This app knows nothing about you yet.<p><a href=/login>Sign in with Trefoil</a>")
}

/// Sends the browser to the authorization server. The verifier and the state stay in a cookie of this browser.
async fn login(State(settings): State<Arc<Settings>>) -> Result<Response, Refused> {
    let (state, nonce, verifier) = (random()?, random()?, random()?);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    let mut url = reqwest::Url::parse(&format!("{}/authorize", settings.issuer))?;
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", &settings.client_id),
        ("redirect_uri", &format!("{}/callback", settings.own)),
        ("scope", "openid profile read"),
        ("resource", &settings.resource),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", &URL_SAFE_NO_PAD.encode(digest)),
        ("code_challenge_method", "S256"),
    ]);
    let cookie =
        format!("demo_login={state}.{nonce}.{verifier}; Path=/; HttpOnly; SameSite=Lax; Max-Age=1800");
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(url.as_str())).into_response())
}

#[expect(clippy::disallowed_methods, reason = "a program of its own: randomness comes from here")]
fn random() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "no random bytes")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What the authorization server sends the browser back with.
#[derive(Deserialize)]
struct Back {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

async fn callback(
    State(settings): State<Arc<Settings>>,
    Query(back): Query<Back>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kept = cookies.split(';').find_map(|pair| pair.trim().strip_prefix("demo_login="));
    let [state, nonce, verifier] =
        kept.map(|kept| kept.split('.').collect::<Vec<_>>()).unwrap_or_default()[..]
    else {
        return Err(Refused("no login of this browser".into()));
    };
    // Somebody else's answer is none: neither by its state (RFC 6749 section 10.12) nor by its issuer (RFC 9207).
    if back.state.as_deref() != Some(state) || back.iss.as_deref() != Some(&settings.issuer) {
        return Err(Refused("this answer is not for this browser's login".into()));
    }
    if let Some(error) = back.error {
        return Ok(
            page(&format!("<p>Not signed in: {}<p><a href=/>Back</a>", escaped(&error))).into_response()
        );
    }
    let code = back.code.ok_or("no code")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &format!("{}/callback", settings.own)),
        ("code_verifier", verifier),
    ];
    let request = settings.http.post(format!("{}/token", settings.issuer)).form(&form);
    let request = request.basic_auth(&settings.client_id, Some(&settings.client_secret));
    let answer: Value = request.send().await?.json().await?;
    let text = |document: &Value, name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
    let token = text(&answer, "access_token").ok_or_else(|| format!("no token: {answer}"))?;
    // It comes from the token endpoint itself, so that its signature need not be checked (OpenID Connect Core 3.1.3.7).
    let id_token = text(&answer, "id_token").ok_or("no ID token")?;
    let claims = id_token.split('.').nth(1).ok_or("no JWT")?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?;
    if text(&claims, "nonce").as_deref() != Some(nonce) {
        return Err(Refused("this ID token is not for this browser's login".into()));
    }
    let person = settings.http.get(format!("{}/userinfo", settings.issuer)).bearer_auth(&token);
    let person: Value = person.send().await?.json().await?;
    let name = text(&person, "name").or_else(|| text(&person, "preferred_username")).unwrap_or_default();
    let mut leave = reqwest::Url::parse(&format!("{}/logout", settings.issuer))?;
    leave.query_pairs_mut().extend_pairs([
        ("id_token_hint", &id_token),
        ("post_logout_redirect_uri", &format!("{}/", settings.own)),
    ]);
    let read = settings.http.get(&settings.api).bearer_auth(&token).send().await?;
    let (status, document) = (read.status(), read.text().await?);
    let mut shown = String::new();
    write!(
        shown,
        "<p>You are signed in as {}.<p>Your token speaks for <code>{}</code> and allows <code>{}</code>.\
         <p>The resource answers {status}:<pre>{}</pre><p><a href='{}/account'>Your account</a> \
         <a href='{}'>Sign out</a>",
        escaped(&name),
        escaped(&text(&claims, "sub").unwrap_or_default()),
        escaped(&text(&answer, "scope").unwrap_or_default()),
        escaped(&document),
        escaped(&settings.issuer),
        escaped(leave.as_str()),
    )?;
    let forget = "demo_login=; Path=/; Max-Age=0";
    Ok(([(header::SET_COOKIE, forget)], page(&shown)).into_response())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
        .replace('"', "&quot;")
}

/// A failure as a page.
struct Refused(Failure);

impl<E: Into<Failure>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let text = format!("<p>That did not work: {}<p><a href=/>Back</a>", escaped(&self.0.to_string()));
        (StatusCode::BAD_REQUEST, page(&text)).into_response()
    }
}
