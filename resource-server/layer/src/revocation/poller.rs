//! The task that keeps up with the issuer's lists.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};
use trefoil_shared::jose::KeySet;
use trefoil_shared::revocation::{Applied, RevocationList};

use super::copy::RevocationCopy;
use super::course::{Follow, PollCourse};
use super::keeper::Keeper;
use super::remote::{PollError, RevocationClient};
use super::state::RevocationState;
use crate::verifier::TokenVerifier;

/// When to ask.
#[derive(Clone, Copy, Debug)]
pub struct PollTiming {
    /// The wait between two polls; well inside the list's ttl of 15 s, so that one may be lost.
    pub every: Duration,
    /// The wait while there is no key yet to ask with.
    pub without_keys: Duration,
    /// After so many polls the whole list is asked for, which drops cut-offs that have done their work.
    pub whole_each: u32,
    /// Where in the jitter of a tenth this process begins; random, so that verifiers do not ask in step.
    pub seed: u64,
}

impl Default for PollTiming {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(5),
            without_keys: Duration::from_millis(200),
            whole_each: 720,
            seed: 1,
        }
    }
}

/// Polls the issuer's list, merges what is new into a verifier's [`RevocationState`] and keeps it on disk.
#[derive(Debug)]
pub struct RevocationPoller {
    client: RevocationClient,
    verifier: TokenVerifier,
    state: RevocationState,
    timing: PollTiming,
    /// The key whose list was read last: asked for first.
    kid: Option<String>,
    course: PollCourse,
    failing: bool,
    incomplete: bool,
    keeper: Option<Keeper>,
}

impl RevocationPoller {
    /// Takes what it needs, and makes the state a followed one; nothing is asked yet. `verifier` gives keys, issuer and time, and asks `state`.
    pub fn new(
        client: RevocationClient,
        copy: Option<RevocationCopy>,
        (verifier, state): (TokenVerifier, RevocationState),
        timing: PollTiming,
    ) -> Self {
        let course = PollCourse::new(timing.whole_each);
        let keeper = copy.map(Keeper::new);
        state.set_followed();
        let (kid, failing, incomplete) = (None, false, false);
        Self { client, verifier, state, timing, kid, course, failing, incomplete, keeper }
    }

    /// Puts what an earlier process kept into use. True where there was something. A file that cannot be used is set
    /// aside.
    pub fn use_copy(&self) -> bool {
        let Some(known) = self.keeper.as_ref().and_then(Keeper::read) else { return false };
        self.state.restore(known);
        let revision = self.state.position().map(|(_, revision)| revision);
        info!(revision, "revocations loaded from their last copy");
        self.measure();
        true
    }

    /// Polls now, then on a timer, and at once when `wake` says so. Runs until it is dropped.
    pub async fn run(mut self, wake: Arc<Notify>) {
        loop {
            let pause = if self.verifier.has_keys() {
                self.poll().await;
                self.pause()
            } else {
                self.timing.without_keys
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = wake.notified() => {}
            }
        }
    }

    /// One poll: page after page until nothing more is there. True where the issuer answered with lists that were taken.
    pub async fn poll(&mut self) -> bool {
        let began = self.state.millis();
        let polled = self.ask().await;
        let outcome = if polled.is_ok() { "ok" } else { "failed" };
        counter!("resource_server_revocation_polls_total", "outcome" => outcome).increment(1);
        let failed_before = std::mem::replace(&mut self.failing, polled.is_err());
        match &polled {
            Ok(_) => {
                let first = self.state.age().is_none();
                self.state.was_read(began);
                if first || failed_before {
                    let (tokens, cut_offs) = self.state.sizes();
                    info!(url = self.client.url(), tokens, cut_offs, "revocations are read");
                }
            }
            Err(reason) => {
                self.state.was_not_read(reason.misses_something());
                if !failed_before {
                    self.report(reason);
                }
            }
        }
        self.alarm(polled.as_ref().err());
        if let Some(keeper) = self.keeper.as_mut().filter(|_| !matches!(polled, Ok(false))) {
            keeper.keep(&self.state).await;
        }
        self.measure();
        polled.is_ok()
    }

    /// Whether something changed.
    async fn ask(&mut self) -> Result<bool, PollError> {
        let (tokens, cut_offs) = self.state.sizes();
        let stands = (tokens + cut_offs, self.state.resumes_after());
        let mut step = self.course.begin(self.state.position(), stands);
        loop {
            let applied = self.take(step.since()).await?;
            match step.follow(applied, &self.state.position())? {
                Follow::Done { changed } => return Ok(changed),
                Follow::AskWhole(again) | Follow::AskMore(again) => step = again,
            }
        }
    }

    async fn take(&mut self, since: i64) -> Result<Applied, PollError> {
        let keys = self.verifier.keys().unwrap_or_else(KeySet::empty);
        let document = self.fetch(&keys, since).await?;
        let (issuer, now) = (self.verifier.issuer().to_owned(), self.verifier.now());
        let continues = since > 0 && !self.state.reads_anew();
        // Much may have to be hashed and merged, which no request may wait for.
        let state = self.state.clone();
        let taken = spawn_blocking(move || {
            let list = RevocationList::verify(&document, &keys, &issuer, now)?;
            let page = (continues && list.since > 0).then(|| list.clone());
            let (made, is_new) = (list.iat, !state.has_all_of(&list));
            Ok::<_, PollError>((state.apply(list, now), page, (made, is_new)))
        });
        let (applied, page, (made, is_new)) = taken.await.map_err(|_| PollError::Failed)??;
        if matches!(applied, Applied::Merged | Applied::More(_)) {
            self.course.made(made);
            if let Some(keeper) = self.keeper.as_mut().filter(|_| is_new) {
                keeper.took(page);
            }
        }
        Ok(applied)
    }

    /// The list under the first of our keys that the issuer still signs one with.
    async fn fetch(&mut self, keys: &KeySet, since: i64) -> Result<String, PollError> {
        let last = self.kid.as_deref().filter(|kid| keys.find(kid).is_some());
        let others = keys.kids().filter(|kid| Some(*kid) != last);
        let kids: Vec<String> = last.into_iter().chain(others).map(str::to_owned).collect();
        for kid in kids {
            if let Some(document) = self.client.fetch(&kid, since).await? {
                self.kid = Some(kid);
                return Ok(document);
            }
        }
        Err(PollError::NoSuchKey)
    }

    /// A list that is known to be incomplete is an alarm, however it came about.
    fn alarm(&mut self, reason: Option<&PollError>) {
        let was = std::mem::replace(&mut self.incomplete, self.state.is_incomplete());
        if self.incomplete && !was {
            let reason = reason.map(ToString::to_string);
            error!(
                url = self.client.url(),
                reason,
                "the revocation list could not be read as a whole: tokens that it revokes may be taken for good ones"
            );
        }
    }

    fn report(&self, reason: &PollError) {
        let url = self.client.url();
        match self.state.position() {
            Some((_, revision)) => {
                warn!(%reason, url, revision, "revocations not read; what is known stays in force");
            }
            None if self.state.is_usable() => {
                warn!(%reason, url, "revocations were never read: revoked tokens are not refused");
            }
            None => warn!(%reason, url, "revocations were never read: no token is taken"),
        }
    }

    fn measure(&self) {
        let (tokens, cut_offs) = self.state.sizes();
        let count = |size: usize| f64::from(u32::try_from(size).unwrap_or(u32::MAX));
        gauge!("resource_server_revoked_tokens").set(count(tokens));
        let incomplete = if self.state.is_incomplete() { 1.0 } else { 0.0 };
        gauge!("resource_server_revocation_list_incomplete").set(incomplete);
        gauge!("resource_server_revocation_cut_offs").set(count(cut_offs));
        if let Some((_, revision)) = self.state.position() {
            gauge!("resource_server_revocation_revision")
                .set(f64::from(u32::try_from(revision).unwrap_or(u32::MAX)));
        }
    }

    /// The wait, less up to a tenth.
    fn pause(&mut self) -> Duration {
        // SplitMix64's step: good enough to spread verifiers out.
        self.timing.seed = self.timing.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.timing.seed ^ (self.timing.seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let part = u32::try_from(mixed >> 54).unwrap_or(0);
        self.timing.every.saturating_sub(self.timing.every * part / 10_240)
    }
}
