//! Keeping a fetched key set fresh: on a timer, on demand, and from the last good copy while the server is gone.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{info, warn};
use trefoil_shared::Timestamp;
use trefoil_shared::jose::KeySet;

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
    /// The time between two fetches where the server says `max-age=0`: this set is kept all the same.
    pub refresh_unkept: Duration,
    /// The shortest time between two timed fetches, where the server says a shorter `max-age`.
    pub refresh_at_least: Duration,
    /// The wait after a failed fetch while there is no key set at all.
    pub retry_cold: Duration,
    /// The longest wait after a failed fetch while an older set serves; never longer than after a good one.
    pub retry_warm: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            refetch_every: Duration::from_secs(30),
            refresh_at_most: Duration::from_mins(5),
            refresh_unkept: Duration::from_secs(15),
            refresh_at_least: Duration::from_secs(1),
            retry_cold: Duration::from_secs(1),
            retry_warm: Duration::from_secs(15),
        }
    }
}

impl Timing {
    /// From the sending of one timed request to the next. A `max-age` is kept to: who rotates keys waits for it, and for
    /// no longer (RFC 9111 section 4.2).
    fn after(&self, max_age: Option<Duration>) -> Duration {
        match max_age {
            None => self.refresh_at_most,
            Some(Duration::ZERO) => self.refresh_unkept,
            Some(max_age) => max_age.clamp(self.refresh_at_least, self.refresh_at_most),
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
    /// The last good answer's time until the next request.
    every: Duration,
    /// Since when nothing but empty key sets has come.
    empty_since: Option<Instant>,
}

impl Refresh {
    /// Takes what it needs; nothing is fetched yet.
    pub fn new(client: JwksClient, copy: Option<DiskCopy>, verifier: TokenVerifier, timing: Timing) -> Self {
        let every = timing.refresh_at_most;
        Self { client, copy, verifier, timing, current: Vec::new(), etag: None, every, empty_since: None }
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
                counter!("resource_server_jwks_refetches_total").increment(1);
                next = self.refresh().await;
                let _gone = ask.send(true);
                // Whoever asked meanwhile has to be content with the same fetch. After a timed one nobody is
                // answered: it may be older than the key that is asked for.
                asks.answer_waiting(true);
            } else {
                next = self.refresh().await;
            }
        }
    }

    /// One fetch. Returns when the next is due: a set ages from the moment that it was asked for.
    pub async fn refresh(&mut self) -> Instant {
        let asked = Instant::now();
        match self.client.fetch(self.etag.as_deref()).await {
            Ok(fetched) => {
                counter!("resource_server_jwks_fetches_total", "outcome" => "ok").increment(1);
                self.empty_since = None;
                let max_age = self.take(fetched).await;
                self.every = self.timing.after(max_age);
                asked + self.every
            }
            Err(reason) => {
                counter!("resource_server_jwks_fetches_total", "outcome" => "failed").increment(1);
                if self.is_withdrawal(&reason) {
                    self.withdraw().await;
                } else {
                    self.report(&reason);
                }
                let warm = self.verifier.has_keys();
                Instant::now()
                    + if warm { self.timing.retry_warm.min(self.every) } else { self.timing.retry_cold }
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
        self.keep(self.current.clone(), now).await;
        max_age
    }

    async fn keep(&self, jwks: Vec<u8>, at: Timestamp) {
        let Some(copy) = self.copy.clone() else { return };
        // Writing waits for the disk, which no request may wait for.
        let kept = spawn_blocking(move || copy.write(&jwks, at.seconds())).await;
        if let Ok(Err(reason)) = kept {
            warn!(%reason, "the key set cannot be kept on disk");
        }
    }

    /// Whether the issuer has taken all its keys back. One empty answer is more likely that of a server which has not
    /// read its keys, or of a proxy, and must not end every token; but an issuer whose only key was stolen and revoked
    /// has no other way to say so, and is believed when it still says so, and nothing else in between, at the next try.
    fn is_withdrawal(&mut self, reason: &FetchError) -> bool {
        if !matches!(reason, FetchError::Empty) {
            self.empty_since = None;
            return false;
        }
        let since = *self.empty_since.get_or_insert_with(Instant::now);
        let has_some = self.verifier.keys().is_some_and(|keys| !keys.is_empty());
        has_some && since.elapsed() >= self.timing.retry_warm
    }

    /// From now on every token is refused, after a restart too: a copy without keys is not used.
    async fn withdraw(&mut self) {
        warn!(url = self.client.url(), "the issuer has taken back all its keys: no token is good any more");
        self.verifier.replace_keys(KeySet::empty());
        (self.current, self.etag) = (Vec::new(), None);
        self.keep(br#"{"keys":[]}"#.to_vec(), self.verifier.now()).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_max_age_is_kept_to_but_for_one_that_would_flood_or_never_end() {
        let timing = Timing::default();
        let seconds = |max_age: Option<u64>| timing.after(max_age.map(Duration::from_secs)).as_secs();
        assert_eq!([Some(1), Some(7), Some(300)].map(seconds), [1, 7, 300], "as the server says");
        assert_eq!([Some(301), Some(u64::MAX), None].map(seconds), [300, 300, 300], "at most five minutes");
        assert_eq!(seconds(Some(0)), 15, "no wish, and no flood either");
    }
}
