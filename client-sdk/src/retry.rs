//! When the same request is sent again, and after how long.

use std::time::Duration;

/// How often and how long requests that may be repeated are tried: `client_credentials` and `GET`, on a connection
/// that failed or broke, on 429 and on 5xx. Nothing else is ever repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Requests in all, the first one counted; 1 means no retry.
    pub max_attempts: u32,
    /// The wait before the first retry; it doubles with each. The true wait is a random part of it (full jitter),
    /// so that clients that failed together do not come back together.
    pub base: Duration,
    /// The longest wait of our own choice.
    pub cap: Duration,
    /// The longest `Retry-After` that is waited for. One that asks for more ends the call at once, with that wait
    /// in [`crate::Remedy::Retry`].
    pub retry_after_cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            base: Duration::from_millis(250),
            cap: Duration::from_secs(5),
            retry_after_cap: Duration::from_secs(20),
        }
    }
}

impl RetryPolicy {
    /// Never repeats a request.
    pub fn never() -> Self {
        Self { max_attempts: 1, ..Self::default() }
    }

    /// The wait before the next attempt, or `None` to give up. `made` counts the attempts made, `retry_after` is
    /// what the server asked for, `fraction` a random number from 0 to 1.
    pub(crate) fn wait(&self, made: u32, retry_after: Option<Duration>, fraction: f64) -> Option<Duration> {
        if made >= self.max_attempts {
            return None;
        }
        let doubled = self.base.saturating_mul(2_u32.saturating_pow(made.saturating_sub(1)));
        let jittered = doubled.min(self.cap).mul_f64(fraction.clamp(0.0, 1.0));
        match retry_after {
            Some(asked) if asked > self.retry_after_cap => None,
            Some(asked) => Some(asked.saturating_add(jittered.min(Duration::from_secs(1)))),
            None => Some(jittered),
        }
    }
}

/// Whether an answer with this status may be different next time.
pub(crate) fn status_is_passing(status: u16) -> bool {
    status == 429 || (500..600).contains(&status)
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3). The form with a date is passed over.
pub(crate) fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a139_attempts_are_bounded_and_waits_double_up_to_the_cap() {
        let policy = RetryPolicy { max_attempts: 6, ..RetryPolicy::default() };
        let waits: Vec<_> = (1..=6).map(|made| policy.wait(made, None, 1.0).map(|w| w.as_millis())).collect();
        assert_eq!(waits, [Some(250), Some(500), Some(1000), Some(2000), Some(4000), None]);
        assert_eq!(policy.wait(5, None, 0.5), Some(Duration::from_secs(2)));
        assert_eq!(RetryPolicy::never().wait(1, None, 1.0), None);
    }

    #[test]
    fn a139_retry_after_is_obeyed_and_capped() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.wait(1, Some(Duration::from_secs(3)), 0.0), Some(Duration::from_secs(3)));
        assert_eq!(policy.wait(1, Some(Duration::from_hours(1)), 0.0), None);
    }

    #[test]
    fn only_429_and_5xx_pass() {
        assert!([429, 500, 503].into_iter().all(status_is_passing));
        assert!(![200, 302, 400, 401, 403].into_iter().any(status_is_passing));
    }
}
