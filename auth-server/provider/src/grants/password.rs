//! A person gives its password to an app: RFC 6749 section 4.3. RFC 9700 section 2.4 forbids it, so it is there only where
//! the configuration says so, for clients of the profile `legacy` that name it (decision 64).

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use trefoil_core::authorization::{Authorization, RecordId, Stage};
use trefoil_core::openid::{ACR_PASSWORD, OFFLINE_ACCESS};
use trefoil_shared::GrantType;

use super::presented::granted_now;
use super::{Change, ClientRule, Credentials, Grant, Granted, NotGranted, Standing, TokenAsk};
use crate::model::Profile;
use crate::protocol::{Asked, Denied, GrantDenied, Target, Unavailable};

/// `password`.
#[derive(Clone, Copy, Debug)]
pub struct Password;

impl Grant for Password {
    fn name(&self) -> GrantType {
        GrantType::PASSWORD
    }

    fn client_rule(&self) -> ClientRule {
        ClientRule::Any
    }

    fn exchange<'a>(&'a self, ask: TokenAsk<'a>) -> BoxFuture<'a, Result<Granted, NotGranted>> {
        async move {
            if ask.client.client().profile != Profile::Legacy {
                return Err(Denied::Grant(GrantDenied::GrantNotAllowed).into());
            }
            let missing = Denied::Grant(GrantDenied::GrantMalformed);
            let username = ask.params.get("username").ok_or(missing)?;
            let password = ask.params.get("password").ok_or(missing)?;
            // What the client asks for is judged first: a wrong scope says nothing of the password.
            let asked = Asked::from_params(ask.params)?;
            let target = ask.server.target(ask.client.client(), asked).await?;
            let credentials = Credentials { username, password, address: ask.address };
            let subject = ask.server.sign_in(credentials, ask.now()).await?;
            let subject = subject.ok_or(Denied::Grant(GrantDenied::GrantRefused))?;
            given(&ask, &target, subject).await
        }
        .boxed()
    }
}

async fn given(ask: &TokenAsk<'_>, target: &Target, subject: String) -> Result<Granted, NotGranted> {
    let authorization = authorization(ask, target, subject);
    // The person may have been disabled while the password was checked.
    match ask.server.standing(&authorization.sub).await? {
        Standing::Gone => return Err(Denied::Grant(GrantDenied::GrantRefused).into()),
        // What is given in a second that a cut-off covers would be over at once (decision 44): the next one is free.
        Standing::Active { not_before } if authorization.created <= not_before => {
            return Err(Denied::Unavailable(Unavailable::GrantContended).into());
        }
        Standing::Active { .. } => {}
    }
    let id = RecordId::from_random(ask.server.rng().bytes16());
    let (record, kept) = authorization.live_record(id, ask.server.rng())?;
    let refreshes = ask.client.client().grant_types.contains(&GrantType::REFRESH_TOKEN);
    let change = refreshes.then(|| Change::Create { key: id.key(), record });
    granted_now(&kept, change, ask)
}

fn authorization(ask: &TokenAsk<'_>, target: &Target, subject: String) -> Authorization {
    let (policy, now, rng) = (ask.server.grant_policy(), ask.now(), ask.server.rng());
    let ends = now.plus(policy.max_lifetime);
    let scopes = target.scope.scope().clone();
    let offline = scopes.iter().any(|token| token.as_str() == OFFLINE_ACCESS);
    Authorization {
        grant_id: rng.id(),
        client_id: ask.client.client().client_id.clone(),
        sub: subject,
        data: serde_json::Map::new(),
        offline,
        scopes,
        resources: target.resources.iter().map(|resource| resource.name.clone()).collect(),
        nonce: None,
        auth_time: now,
        amr: vec!["pwd".to_owned()],
        acr: Some(ACR_PASSWORD.to_owned()),
        claims: None,
        sid: None,
        redirect_uri: String::new(),
        redirect_named: false,
        challenge: None,
        seed: rng.id(),
        root: ask.server.roots().writing_id().to_owned(),
        created: now,
        ends,
        idle_ends: now.plus(policy.idle_lifetime).min(ends),
        access_until: now.plus(policy.max_access_lifetime.saturating_add(policy.refresh_grace)),
        wrong_verifiers: 0,
        stage: Stage::Live { generation: 1, recent: Vec::new() },
    }
}
