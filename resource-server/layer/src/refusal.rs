//! A refusal with what is known of its token: for the log, and for people who ask why. Clients get [`Refused::answer`].

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use http::Uri;
use http::request::Parts;
use tracing::info;
use trefoil_shared::PeerAddr;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{AccessClaims, MAX_TOKEN_BYTES, RefusedToken, Rejected, kid_of};
use trefoil_shared::shown_path;

use crate::refused::Refused;
use crate::verifier::TokenVerifier;

/// Why a request was refused, and what is known of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub refused: Refused,
    /// The kid that the token names: 1 to 256 printable ASCII characters, chosen by the maker of the token.
    pub kid: Option<String>,
    /// The claims of a token whose signature holds.
    pub claims: Option<Arc<AccessClaims>>,
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self { refused, kid: None, claims: None }
    }
}

impl From<RefusedToken> for Refusal {
    fn from(token: RefusedToken) -> Self {
        let claims = token.claims.map(|claims| Arc::new(*claims));
        Self { refused: Refused::Token(token.reason), kid: token.kid, claims }
    }
}

impl Refusal {
    /// The refusal of a token whose signature holds.
    pub(crate) fn of_token(refused: Refused, token: &str, claims: &Arc<AccessClaims>) -> Self {
        Self { refused, kid: kid_of(token, MAX_TOKEN_BYTES), claims: Some(Arc::clone(claims)) }
    }

    /// The reason with the values that it is about, expected and found, on one line.
    pub fn explain(&self, verifier: &TokenVerifier) -> String {
        match (&self.refused, &self.claims) {
            (Refused::Token(rejected), Some(claims)) => explain(rejected, claims, verifier),
            (Refused::InsufficientScope(demand), Some(claims)) => format!(
                "{}: {demand} is needed, {} is missing; it has {}",
                self.refused,
                demand.missing(&claims.scope),
                shown(&claims.scope.to_string())
            ),
            (refused, _) => refused.to_string(),
        }
    }

    /// Logs the refusal of a request. Neither its query nor its headers nor the token are logged.
    pub fn log(&self, request: &Requested, verifier: &TokenVerifier) {
        let (reason, status) = (self.refused.name(), self.refused.answer().status.as_u16());
        let (needed, missing) = match (&self.refused, &self.claims) {
            (Refused::InsufficientScope(demand), Some(claims)) => {
                (Some(demand.to_string()), Some(demand.missing(&claims.scope)))
            }
            _ => (None, None),
        };
        let detail = self.claims.as_ref().map(|_| self.explain(verifier));
        info!(
            reason,
            status,
            path = request.shown_path(),
            address = request.address().map(tracing::field::display),
            client_id = self.claims.as_ref().map(|claims| shown(&claims.client_id)),
            kid = self.kid,
            scope_needed = needed,
            scope_missing = missing,
            detail,
            "request refused"
        );
    }
}

fn explain(rejected: &Rejected, claims: &AccessClaims, verifier: &TokenVerifier) -> String {
    let now = verifier.now();
    let (issuer, audience) = (verifier.issuer(), verifier.audience());
    match rejected {
        Rejected::Expired => {
            format!("{rejected}: {} ago (exp {}, now {now})", lasting(now.since(claims.exp)), claims.exp)
        }
        Rejected::NotYetValid => early(rejected, claims.nbf.unwrap_or(claims.iat), now),
        Rejected::IssuedInFuture => early(rejected, claims.iat, now),
        Rejected::WrongIssuer => {
            let slash = claims.iss.trim_end_matches('/') == issuer.trim_end_matches('/');
            let hint = if slash { "; they differ by a slash at the end" } else { "" };
            format!("{rejected}: it is of `{}`, expected is `{issuer}`{hint}", shown(&claims.iss))
        }
        Rejected::WrongAudience => {
            let named: Vec<_> = claims.aud.iter().map(|aud| format!("`{}`", shown(aud))).collect();
            format!("{rejected}: it is for {}, expected is `{audience}`", named.join(", "))
        }
        Rejected::TooLong(_)
        | Rejected::NotCompact
        | Rejected::Encrypted
        | Rejected::NotBase64Url(_)
        | Rejected::NotStrictJson { .. }
        | Rejected::HeaderMember
        | Rejected::HeaderMalformed(_)
        | Rejected::Algorithm
        | Rejected::WrongType
        | Rejected::MissingKid
        | Rejected::UnknownKey { .. }
        | Rejected::AlgorithmOfKey
        | Rejected::NoKeyOfAlgorithm
        | Rejected::Signature
        | Rejected::ClaimMissing(_)
        | Rejected::ClaimMalformed(_) => rejected.to_string(),
    }
}

fn early(rejected: &Rejected, from: Timestamp, now: Timestamp) -> String {
    let ahead = lasting(from.since(now));
    format!("{rejected}: {ahead} too early (from {from}, now {now}); is the clock of this machine behind?")
}

/// A time in seconds for people: its two largest units.
fn lasting(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A value of a token as a line of text shows it.
fn shown(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

/// What a refusal's log says of the request.
#[derive(Clone, Debug)]
pub struct Requested {
    uri: Uri,
    peer: Option<SocketAddr>,
}

impl Requested {
    /// Of a request with this head.
    pub fn of(head: &Parts) -> Self {
        let peer = head.extensions.get::<PeerAddr>().map(|peer| peer.0);
        let connected = || head.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        Self { uri: head.uri.clone(), peer: peer.or_else(connected) }
    }

    fn address(&self) -> Option<IpAddr> {
        self.peer.map(|peer| peer.ip().to_canonical())
    }

    /// The path without its query, and without segments that may be tokens or secrets.
    fn shown_path(&self) -> String {
        shown_path(self.uri.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u02_a_path_is_shown_without_query_and_without_what_may_be_a_token() {
        let shown = |uri: &str| Requested { uri: uri.parse().unwrap(), peer: None }.shown_path();
        assert_eq!(shown("/api/a%0ab?access_token=x"), "/api/a%0ab");
        assert_eq!(shown("/api/eyJhbGciOiJFUzI1NiJ9.e30.c2ln/x"), "/api/(left out)/x");
        assert_eq!(shown(&format!("/{}", "a".repeat(65))), "/(left out)");
        assert_eq!(shown(&"/abc".repeat(200)).len(), 300);
    }

    #[test]
    fn u02_times_are_shown_in_their_two_largest_units() {
        let cases =
            [(-5, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7_500, "2 h 5 min"), (273_600, "3 d 4 h")];
        for (seconds, text) in cases {
            assert_eq!(lasting(seconds), text);
        }
    }
}
