//! Which of a client's stored secrets a presented one fits, at a cost that tells nothing.

use trefoil_shared::{ClientId, Timestamp};

use crate::model::{Authentication, Client, SecretHash, StoredSecret};

/// What one comparison of a presented secret with a stored hash says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It fits.
    Fits,
    /// It does not.
    Differs,
    /// Only the slow hash can say.
    NeedsArgon2,
}

/// What all comparisons together say.
#[derive(Debug, PartialEq, Eq)]
pub enum SecretCheck<'a> {
    /// This stored secret fits.
    Fits(&'a StoredSecret),
    /// None of the fast hashes fits; these slow ones are left to try.
    Slow(Vec<&'a StoredSecret>),
    /// None fits.
    Differs,
}

/// A rotation leaves two live secrets: so many comparisons are made for everybody who fails, client or not.
pub const COMPARISONS: usize = 2;

/// Compares a presented secret, through `verify`, with every live secret of `client`.
///
/// A stranger, a public client and a client with fewer secrets are compared with `dummy` until the count is the
/// same: an unknown id costs what a wrong secret costs (attack case 34). Expired secrets do not count.
pub fn check<'a>(
    client: Option<&'a Client>,
    dummy: &SecretHash,
    now: Timestamp,
    mut verify: impl FnMut(&SecretHash) -> Verdict,
) -> SecretCheck<'a> {
    let mut slow = Vec::new();
    let mut done = 0;
    for stored in live_secrets(client, now) {
        done += 1;
        match verify(&stored.hash) {
            Verdict::Fits => return SecretCheck::Fits(stored),
            Verdict::NeedsArgon2 => slow.push(stored),
            Verdict::Differs => {}
        }
    }
    for _ in done..COMPARISONS {
        let _ = verify(dummy);
    }
    if slow.is_empty() { SecretCheck::Differs } else { SecretCheck::Slow(slow) }
}

fn live_secrets(client: Option<&Client>, now: Timestamp) -> impl Iterator<Item = &StoredSecret> {
    let secrets = match client.map(|client| &client.authentication) {
        Some(Authentication::Confidential { secrets, .. }) => secrets.as_slice(),
        Some(Authentication::Public) | None => &[],
    };
    secrets.iter().filter(move |stored| stored.expires_at.is_none_or(|end| now < end))
}

/// Whether an id has the shape of imported ones, 32 hex digits: while some of those still need Argon2, an unknown
/// one costs the same (decision 28).
pub fn has_imported_shape(client_id: &ClientId) -> bool {
    let id = client_id.as_str();
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples;
    use trefoil_shared::AuthMethod;

    fn keyed(byte: u8) -> SecretHash {
        SecretHash::Keyed { root_id: "00000000".to_owned(), mac: [byte; 32] }
    }

    fn stored(byte: u8, expires_at: Option<i64>) -> StoredSecret {
        let id = byte.to_string();
        StoredSecret {
            id,
            hash: keyed(byte),
            created_at: Timestamp(0),
            expires_at: expires_at.map(Timestamp),
        }
    }

    fn client(authentication: Authentication) -> Client {
        Client { authentication, ..samples::client() }
    }

    fn confidential(secrets: Vec<StoredSecret>) -> Client {
        client(Authentication::Confidential { methods: vec![AuthMethod::ClientSecretBasic], secrets })
    }

    /// Runs a check against "the right secret hashes to `right`" and counts the comparisons.
    fn run(client: Option<&Client>, right: u8) -> (String, u32) {
        let mut calls = 0;
        let result = check(client, &keyed(0), Timestamp(100), |hash| {
            calls += 1;
            if *hash == keyed(right) { Verdict::Fits } else { Verdict::Differs }
        });
        (format!("{result:?}").chars().take(7).collect(), calls)
    }

    #[test]
    fn a034_unknown_and_known_clients_cost_the_same_comparisons() {
        let one = confidential(vec![stored(1, None)]);
        let two = confidential(vec![stored(1, None), stored(2, None)]);
        let public = client(Authentication::Public);
        for who in [None, Some(&one), Some(&two), Some(&public)] {
            assert_eq!(run(who, 9), ("Differs".to_owned(), 2));
        }
    }

    #[test]
    fn a032_a_secret_that_fits_the_dummy_lets_nobody_in() {
        assert_eq!(run(None, 0), ("Differs".to_owned(), 2));
        assert_eq!(run(Some(&confidential(vec![])), 0), ("Differs".to_owned(), 2));
    }

    #[test]
    fn two_live_secrets_both_fit() {
        let two = confidential(vec![stored(1, None), stored(2, Some(101))]);
        assert_eq!(run(Some(&two), 1).0, "Fits(St");
        assert_eq!(run(Some(&two), 2).0, "Fits(St");
    }

    #[test]
    fn a_secret_ends_with_its_second() {
        let ended = confidential(vec![stored(1, Some(100))]);
        assert_eq!(run(Some(&ended), 1).0, "Differs");
    }

    #[test]
    fn d28_a_slow_hash_is_left_for_later() {
        let client = confidential(vec![stored(1, None)]);
        let result = check(Some(&client), &keyed(0), Timestamp(0), |hash| {
            if *hash == keyed(1) { Verdict::NeedsArgon2 } else { Verdict::Differs }
        });
        assert!(matches!(result, SecretCheck::Slow(left) if left.len() == 1));
    }

    #[test]
    fn d28_imported_ids_are_32_hex_digits() {
        let shaped = |text: &str| has_imported_shape(&text.parse().unwrap());
        assert!(shaped("0123456789abcdef0123456789abcdef"));
        assert!(!shaped("0123456789abcdef0123456789abcdeg"));
        assert!(!shaped("0123"));
    }
}
