//! A person's browser without a screen: keeps cookies, fills in forms, stops where it would leave the server.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::http::{Answer, client};
use super::lab::{Credentials, Lab};
use super::process::Server;

/// A browser and its cookies.
#[derive(Clone)]
pub(crate) struct Visitor {
    http: reqwest::Client,
    base: String,
    pub(crate) cookies: BTreeMap<String, String>,
}

/// A page: where it is and what it says.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: String,
    pub(crate) answer: Answer,
}

impl Page {
    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let found = self.answer.body.split(&start).nth(1).and_then(|rest| rest.split('"').next());
        found.unwrap_or_else(|| panic!("no field {name}: {self:?}")).to_owned()
    }

    /// Whether the page has a heading with this text.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.answer.body.contains(text)
    }

    /// A parameter of the URL that the browser is sent to.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.url, name)
    }
}

/// A parameter in the query of a URL.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
}

impl Visitor {
    /// A new browser for this server.
    pub(crate) fn of(server: &Server) -> Self {
        Self { http: client(), base: server.url().to_owned(), cookies: BTreeMap::new() }
    }

    fn absolute(&self, url: &str) -> String {
        if url.starts_with('/') { format!("{}{url}", self.base) } else { url.to_owned() }
    }

    /// One request, without following anything.
    pub(crate) async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) };
        let answer = Answer::read(request.send().await.expect("an answer")).await;
        for line in answer.headers.get_all("set-cookie") {
            let pair = line.to_str().expect("a cookie").split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// A request of this browser, to be changed before it is sent.
    pub(crate) fn getting(&self, url: &str) -> reqwest::RequestBuilder {
        self.http.get(self.absolute(url))
    }

    /// The same for a form.
    pub(crate) fn posting(&self, url: &str, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
        self.http.post(self.absolute(url)).header("origin", &self.base).form(form)
    }

    /// Opens a URL and follows redirects for as long as they stay at the server.
    pub(crate) async fn open(&mut self, url: &str) -> Page {
        let url = self.absolute(url);
        let answer = self.send(self.getting(&url)).await;
        self.settle(url, answer).await
    }

    /// Sends a form, and follows.
    pub(crate) async fn submit(&mut self, url: &str, form: &[(&str, &str)]) -> Page {
        let url = self.absolute(url);
        let answer = self.send(self.posting(&url, form)).await;
        self.settle(url, answer).await
    }

    async fn settle(&mut self, mut url: String, mut answer: Answer) -> Page {
        for _ in 0..10 {
            let location = answer.header("location").to_owned();
            if location.is_empty() {
                break;
            }
            assert_eq!(answer.status, 303, "a redirect of ours is always 303: {answer:?}");
            url = self.absolute(&location);
            if !url.starts_with(&format!("{}/", self.base)) {
                break;
            }
            answer = self.send(self.getting(&url)).await;
        }
        Page { url, answer }
    }

    /// Signs in on a login page.
    pub(crate) async fn sign_in(&mut self, page: &Page, name: &str, password: &str) -> Page {
        let csrf = page.hidden("csrf");
        let form = [("csrf", &*csrf), ("username", name), ("password", password)];
        self.submit(&page.url, &form).await
    }

    /// Presses a button of the page.
    pub(crate) async fn press(&mut self, page: &Page, button: &str) -> Page {
        let csrf = page.hidden("csrf");
        self.submit(&page.url, &[("csrf", &*csrf), (button, "1")]).await
    }
}

/// The verifier of every test's requests.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Its challenge (RFC 7636 appendix B).
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where the app of the tests is answered.
pub(crate) const CALLBACK: &str = "https://app.example.com/cb";
/// The password of every account of the tests.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// An app that people sign in to.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) credentials: Credentials,
    pub(crate) callback: String,
}

impl App {
    /// Registers a confidential one.
    pub(crate) fn confidential(lab: &Lab, id: &str) -> Self {
        let more = ["--resource", super::lab::RESOURCE, "--redirect-uri", CALLBACK];
        let made = lab.auth.json(&[&["client", "add", "--id", id, "--name", id], &more[..]].concat());
        let secret = made["client_secret"].as_str().expect("a secret").to_owned();
        Self { credentials: Credentials { id: id.to_owned(), secret }, callback: CALLBACK.to_owned() }
    }

    /// Registers a public one.
    pub(crate) fn public(lab: &Lab, id: &str, callback: &str) -> Self {
        let more = ["--resource", super::lab::RESOURCE, "--redirect-uri", callback, "--auth-method", "none"];
        lab.auth.json(&[&["client", "add", "--id", id, "--name", id], &more[..]].concat());
        let credentials = Credentials { id: id.to_owned(), secret: String::new() };
        Self { credentials, callback: callback.to_owned() }
    }

    /// The path and query of an authorization request; a parameter that is given replaces the usual one.
    pub(crate) fn request(&self, more: &[(&str, &str)]) -> String {
        let usual = [
            ("client_id", self.credentials.id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", &self.callback),
            ("state", "the-state"),
            ("scope", "read"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let kept = usual.iter().filter(|(name, _)| more.iter().all(|(new, _)| new != name));
        let pairs: Vec<_> = kept.chain(more).filter(|(_, value)| !value.is_empty()).collect();
        let mut url = reqwest::Url::parse("http://x/authorize").expect("a URL");
        url.query_pairs_mut().extend_pairs(pairs);
        format!("/authorize?{}", url.query().unwrap_or_default())
    }

    /// Asks the token endpoint.
    pub(crate) async fn token(&self, server: &Server, form: &[(&str, &str)]) -> Answer {
        self.post(server, "/token", form).await
    }

    /// Asks an endpoint as this client.
    pub(crate) async fn post(&self, server: &Server, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = client().post(server.at(path));
        let mut form = form.to_vec();
        let request = if self.credentials.secret.is_empty() {
            form.push(("client_id", &self.credentials.id));
            request
        } else {
            request.basic_auth(&self.credentials.id, Some(&self.credentials.secret))
        };
        Answer::read(request.form(&form).send().await.expect("an answer")).await
    }

    /// Redeems a code with the right verifier.
    pub(crate) async fn redeem(&self, server: &Server, code: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.callback),
            ("code_verifier", VERIFIER),
        ];
        self.token(server, &form).await
    }

    /// Uses a refresh token.
    pub(crate) async fn refresh(&self, server: &Server, token: &str) -> Answer {
        self.token(server, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }
}

/// Makes an account with [`PASSWORD`].
pub(crate) fn add_user(lab: &Lab, name: &str) -> String {
    let file = lab.dir.path().join("password");
    std::fs::write(&file, PASSWORD).expect("the password");
    let made = lab.auth.json(&["user", "add", name, "--password-file", &file.display().to_string()]);
    made["sub"].as_str().expect("a subject").to_owned()
}

/// The claims of a JWT, unchecked.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("claims")
}

/// A lab in which people sign in: a server, an app and the account `alice`.
pub(crate) struct Site {
    pub(crate) lab: Lab,
    pub(crate) server: Server,
    pub(crate) app: App,
    pub(crate) sub: String,
}

impl Site {
    pub(crate) async fn open(engine: super::database::Engine) -> Self {
        let lab = Lab::new(engine).await;
        lab.auth.ok(&["key", "generate"]);
        let app = App::confidential(&lab, "app");
        let sub = add_user(&lab, "alice");
        let server = lab.start_auth();
        Self { lab, server, app, sub }
    }

    /// A browser in which alice is signed in and has allowed the app, and the code that came of it.
    pub(crate) async fn consented(&self) -> (Visitor, String) {
        let mut visitor = Visitor::of(&self.server);
        let login = visitor.open(&self.app.request(&[])).await;
        let mut done = visitor.sign_in(&login, "alice", PASSWORD).await;
        // Once it is allowed nobody is asked again.
        if done.parameter("code").is_none() {
            done = visitor.press(&done, "approve").await;
        }
        let code = done.parameter("code").unwrap_or_else(|| panic!("no code: {done:?}"));
        (visitor, code)
    }

    /// Another code for the same person, who is not asked any more.
    pub(crate) async fn another_code(&self, visitor: &mut Visitor) -> String {
        let done = visitor.open(&self.app.request(&[])).await;
        done.parameter("code").unwrap_or_else(|| panic!("no code: {done:?}"))
    }

    /// The answer of the token endpoint for a fresh code.
    pub(crate) async fn tokens(&self) -> (Visitor, Value) {
        let (visitor, code) = self.consented().await;
        let answer = self.app.redeem(&self.server, &code).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (visitor, answer.json())
    }
}
