//! When a token is renewed: pure arithmetic over its life.

use std::sync::Arc;

use trefoil_shared::Timestamp;

use crate::{Generation, TokenSet};

/// Seconds that a token of unknown life is kept.
const ASSUMED_LIFE: i64 = 300;
/// The longest margin before the end, in seconds: a request made with the token must arrive before it.
const MAX_MARGIN: i64 = 30;
/// Seconds that a token may seem to come from the future before the clock counts as set back.
const CLOCK_STEP: i64 = 60;

/// A token with the moments at which something is to be done about it.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) token: Arc<TokenSet>,
    pub(crate) generation: Generation,
    renew_at: Timestamp,
    needed_at: Timestamp,
    ends_at: Timestamp,
}

/// How far a token is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing to do.
    Young,
    /// Good, and to be renewed without waiting.
    Due,
    /// So near its end that callers wait for the next one.
    Needed,
    /// Ended.
    Over,
}

impl Held {
    /// Plans the life of a token: renewed at 75 to 85 % of it (`fraction`, from 0 to 1, says where), waited for in
    /// its last tenth or its last 30 seconds, whichever is less.
    pub(crate) fn new(token: TokenSet, fraction: f64) -> Self {
        let begin = token.obtained_at();
        let ends_at = token.expires_at().unwrap_or_else(|| begin.plus(ASSUMED_LIFE));
        let life = ends_at.since(begin).max(0);
        let margin = (life / 10).min(MAX_MARGIN);
        Self {
            generation: token.generation(),
            token: Arc::new(token),
            renew_at: begin.plus(part(life, 0.75 + 0.1 * fraction.clamp(0.0, 1.0))),
            needed_at: ends_at.plus(-margin),
            ends_at,
        }
    }

    /// The stage at `now`. A clock that was set back makes the token needed: nobody knows how old it is.
    pub(crate) fn stage(&self, now: Timestamp) -> Stage {
        if now >= self.ends_at {
            Stage::Over
        } else if now >= self.needed_at || now < self.token.obtained_at().plus(-CLOCK_STEP) {
            Stage::Needed
        } else if now >= self.renew_at {
            Stage::Due
        } else {
            Stage::Young
        }
    }

    /// Seconds until it ends; negative after that.
    pub(crate) fn seconds_left(&self, now: Timestamp) -> i64 {
        self.ends_at.since(now)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a rough part of a life is meant"
)]
fn part(life: i64, share: f64) -> i64 {
    (life as f64 * share) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(life: i64, fraction: f64) -> Held {
        let body = format!(r#"{{"access_token":"a","expires_in":{life}}}"#);
        Held::new(TokenSet::from_answer(body.as_bytes(), Timestamp(1000)).unwrap(), fraction)
    }

    #[test]
    fn a_token_is_renewed_at_eighty_percent_and_needed_in_its_last_thirty_seconds() {
        let token = held(3600, 0.5);
        assert_eq!(token.stage(Timestamp(1000 + 2879)), Stage::Young);
        assert_eq!(token.stage(Timestamp(1000 + 2880)), Stage::Due);
        assert_eq!(token.stage(Timestamp(1000 + 3570)), Stage::Needed);
        assert_eq!(token.stage(Timestamp(1000 + 3600)), Stage::Over);
    }

    #[test]
    fn the_jitter_spreads_the_moment_over_a_tenth_of_the_life() {
        assert_eq!(held(1000, 0.0).renew_at, Timestamp(1750));
        assert_eq!(held(1000, 1.0).renew_at, Timestamp(1850));
    }

    #[test]
    fn the_margin_is_never_more_than_half_the_life() {
        for life in [1, 2, 5, 10, 60, 300, 86_400] {
            let token = held(life, 1.0);
            assert!(2 * token.ends_at.since(token.needed_at) <= life, "{life}");
            assert!(token.renew_at <= token.needed_at, "{life}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_makes_the_token_needed() {
        assert_eq!(held(3600, 0.5).stage(Timestamp(900)), Stage::Needed);
    }
}
