//! `doctor`'s look at the clock: tokens are judged by it, and written by the issuer's.

use super::Finding;
use crate::settings::Settings;
use trefoil_resource_layer::keys::IssuerMetadata;

/// How far clocks may be apart before a token suffers, in seconds: what a verifier allows for.
const ALLOWED: i64 = 10;
/// A difference that is worth a word, in seconds: `Date` counts whole ones, and the answer takes a moment.
const NOTICEABLE: i64 = 3;

/// Compares this machine's clock with the `Date` of an answer of the issuer. Nothing where it does not answer.
pub(super) async fn check(settings: &Settings) -> Option<Finding> {
    let answer = IssuerMetadata::fetch(&settings.issuer, &settings.outbound).await.ok()?;
    Some(judge(answer.received.since(answer.date?)))
}

/// Judges how many seconds our clock is ahead.
fn judge(ahead: i64) -> Finding {
    let mend = "synchronise both machines' clocks (NTP)";
    if ahead.abs() <= NOTICEABLE {
        return Finding::Good("agrees with the issuer's".to_owned());
    }
    if ahead < -ALLOWED {
        let says = format!("the clock of this machine is {} s behind the issuer's", -ahead);
        return Finding::Warning(format!("{says}: new tokens are refused as not valid yet; {mend}"));
    }
    let (difference, side) = if ahead < 0 { (-ahead, "behind") } else { (ahead, "ahead of") };
    let harm = if difference > ALLOWED { "tokens end too early" } else { "beyond 10 s tokens are refused" };
    Finding::Warning(format!(
        "the clock of this machine is {difference} s {side} the issuer's: {harm}; {mend}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_33_a_clock_that_is_apart_is_a_warning() {
        let words = [-30, -10, -4, -3, 0, 3, 4, 30].map(|ahead| judge(ahead).shared("clock").level.word());
        assert_eq!(words, ["warning", "warning", "warning", "ok", "ok", "ok", "warning", "warning"]);
        assert!(judge(-30).text().contains("30 s behind"));
    }
}
