//! A device without a browser, and the person who answers it.

use super::database::Engine;
use super::http::Answer;
use super::lab::{Credentials, Lab, RESOURCE};
use super::process::Server;
use super::visitor::{App, PASSWORD, Page, Site, Visitor, add_user};

/// The grant's registered name.
pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What a device is told when it begins.
#[derive(Clone, Debug)]
pub(crate) struct DeviceLogin {
    pub(crate) device_code: String,
    pub(crate) user_code: String,
    /// The link that has the code in it.
    pub(crate) complete: String,
}

impl App {
    /// Registers a confidential client whose devices have no browser; `more` are further flags.
    pub(crate) fn device(lab: &Lab, id: &str, more: &[&str]) -> Self {
        let usual = ["client", "add", "--id", id, "--name", id, "--resource", RESOURCE];
        let grants = ["--grant", "device_code", "--grant", "refresh_token"];
        let made = lab.auth.json(&[&usual[..], &grants[..], more].concat());
        let secret = made["client_secret"].as_str().unwrap_or_default().to_owned();
        Self { credentials: Credentials { id: id.to_owned(), secret }, callback: String::new() }
    }

    /// Begins a device login with scope `read`.
    pub(crate) async fn begin(&self, server: &Server) -> DeviceLogin {
        let answer = self.post(server, "/device_authorization", &[("scope", "read")]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        DeviceLogin {
            device_code: answer.text("device_code"),
            user_code: answer.text("user_code"),
            complete: answer.text("verification_uri_complete"),
        }
    }

    /// One poll.
    pub(crate) async fn poll(&self, server: &Server, login: &DeviceLogin) -> Answer {
        self.token(server, &[("grant_type", DEVICE_CODE), ("device_code", &login.device_code)]).await
    }

    /// What a poll that is refused is told.
    pub(crate) async fn poll_error(&self, server: &Server, login: &DeviceLogin) -> String {
        let answer = self.poll(server, login).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        answer.text("error")
    }
}

impl Visitor {
    /// Types a code at `/device`.
    pub(crate) async fn type_code(&mut self, code: &str) -> Page {
        let page = self.open("/device").await;
        assert!(page.says("Connect a device"), "{page:?}");
        let csrf = page.hidden("csrf");
        self.submit("/device", &[("csrf", &*csrf), ("user_code", code)]).await
    }

    /// Types the code of a device, signs in where that is needed, and stops at the question.
    pub(crate) async fn question(&mut self, login: &DeviceLogin) -> Page {
        let page = self.type_code(&login.user_code).await;
        if page.says("current-password") { self.sign_in(&page, "alice", PASSWORD).await } else { page }
    }

    /// The same, and answers it.
    pub(crate) async fn answer(&mut self, login: &DeviceLogin, action: &str) -> Page {
        let question = self.question(login).await;
        self.press(&question, action).await
    }
}

impl Site {
    /// A site whose app is `tv`, a client of devices, under these further settings.
    pub(crate) async fn of_devices(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let mut lab = Lab::new(engine).await;
        for (name, value) in settings {
            lab.auth = lab.auth.with(name, *value);
        }
        let app = App::device(&lab, "tv", &[]);
        let sub = add_user(&lab, "alice");
        let server = lab.start_auth();
        Self { lab, server, app, sub }
    }

    /// Another server of the same issuer.
    pub(crate) fn replica(&self) -> Server {
        let arguments = ["--issuer", self.server.url(), "--listen", "127.0.0.1:0", "--admin-listen", "off"];
        let server = self.lab.start_auth_with(&arguments);
        server.wait_until_healthy();
        server
    }

    /// A device that alice allowed.
    pub(crate) async fn allowed(&self, visitor: &mut Visitor) -> DeviceLogin {
        let login = self.app.begin(&self.server).await;
        let done = visitor.answer(&login, "approve").await;
        assert!(done.says("Your device is connected"), "{done:?}");
        login
    }
}
