//! A real browser: Chromium by its `WebDriver`, without a screen, with a profile of its own.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

use super::wait::until;

/// How a browser looks at pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) dark: bool,
    pub(crate) scripts: bool,
}

impl Look {
    /// A desk's.
    pub(crate) const DESK: Self = Self { width: 1280, dark: false, scripts: true };
    /// A phone's, in the dark, without scripts.
    pub(crate) const PHONE: Self = Self { width: 360, dark: true, scripts: false };

    fn name(self) -> String {
        format!("{}-{}", self.width, if self.dark { "dark" } else { "light" })
    }
}

/// A browser that is closed when dropped.
pub(crate) struct Browser {
    pub(crate) client: Client,
    driver: Child,
    look: Look,
    _profile: TempDir,
}

impl Browser {
    pub(crate) async fn open(look: Look) -> Self {
        let profile = tempfile::tempdir().expect("a profile");
        // It does not tell its port into a pipe: it is given one that is free.
        let port = super::ports::free();
        let driver = Command::new("chromedriver")
            .args([format!("--port={port}"), "--log-level=OFF".to_owned()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: apt-get install chromium chromium-driver");
        until("chromedriver listens", Duration::from_mins(1), || async {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        })
        .await;
        let size = format!("--window-size={},900", look.width);
        let data = format!("--user-data-dir={}", profile.path().display());
        let scheme = format!("--blink-settings=preferredColorScheme={}", i32::from(!look.dark));
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            &size,
            &data,
            &scheme,
        ];
        let scripts = if look.scripts { 1 } else { 2 };
        let options = json!({
            "args": arguments,
            "prefs": { "profile.managed_default_content_settings.javascript": scripts },
        });
        let mut wanted = serde_json::Map::new();
        wanted.insert("browserName".to_owned(), "chrome".into());
        wanted.insert("goog:chromeOptions".to_owned(), options);
        let url = format!("http://127.0.0.1:{port}");
        let client = ClientBuilder::new(HttpConnector::new()).capabilities(wanted).connect(&url).await;
        let client = client.expect("a session of Chromium");
        // A window that is asked for may be wider than a phone: the page's own width counts.
        client.set_window_size(look.width, 900).await.expect("the size");
        Self { client, driver, look, _profile: profile }
    }

    /// Goes to a URL.
    pub(crate) async fn go(&self, url: &str) {
        self.client.goto(url).await.expect("the page");
    }

    /// The address that it is at.
    pub(crate) async fn url(&self) -> String {
        self.client.current_url().await.expect("an address").to_string()
    }

    /// Waits until the page has this heading.
    pub(crate) async fn shows(&self, heading: &str) {
        self.reads("h1", heading).await;
    }

    /// Waits until the page says this.
    pub(crate) async fn says(&self, text: &str) {
        self.reads("body", text).await;
    }

    /// A page that is being replaced has neither: it is asked again.
    async fn reads(&self, selector: &str, text: &str) {
        until(&format!("the page says {text}"), Duration::from_mins(1), || async {
            let element = self.client.find(Locator::Css(selector)).await.ok()?;
            element.text().await.ok()?.contains(text).then_some(())
        })
        .await;
    }

    /// Types into a field, in the place of what is there.
    pub(crate) async fn fill(&self, name: &str, text: &str) {
        let field = self.client.find(Locator::Css(&format!("input[name={name}]"))).await.expect("the field");
        field.clear().await.expect("an empty field");
        field.send_keys(text).await.expect("typed");
    }

    /// Presses the button of this name, or of this value.
    pub(crate) async fn press(&self, button: &str) {
        let selector = format!("button[name={button}], button[value={button}]");
        let button = self.client.find(Locator::Css(&selector)).await.expect("the button");
        button.click().await.expect("a click");
    }

    /// Signs in on the login page.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) {
        self.fill("username", name).await;
        self.fill("password", password).await;
        self.press("login").await;
    }

    /// Waits until the browser is at an address that begins so.
    pub(crate) async fn arrives(&self, start: &str) -> String {
        until(&format!("the browser is at {start}"), Duration::from_mins(1), || async {
            let url = self.url().await;
            url.starts_with(start).then_some(url)
        })
        .await
    }

    /// Keeps a picture under `target/screens`, and checks that nothing sticks out at the side.
    pub(crate) async fn picture(&self, name: &str) {
        let picture = self.client.screenshot().await.expect("a picture");
        let folder = screens();
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}-{}.png", self.look.name())), picture).expect("written");
        let wide = self.client.find_all(Locator::Css("main")).await.expect("the page");
        for element in wide {
            let (x, _, width, _) = element.rectangle().await.expect("its place");
            assert!(x >= 0.0 && x + width <= f64::from(self.look.width) + 0.5, "{name}: {x} + {width}");
        }
    }

    /// Closes it.
    pub(crate) async fn close(mut self) {
        let _ = self.client.clone().close().await;
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the test run's own variable")]
fn screens() -> PathBuf {
    let target = std::env::var("CARGO_TARGET_DIR")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    target.join("screens")
}

/// An app's page that browsers come back to: it says that they are back. Gives its address.
pub(crate) fn callback() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 8_192];
            let _ = stream.read(&mut head);
            let page = "<!doctype html><title>app</title><h1>Back in the app</h1>";
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://127.0.0.1:{port}/cb")
}
