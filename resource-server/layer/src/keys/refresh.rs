//! Keeping a fetched key set fresh: on a timer, on demand, and from the last good copy while the server is gone.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::{sync::Notify, task::spawn_blocking, time::Instant};
use tracing::{error, info, warn};
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

/// What a start found on disk.
enum Start {
    /// A set with keys, which is in use now.
    Copy,
    /// A set without any key that can be used.
    Withdrawn,
    /// No set.
    Nothing,
}

/// Whether a set lists nothing at all, usable or not.
fn is_blank(keys: &KeySet) -> bool {
    keys.is_empty() && keys.ignored().is_empty()
}

fn count(outcome: &'static str) {
    counter!("resource_server_jwks_fetches_total", "outcome" => outcome).increment(1);
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
    /// When the first of the empty key sets came that no other set has followed.
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
        matches!(self.read_copy(), Start::Copy)
    }

    /// Puts the last good copy into use, and `pinned` only where no set was ever kept: what the issuer published last
    /// is newer than a file that somebody exported before, and a key that was withdrawn does not come back with it.
    pub fn use_copy_or(&mut self, pinned: KeySet) {
        match self.read_copy() {
            Start::Copy | Start::Withdrawn => {}
            Start::Nothing => self.verifier.replace_keys(pinned),
        }
    }

    fn read_copy(&mut self) -> Start {
        let Some(copy) = &self.copy else { return Start::Nothing };
        let kept = match copy.read() {
            Ok(Some(kept)) => kept,
            Ok(None) => return Start::Nothing,
            Err(reason) => {
                warn!(%reason, "the last good key set on disk is not used");
                return Start::Nothing;
            }
        };
        match parse_jwks(&kept.jwks) {
            Ok(keys) if keys.is_empty() => {
                warn!(path = %copy.path().display(), "the issuer had withdrawn every usable key when it last answered");
                Start::Withdrawn
            }
            Ok(keys) => {
                self.verifier.replace_keys(keys);
                self.verifier.confirm_keys(Timestamp(kept.fetched_at));
                self.current = kept.jwks;
                info!(kids = self.verifier.kids().join(" "), "key set loaded from its last good copy");
                Start::Copy
            }
            Err(reason) => {
                warn!(%reason, path = %copy.path().display(), "the last good key set on disk is not used");
                Start::Nothing
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
            Ok(Fetched::Set { keys, .. }) if is_blank(&keys) && !self.is_withdrawal() => {
                count("failed");
                let url = self.client.url();
                if self.verifier.has_keys() {
                    warn!(
                        url,
                        "the key set is empty; the last good one stays in use until a later answer confirms it"
                    );
                } else {
                    warn!(
                        url,
                        "the key set is empty, and there is no earlier one: nothing can be served yet"
                    );
                }
                self.retry_at()
            }
            Ok(fetched) => {
                count("ok");
                self.empty_since = None;
                let max_age = self.take(fetched).await;
                self.every = self.timing.after(max_age);
                asked + self.every
            }
            Err(reason) => {
                count("failed");
                self.report(&reason);
                self.retry_at()
            }
        }
    }

    fn retry_at(&self) -> Instant {
        let warm = self.verifier.has_keys();
        Instant::now() + if warm { self.timing.retry_warm.min(self.every) } else { self.timing.retry_cold }
    }

    /// Takes what the issuer says. A key that its set does not list any more is not trusted from now on, whatever else
    /// is in the set and whether or not we can use it.
    async fn take(&mut self, fetched: Fetched) -> Option<Duration> {
        let now = self.verifier.now();
        let (max_age, changed) = match fetched {
            Fetched::Unchanged { max_age } => (max_age, false),
            Fetched::Set { jwks, keys, etag, max_age } => {
                for ignored in keys.ignored() {
                    let (position, reason) = (ignored.position, &ignored.reason);
                    warn!(position, %reason, "a key of the key set is ignored");
                }
                let changed = jwks != self.current;
                if changed {
                    self.replace(keys);
                    self.current = jwks;
                }
                self.etag = etag;
                (max_age, changed)
            }
        };
        self.verifier.confirm_keys(now);
        self.keep(self.current.clone(), now, changed).await;
        max_age
    }

    fn replace(&self, keys: KeySet) {
        if keys.is_empty() {
            let url = self.client.url();
            error!(url, "the issuer lists no key that can be used here: every token is refused");
        }
        self.verifier.replace_keys(keys);
        info!(kids = self.verifier.kids().join(" "), "key set fetched");
    }

    async fn keep(&self, jwks: Vec<u8>, at: Timestamp, changed: bool) {
        let Some(copy) = self.copy.clone() else { return };
        // Writing waits for the disk, which no request may wait for.
        let kept = spawn_blocking(move || match copy.write(&jwks, at.seconds()) {
            // An older copy would bring back what this set withdraws.
            Err(reason) if changed => Err((reason, copy.remove())),
            Err(reason) => Err((reason, Ok(()))),
            Ok(()) => Ok(()),
        });
        match kept.await {
            Ok(Err((reason, Ok(())))) => warn!(%reason, "the key set cannot be kept on disk"),
            Ok(Err((reason, Err(also)))) => error!(
                %reason, %also,
                "the key set cannot be kept on disk, nor the older copy removed: a restart trusts its keys until it has fetched"
            ),
            Ok(Ok(())) | Err(_) => {}
        }
    }

    /// Whether an empty set takes all keys back. One empty answer is more likely that of a server which has not read its
    /// keys, or of a proxy, and must not end every token; but an issuer whose only key was stolen and revoked has no
    /// other way to say so, and is believed when it says so again, and no other set came in between.
    fn is_withdrawal(&mut self) -> bool {
        let since = *self.empty_since.get_or_insert_with(Instant::now);
        match self.verifier.keys() {
            Some(keys) => keys.is_empty() || since.elapsed() >= self.timing.retry_warm,
            None => false,
        }
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
