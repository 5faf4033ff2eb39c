//! The built-in accounts: who a name and a password are, and whether a person may go on.

use std::net::IpAddr;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use trefoil_core::openid::told_claims;
use trefoil_core::people::{Username, prepare_password};
use trefoil_shared::{Secret, Timestamp};

use super::browser::Browser;
use crate::app::App;
use crate::grants::{People, Standing};
use crate::http::error::Refused;
use crate::model::User;
use crate::protocol::{AuthorizeDenied, Denied, Unavailable};
use crate::store::{Store, StoreError};

/// The accounts in the database.
#[derive(Clone)]
pub(crate) struct Accounts(pub(crate) Store);

impl People for Accounts {
    fn standing<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Standing, StoreError>> {
        async move {
            let user = self.0.user(subject).await?.filter(|user| user.enabled);
            Ok(user.map_or(Standing::Gone, |user| Standing::Active { not_before: user.not_before }))
        }
        .boxed()
    }

    fn claims<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Map<String, Value>, StoreError>> {
        async move {
            let user = self.0.user(subject).await?.filter(|user| user.enabled);
            Ok(user.as_ref().map(told_claims).unwrap_or_default())
        }
        .boxed()
    }
}

/// The hash that an unknown name's password is compared with: of the cost of every other, and of no password at all. A
/// constant: to compute one at the start would cost 19 MiB, which the process would keep.
const NOBODYS_PASSWORD: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What came of a name and a password.
pub(crate) enum Login {
    /// The person's.
    Right(Box<User>),
    /// Nobody's, or of an account that may not sign in: nothing tells them apart.
    Wrong,
    /// Too many were tried.
    TooMany,
}

/// Tries at one account from one network, and at one account from anywhere, in [`WINDOW`] seconds. The second is far
/// beyond the first, so that nobody locks a person out from one place (attack case 117).
const TRIES_FROM_ONE: u64 = 20;
const TRIES_AT_ONE: u64 = 500;
const WINDOW: i64 = 600;
/// Tries at any accounts from one network, and sign-ins that it begins: an office behind one address has its morning.
const TRIES_OF_NETWORK: u64 = 500;
const BEGUN_OF_NETWORK: u64 = 3_000;

/// Checks a name and a password. An unknown name costs what a known one does (attack case 118).
pub(crate) async fn login(
    app: &App,
    address: Option<IpAddr>,
    (username, password): (&str, &str),
    now: Timestamp,
) -> Result<Login, Refused> {
    let name = Username::prepare(username);
    let counted = name.as_ref().map_or("", Username::as_str);
    if !may_try(app, address, counted, now).await? {
        metrics::counter!("trefoil_logins_total", "outcome" => "too_many").increment(1);
        return Ok(Login::TooMany);
    }
    let user = match &name {
        Ok(name) => app.store().user_named(name.as_str()).await?,
        Err(_) => None,
    };
    let user = user.filter(|user| user.enabled);
    let right = check(app, password, user.as_ref()).await?;
    let outcome = if right { "right" } else { "wrong" };
    metrics::counter!("trefoil_logins_total", "outcome" => outcome).increment(1);
    Ok(match user.filter(|_| right) {
        Some(user) => Login::Right(Box::new(user)),
        None => Login::Wrong,
    })
}

/// Whether it is the password of this account: the same work where there is none.
pub(crate) async fn check(app: &App, password: &str, user: Option<&User>) -> Result<bool, Refused> {
    let stored = user.and_then(|user| user.password.clone());
    let hash = stored.as_ref().map_or_else(|| NOBODYS_PASSWORD.to_owned(), |phc| phc.reveal().to_owned());
    // What cannot be a password is hashed as well: it takes as long.
    let prepared = prepare_password(password).unwrap_or_else(|_| Secret::new(""));
    let found = app.passwords().find(&prepared, vec![hash]).await;
    let found = found.map_err(|_| Refused::from(Denied::Unavailable(Unavailable::SecretChecksBusy)))?;
    Ok(found.is_some() && stored.is_some())
}

/// Counts a try before it is made, at whichever replica. Where the program that mounts us does not say which address a
/// request has, only the account counts: one bucket for everybody would lock all out.
async fn may_try(app: &App, address: Option<IpAddr>, name: &str, now: Timestamp) -> Result<bool, Refused> {
    if let Some(network) = address.map(crate::http::failures::network) {
        // Many names from one place: nobody has so many accounts.
        let from_one = format!("{name} {network}");
        if !within(app, ("login-network", &network, TRIES_OF_NETWORK), now).await?
            || !within(app, ("login-from", &from_one, TRIES_FROM_ONE), now).await?
        {
            return Ok(false);
        }
    }
    within(app, ("login-at", name, TRIES_AT_ONE), now).await
}

/// Lets a network begin so many sign-ins in a window: each of them is a record.
pub(crate) async fn may_begin(app: &App, browser: &Browser, now: Timestamp) -> Result<(), Refused> {
    may_begin_from(app, browser.address, now).await
}

/// The same for what a client pushes.
pub(crate) async fn may_begin_from(
    app: &App,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), Refused> {
    let Some(network) = address.map(crate::http::failures::network) else { return Ok(()) };
    if within(app, ("begin-network", &network, BEGUN_OF_NETWORK), now).await? {
        return Ok(());
    }
    Err(Denied::Authorize(AuthorizeDenied::TooManySignIns).into())
}

/// The network that a browser is in, where its address is known.
pub(crate) fn network_of(browser: &Browser) -> Option<String> {
    browser.address.map(crate::http::failures::network)
}

/// Counts once more, and tells whether that is still within the limit.
pub(crate) async fn within(
    app: &App,
    (kind, counted, most): (&str, &str, u64),
    now: Timestamp,
) -> Result<bool, Refused> {
    Ok(count(app, (kind, counted), 1, now).await? <= most)
}

/// Adds to what was counted in this window, at whichever replica, and gives the sum.
pub(crate) async fn count(
    app: &App,
    (kind, counted): (&str, &str),
    by: u32,
    now: Timestamp,
) -> Result<u64, Refused> {
    let key = format!("{kind}:{}", app.root().stored_name(kind, counted));
    let key = key.parse().map_err(|_| StoreError::Corrupt("a key".to_owned()))?;
    Ok(app.records().count(&key, by, now.plus(WINDOW), now).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::{check_phc, hash_password};

    #[test]
    fn a118_nobodys_password_costs_what_everybodys_does() {
        assert_eq!(check_phc(NOBODYS_PASSWORD), Ok(()));
        let real = hash_password(&Secret::new("a password"), &[7; 16]);
        let cost = |phc: &str| phc.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(cost(real.reveal()), cost(NOBODYS_PASSWORD));
        assert_eq!(real.reveal().len(), NOBODYS_PASSWORD.len());
    }
}
