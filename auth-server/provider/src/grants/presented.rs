//! What codes and refresh tokens share: the record is loaded with what else decides about it, and what was decided
//! becomes an answer.

use serde_json::{Map, Value};
use trefoil_core::StoreError;
use trefoil_core::authorization::{Authorization, Facts, GrantValue, GrantValueKind, Kept, Outcome};
use trefoil_core::openid::USERINFO_CLAIMS;
use trefoil_shared::revocation::TokenFacts;
use trefoil_shared::{Secret, Timestamp};

use super::{
    Beyond, Ceiling, Change, EndedGrant, Granted, Login, NotGranted, RefreshToken, Refusal, Surroundings,
    TokenAsk,
};
use crate::protocol::{Denied, GrantDenied};

/// A presented value, and the authorization that it names.
pub(super) struct Presented {
    pub(super) value: GrantValue,
    pub(super) kept: Kept,
    cut_off: bool,
}

impl Presented {
    /// Reads the value from the form, and all that decides about it.
    pub(super) async fn load(
        ask: &TokenAsk<'_>,
        kind: GrantValueKind,
        parameter: &str,
    ) -> Result<Self, NotGranted> {
        let text = ask.params.get(parameter).ok_or(Denied::Grant(GrantDenied::GrantMalformed))?;
        let value = GrantValue::parse(kind, text).ok_or(Denied::Grant(GrantDenied::GrantRefused))?;
        let key = value.record().key();
        let record = ask.records.read(&key, ask.now()).await?;
        let record = record.ok_or(Denied::Grant(GrantDenied::GrantRefused))?;
        let kept = Kept::read(value.record(), record)?;
        let cut_off = is_over::<NotGranted>(ask.server, &kept.authorization).await?;
        Ok(Self { value, kept, cut_off })
    }

    /// What the decision goes by.
    pub(super) fn facts<'a>(&self, ask: &TokenAsk<'a>) -> Facts<'a> {
        Facts {
            client: ask.client.client(),
            now: ask.now(),
            policy: ask.server.grant_policy(),
            roots: ask.server.roots(),
            cut_off: self.cut_off,
        }
    }
}

/// Whether an authorization was ended from outside of its record: by a cut-off, or because the person is gone.
pub(crate) async fn is_over<E: From<Denied> + From<StoreError>>(
    server: &dyn Surroundings,
    given: &Authorization,
) -> Result<bool, E> {
    let claims = claims_of(given);
    Ok(server.is_cut_off(&facts_of(given, &claims))?
        || server.standing(&given.sub).await?.is_over(given.created))
}

/// The authorization as cut-offs see it: no token of it has this `jti`.
fn facts_of<'a>(given: &'a Authorization, claims: &'a Map<String, Value>) -> TokenFacts<'a> {
    let client_id = given.client_id.as_str();
    TokenFacts { jti: "", client_id, sub: &given.sub, iat: given.created, extra: Some(claims) }
}

/// What tokens of an authorization say beside what every token does (decision 43).
fn claims_of(given: &Authorization) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("grant_id".to_owned(), given.grant_id.clone().into());
    // What was given for while the person is away does not end with the login session (decision 57).
    if let Some(sid) = given.sid.as_ref().filter(|_| !given.offline) {
        claims.insert("sid".to_owned(), sid.clone().into());
    }
    claims
}

/// What the first ID token of an authorization says of the login, or a later one.
fn login_of(given: &Authorization, is_first: bool) -> Login {
    Login {
        auth_time: given.auth_time,
        acr: given.acr.clone(),
        amr: given.amr.clone(),
        nonce: given.nonce.clone().filter(|_| is_first),
        sid: given.sid.clone(),
        claims: given.claims.clone(),
    }
}

/// The same for a token that is issued at this second. Nobody signs in after that, whichever clock was looked at later.
fn claims_at(given: &Authorization, issued_at: Timestamp) -> Map<String, Value> {
    let mut claims = claims_of(given);
    claims.insert("auth_time".to_owned(), given.auth_time.min(issued_at).seconds().into());
    // The userinfo endpoint sees the token alone.
    let named = given.claims.iter().flat_map(|asked| asked.userinfo.keys());
    let named: Vec<Value> = named.map(|name| name.clone().into()).collect();
    if !named.is_empty() {
        claims.insert(USERINFO_CLAIMS.to_owned(), named.into());
    }
    claims
}

/// What an authorization gives that comes to be at the token endpoint itself, without a code.
pub(super) fn granted_now(
    kept: &Kept,
    commit: Option<Change>,
    ask: &TokenAsk<'_>,
) -> Result<Granted, NotGranted> {
    let given = &kept.authorization;
    let token = commit.is_some().then(|| kept.value(1, ask.server.roots())).transpose()?;
    Ok(of_authorization(given, token, commit, Beyond::Refused, ask))
}

/// What the endpoint makes of an outcome.
pub(super) fn granted(
    presented: &Presented,
    outcome: Outcome,
    beyond: Beyond,
    ask: &TokenAsk<'_>,
) -> Result<Granted, NotGranted> {
    let kept = &presented.kept;
    let change = |becomes: &Authorization| {
        let record = kept.changed(becomes, ask.server.rng())?;
        Ok::<_, NotGranted>(Change::Replace { key: kept.id().key(), seen: kept.version().clone(), record })
    };
    match outcome {
        Outcome::Granted { becomes, refresh } => {
            let given = becomes.as_deref().unwrap_or(&kept.authorization);
            let token = |generation| kept.value(generation, ask.server.roots());
            let refresh = refresh.map(token).transpose()?;
            let commit = becomes.as_deref().map(change).transpose()?;
            let login = Some(login_of(given, presented.value.generation() == 0));
            Ok(Granted { login, ..of_authorization(given, refresh, commit, beyond, ask) })
        }
        Outcome::Refused { why, becomes, ends } => {
            let order = becomes.as_deref().map(change).transpose()?;
            let ended = || EndedGrant {
                grant_id: kept.authorization.grant_id.clone(),
                access_until: kept.authorization.access_until,
            };
            Err(Refusal { why, order, ends: ends.then(ended) }.into())
        }
    }
}

/// What an authorization gives in its first answer, with this refresh token, once this change is made.
pub(super) fn of_authorization(
    given: &Authorization,
    refresh: Option<Secret>,
    commit: Option<Change>,
    beyond: Beyond,
    ask: &TokenAsk<'_>,
) -> Granted {
    let ends = given.idle_ends.min(given.ends);
    let ceiling = Ceiling { scopes: given.scopes.clone(), resources: given.resources.clone() };
    Granted {
        ceiling: Some(ceiling),
        claims: claims_at(given, ask.client.moment().issued_at()),
        login: Some(login_of(given, true)),
        refresh: refresh.map(|token| RefreshToken { token, ends }),
        beyond,
        commit,
        ..Granted::to(given.sub.clone())
    }
}
