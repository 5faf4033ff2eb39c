//! Login sessions: decision 50.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use trefoil_shared::revocation::{CutOffScope, TokenFacts};
use trefoil_shared::{Secret, Timestamp};

use super::browser::{Browser, Cookie};
use crate::app::App;
use crate::grants::Surroundings;
use crate::http::error::Refused;
use crate::model::{Session, User};
use crate::protocol::{AuthorizeDenied, Denied, Unavailable};
use crate::store::Revocation;

/// A use is written down once in so many seconds.
const USE_EVERY: i64 = 60;

/// A person with a living login session.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) session: Session,
    pub(crate) user: User,
}

/// Who is signed in with this browser.
pub(crate) async fn signed_in(
    app: &App,
    browser: &Browser,
    now: Timestamp,
) -> Result<Option<SignedIn>, Refused> {
    let Some(value) = &browser.session else { return Ok(None) };
    for id_hash in app.root().stored_names("session", value.reveal()) {
        let Some(session) = app.store().session(&id_hash).await? else { continue };
        let Some(user) = app.store().user(&session.sub).await? else { return Ok(None) };
        if !is_alive(app, &session, &user, now)? {
            return Ok(None);
        }
        if now.seconds().saturating_sub(session.used_at.seconds()) >= USE_EVERY {
            let store = app.store().clone();
            app.spawn(async move {
                if let Err(error) = store.use_session(&id_hash, now).await {
                    tracing::debug!(%error, "the use of a session was not written down");
                }
            });
        }
        return Ok(Some(SignedIn { session, user }));
    }
    Ok(None)
}

fn is_alive(app: &App, session: &Session, user: &User, now: Timestamp) -> Result<bool, Refused> {
    let idle_end = session.used_at.plus(app.policy().sessions.idle);
    if now >= session.expires_at.min(idle_end) || !user.enabled || session.authenticated_at <= user.not_before
    {
        return Ok(false);
    }
    Ok(!app.is_cut_off(&facts(&session.sub, session.authenticated_at))?)
}

/// What began at this second for this person, as cut-offs see it.
fn facts(sub: &str, iat: Timestamp) -> TokenFacts<'_> {
    TokenFacts { jti: "", client_id: "", sub, iat, extra: None }
}

/// Begins a login session in the place of the browser's old one. Gives the session and the cookie.
pub(crate) async fn begin(
    app: &App,
    browser: &Browser,
    user: &User,
    old: Option<&SignedIn>,
) -> Result<(Session, HeaderValue), Refused> {
    let now = free_second(app, user, None).await?;
    let value = Secret::new(URL_SAFE_NO_PAD.encode(app.rng().bytes32()));
    let lifetime = app.policy().sessions.lifetime;
    let session = Session {
        id_hash: app.root().stored_name("session", value.reveal()),
        sid: app.rng().id(),
        sub: user.sub.clone(),
        methods: vec!["pwd".to_owned()],
        address: browser.address.map(|address| address.to_string()).unwrap_or_default(),
        agent: browser.agent.clone(),
        authenticated_at: now,
        used_at: now,
        expires_at: now.plus(lifetime),
    };
    // The account may have changed while the password was checked.
    if !app.store().add_session(&session, user).await? {
        return Err(Denied::Authorize(AuthorizeDenied::PersonGone).into());
    }
    if let Some(old) = old {
        app.store().end_session(&old.session.sid, &old.session.sub).await?;
    }
    let cookie = Cookie::Session.set(value.reveal(), lifetime, app.issuer());
    Ok((session, cookie))
}

/// Ends a login session with all that was given in it, but what was given for while the person is away.
pub(crate) async fn end(app: &App, here: &SignedIn, now: Timestamp) -> Result<(), Refused> {
    cut_off(app, CutOffScope::Session(&here.session.sid), now).await?;
    app.store().end_session(&here.session.sid, &here.session.sub).await?;
    tracing::info!(sub = here.user.sub, sid = here.session.sid, "signed out");
    Ok(())
}

/// Writes a cut-off, and reads it: it holds here before the person is told so (amendment to decision 18), and elsewhere
/// with the next poll.
pub(crate) async fn cut_off(app: &App, scope: CutOffScope<'_>, now: Timestamp) -> Result<(), Refused> {
    let until = app.policy().grants.cut_off_kept();
    app.store().cut_off(&Revocation::cut_off(scope, now, until), now).await?;
    Ok(app.revocations().poll_once().await?)
}

/// Now, as soon as no cut-off covers this second (decision 44): what begins in a second that is covered would be over at
/// once.
pub(crate) async fn free_second(
    app: &App,
    user: &User,
    client_and_session: Option<(&str, &str)>,
) -> Result<Timestamp, Refused> {
    const TRIES: u32 = 16;
    let (client_id, sid) = client_and_session.unwrap_or_default();
    let mut claims = serde_json::Map::new();
    claims.insert("sid".to_owned(), sid.into());
    for _ in 0..TRIES {
        let now = app.now();
        let given = TokenFacts { jti: "", client_id, sub: &user.sub, iat: now, extra: Some(&claims) };
        if now > user.not_before && !app.is_cut_off(&given)? {
            return Ok(now);
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    Err(Denied::Unavailable(Unavailable::GrantContended).into())
}
