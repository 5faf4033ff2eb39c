//! What a session has under way, and what it has learned from earlier requests.

use std::sync::Arc;

use futures_util::future::Shared;
use trefoil_shared::Timestamp;

use crate::back_off::{self, BackOff};
use crate::token_life::Held;
use crate::{BoxFuture, Error, Generation, Remedy, Result};

/// A request that several callers wait for.
pub(crate) type Flight = Shared<BoxFuture<'static, Result<Arc<Held>>>>;

/// What is under way, and what was learned from earlier requests.
#[derive(Default)]
pub(crate) struct Flights {
    pub(crate) current: Option<(u64, Flight)>,
    pub(crate) count: u64,
    /// The token that was refused and given up.
    pub(crate) rejected: Option<Generation>,
    /// The token that was refused last, given up or not.
    refused: Option<Generation>,
    /// Between two tokens that resources refused.
    replacing: BackOff,
    /// The server's refusal, and when to ask it again.
    refusal: Option<Error>,
    asking: BackOff,
    /// When a token that is still good may be renewed again.
    pub(crate) not_before: Option<Timestamp>,
}

impl Flights {
    /// The server's last refusal, where asking again would come too early.
    pub(crate) fn refusal(&self, now: Timestamp) -> Option<&Error> {
        self.refusal.as_ref().filter(|_| self.asking.is_waiting(now))
    }

    /// Keeps a refusal that asking again does not change, or that came with a wait.
    pub(crate) fn remember(&mut self, error: &Error, now: Timestamp) {
        match error.remedy() {
            Remedy::Retry { after: None } => return,
            Remedy::Retry { after: Some(wait) } => {
                self.asking.asked_to_wait(now, i64::try_from(wait.as_secs()).unwrap_or(i64::MAX));
            }
            Remedy::ChangeRequest | Remedy::SignInAgain | Remedy::FixConfiguration | Remedy::None => {
                self.asking.refused(now);
            }
        }
        self.refusal = Some(error.clone());
    }

    /// A token was obtained.
    pub(crate) fn granted(&mut self) {
        self.not_before = None;
        self.refusal = None;
        self.asking.reset();
    }

    /// A resource refused the token at hand: tells whether to give it up for another. One that follows other refused
    /// ones too soon is kept for a while: the next would be refused as well.
    pub(crate) fn give_up(&mut self, held: &Held, now: Timestamp) -> bool {
        let first = self.refused.replace(held.generation) != Some(held.generation);
        if first && now.since(held.token.obtained_at()) >= back_off::LONGEST {
            // It has been good for a while: what was refused before it is over.
            self.replacing.reset();
        }
        if self.replacing.is_waiting(now) {
            return false;
        }
        self.replacing.refused(now);
        self.rejected = Some(held.generation);
        true
    }
}
