//! Keeping a fetched key set fresh: on a timer, on demand, and from the last good copy while the server is gone.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{info, warn};
use trefoil_shared::Timestamp;

use super::copy::DiskCopy;
use super::refetch::RefetchAsks;
use super::remote::{FetchError, Fetched, JwksClient, parse_jwks};
use crate::verifier::TokenVerifier;

/// When to fetch.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Unknown `kid`s cause one fetch in this time.
    pub refetch_every: Duration,
    /// The longest time between two fetches, whatever `max-age` says.
    pub refresh_at_most: Duration,
    /// The shortest time between two timed fetches.
    pub refresh_at_least: Duration,
    /// The wait after a failed fetch while there is no key set at all.
    pub retry_cold: Duration,
    /// The wait after a failed fetch while an older set serves.
    pub retry_warm: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            refetch_every: Duration::from_secs(30),
            refresh_at_most: Duration::from_mins(5),
            refresh_at_least: Duration::from_secs(15),
            retry_cold: Duration::from_secs(1),
            retry_warm: Duration::from_secs(15),
        }
    }
}

/// The task that keeps a verifier's keys fresh.
#[derive(Debug)]
pub struct Refresh {
    client: JwksClient,
    copy: Option<DiskCopy>,
    verifier: TokenVerifier,
    timing: Timing,
    current: Vec<u8>,
    etag: Option<String>,
}

impl Refresh {
    /// Takes what it needs; nothing is fetched yet.
    pub fn new(client: JwksClient, copy: Option<DiskCopy>, verifier: TokenVerifier, timing: Timing) -> Self {
        Self { client, copy, verifier, timing, current: Vec::new(), etag: None }
    }

    /// Puts the last good copy into use. True where there was one.
    pub fn use_copy(&mut self) -> bool {
        let Some(copy) = &self.copy else { return false };
        let kept = match copy.read() {
            Ok(Some(kept)) => kept,
            Ok(None) => return false,
            Err(reason) => {
                warn!(%reason, "the last good key set on disk is not used");
                return false;
            }
        };
        match parse_jwks(&kept.jwks) {
            Ok(keys) => {
                self.verifier.replace_keys(keys);
                self.verifier.confirm_keys(Timestamp(kept.fetched_at));
                self.current = kept.jwks;
                info!(kids = self.verifier.kids().join(" "), "key set loaded from its last good copy");
                true
            }
            Err(reason) => {
                warn!(%reason, path = %copy.path().display(), "the last good key set on disk is not used");
                false
            }
        }
    }

    /// Fetches now, then on a timer, on `reload` and when an unknown `kid` asks. Runs until it is dropped.
    pub async fn run(mut self, mut asks: RefetchAsks, reload: Arc<Notify>) {
        let mut next = Instant::now();
        let mut last_ask: Option<Instant> = None;
        loop {
            let asked = tokio::select! {
                () = tokio::time::sleep_until(next) => None,
                () = reload.notified() => None,
                ask = asks.next() => match ask {
                    Some(ask) => Some(ask),
                    None => return,
                },
            };
            if let Some(ask) = asked {
                if last_ask.is_some_and(|at| at.elapsed() < self.timing.refetch_every) {
                    let _gone = ask.send(false);
                    continue;
                }
                last_ask = Some(Instant::now());
                next = Instant::now() + self.refresh().await;
                let _gone = ask.send(true);
                // Whoever asked meanwhile has to be content with the same fetch. After a timed one nobody is
                // answered: it may be older than the key that is asked for.
                asks.answer_waiting(true);
            } else {
                next = Instant::now() + self.refresh().await;
            }
        }
    }

    /// One fetch. Returns how long to wait for the next.
    pub async fn refresh(&mut self) -> Duration {
        match self.client.fetch(self.etag.as_deref()).await {
            Ok(fetched) => {
                counter!("resource_server_jwks_fetches_total", "outcome" => "ok").increment(1);
                let max_age = self.take(fetched).await;
                let asked = max_age.unwrap_or(self.timing.refresh_at_most);
                asked.clamp(self.timing.refresh_at_least, self.timing.refresh_at_most)
            }
            Err(reason) => {
                counter!("resource_server_jwks_fetches_total", "outcome" => "failed").increment(1);
                self.report(&reason);
                if self.verifier.has_keys() { self.timing.retry_warm } else { self.timing.retry_cold }
            }
        }
    }

    async fn take(&mut self, fetched: Fetched) -> Option<Duration> {
        let now = self.verifier.now();
        let max_age = match fetched {
            Fetched::Unchanged { max_age } => max_age,
            Fetched::Set { jwks, keys, etag, max_age } => {
                for ignored in keys.ignored() {
                    let (position, reason) = (ignored.position, &ignored.reason);
                    warn!(position, %reason, "a key of the key set is ignored");
                }
                if jwks != self.current {
                    self.verifier.replace_keys(keys);
                    self.current = jwks;
                    info!(kids = self.verifier.kids().join(" "), "key set fetched");
                }
                self.etag = etag;
                max_age
            }
        };
        self.verifier.confirm_keys(now);
        if let Some(copy) = self.copy.clone() {
            let jwks = self.current.clone();
            // Writing waits for the disk, which no request may wait for.
            let kept = spawn_blocking(move || copy.write(&jwks, now.seconds())).await;
            if let Ok(Err(reason)) = kept {
                warn!(%reason, "the key set cannot be kept on disk");
            }
        }
        max_age
    }

    fn report(&self, reason: &FetchError) {
        let url = self.client.url();
        if self.verifier.has_keys() {
            warn!(%reason, url, "key set not fetched; the last good one stays in use");
        } else {
            warn!(%reason, url, "key set not fetched, and there is no earlier one: nothing can be served yet");
        }
    }
}
