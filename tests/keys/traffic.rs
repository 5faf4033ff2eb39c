//! Tokens all the time: from every auth-server, to both resource-servers, at once and again until they expire.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::task::JoinHandle;

use super::site::{LIFETIME, Site};
use crate::harness::{Answer, Credentials};

/// A token is shown for the last time 2 s before it expires.
const LIFE: Duration = Duration::from_secs(LIFETIME.unsigned_abs() - 2);
const PAUSE: Duration = Duration::from_millis(20);

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Tokens by the kid that signed them.
    pub(super) tokens: HashMap<String, usize>,
    /// Verifications that a resource-server passed.
    pub(super) verified: usize,
    /// Those of them of a token that was at least three seconds old.
    pub(super) old: usize,
    /// Everything else that was answered: a refused token, or none issued.
    pub(super) failed: Vec<String>,
}

/// The running load.
pub(super) struct Traffic {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// A client for each pair of an auth-server and a resource.
    pub(super) fn start(site: &Site, by: &Credentials) -> Self {
        let mut traffic = Self { seen: Arc::default(), stop: Arc::default(), tasks: Vec::new() };
        for server in &site.auth {
            for resource in &site.resources {
                let client = Client {
                    http: site.lab.http.clone(),
                    by: by.clone(),
                    issue: server.at("/token"),
                    name: resource.name,
                    // The one route of each is the lab's file.
                    read: resource.server.at(&format!("/{}", crate::harness::lab::RESOURCE)),
                    seen: Arc::clone(&traffic.seen),
                };
                let stop = Arc::clone(&traffic.stop);
                traffic.tasks.push(tokio::spawn(client.work(stop)));
            }
        }
        traffic
    }

    /// The kids that have signed so far.
    pub(super) fn kids(&self) -> Vec<String> {
        self.seen.lock().expect("seen").tokens.keys().cloned().collect()
    }

    /// Ends it, and gives what came of it.
    pub(super) async fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no panic");
        }
        Arc::try_unwrap(self.seen).expect("nobody asks any more").into_inner().expect("seen")
    }
}

struct Client {
    http: reqwest::Client,
    by: Credentials,
    issue: String,
    name: &'static str,
    read: String,
    seen: Arc<Mutex<Seen>>,
}

impl Client {
    async fn work(self, stop: Arc<AtomicBool>) {
        let mut kept: VecDeque<(Instant, String)> = VecDeque::new();
        while !stop.load(Ordering::Relaxed) {
            let asked = Instant::now();
            if let Some(token) = self.token().await {
                self.show(&token, asked).await;
                kept.push_back((asked, token));
            }
            while kept.front().is_some_and(|(issued, _)| issued.elapsed() >= LIFE) {
                kept.pop_front();
            }
            // The oldest one, which goes to the end of those that are shown again.
            if let Some((issued, token)) = kept.front().cloned() {
                self.show(&token, issued).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn token(&self) -> Option<String> {
        let form = [("grant_type", "client_credentials"), ("resource", self.name)];
        let request = self.http.post(&self.issue).basic_auth(&self.by.id, Some(&self.by.secret)).form(&form);
        let answer = Answer::read(request.send().await.expect("an answer of /token")).await;
        let mut seen = self.seen.lock().expect("seen");
        if answer.status != 200 {
            seen.failed.push(format!("no token: {answer:?}"));
            return None;
        }
        let token = answer.text("access_token");
        *seen.tokens.entry(kid(&token)).or_default() += 1;
        Some(token)
    }

    async fn show(&self, token: &str, issued: Instant) {
        let request = self.http.get(&self.read).bearer_auth(token);
        let answer = Answer::read(request.send().await.expect("an answer of the resource-server")).await;
        let mut seen = self.seen.lock().expect("seen");
        if answer.status == 200 {
            seen.verified += 1;
            seen.old += usize::from(issued.elapsed() >= Duration::from_secs(3));
        } else {
            let age = issued.elapsed().as_secs_f64();
            seen.failed.push(format!("{} refused a token {age:.1} s old: {answer:?}", self.name));
        }
    }
}

/// The kid of a token's header.
pub(crate) fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap_or_default()).expect("base64url");
    let header: serde_json::Value = serde_json::from_slice(&header).expect("a header");
    header["kid"].as_str().expect("kid").to_owned()
}
