//! `token revoke`: ends a token, or every token of a client (decision 19).

use serde_json::json;
use trefoil_shared::jose::Rejected;
use trefoil_shared::revocation::{CutOffScope, TokenId};
use trefoil_shared::{ClientId, TypedValue, ValueKind};

use super::RevokeArgs;
use crate::cli::context::Context;
use crate::cli::output::Report;
use crate::cli::{CliError, client, input, user};
use crate::protocol::Ends;
use crate::store::{Revocation, Store};

/// Runs it.
pub(super) async fn run(args: RevokeArgs, cx: &Context) -> Result<Report, CliError> {
    match (args.token, args.client, args.user) {
        (_, Some(id), _) => every_token(&id, cx).await,
        (_, None, Some(name)) => every_token_of_a_person(&name, cx).await,
        (Some(token), None, None) => one_token(&token, cx).await,
        (None, None, None) => {
            Err(CliError::new("nothing to revoke", "give a token, --client ID or --user NAME"))
        }
    }
}

async fn every_token_of_a_person(name: &str, cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    let person = user::existing(&store, name).await?;
    let (scope, ends) = (CutOffScope::Subject(&person.sub), Ends::Tokens);
    let revocation = cx.cut_off(&store, scope, ends).await?;
    store.revoke_audited(&revocation, &cx.act("token revoke --user", &person.username)).await?;
    cx.cut_late_ones(&store, (scope, ends), &revocation).await;
    let text = format!(
        "every token and session that {} has by now is over; verifiers that poll refuse the tokens within 15 s",
        person.username
    );
    Ok(Report::new(json!({ "username": person.username, "sub": person.sub, "revoked": true }), text))
}

async fn every_token(id: &ClientId, cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    // A tombstone's tokens were ended when it was removed.
    if store.registered_client(id).await?.is_none() {
        return Err(client::unknown(&store, id).await);
    }
    let (scope, ends) = (CutOffScope::Client(id.as_str()), Ends::Tokens);
    let revocation = cx.cut_off(&store, scope, ends).await?;
    store.revoke_audited(&revocation, &cx.act("token revoke --client", id)).await?;
    cx.cut_late_ones(&store, (scope, ends), &revocation).await;
    let text =
        format!("every token that {id} has by now is revoked; verifiers that poll refuse it within 15 s");
    Ok(Report::new(json!({ "client_id": id, "revoked": true }), text))
}

async fn one_token(given: &str, cx: &Context) -> Result<Report, CliError> {
    let token = input::token(given)?;
    let store = cx.store().await?;
    let jti = match TypedValue::parse(ValueKind::OpaqueToken, token.reveal()) {
        Ok(value) => opaque(&store, &value, cx).await?,
        Err(_) => jwt(&store, token.reveal(), cx).await?,
    };
    let text = format!("the token {jti} is revoked; verifiers that poll refuse it within 15 s");
    Ok(Report::new(json!({ "jti": jti, "revoked": true }), text))
}

async fn jwt(store: &Store, token: &str, cx: &Context) -> Result<String, CliError> {
    let (verifier, now, _) = super::verifier(cx).await?;
    let claims = verifier.verify(token, now).map_err(|why| refused(&why))?;
    let id = TokenId::from_text(&claims.jti).ok_or_else(|| refused(&Rejected::ClaimMissing("jti")))?;
    let act = cx.act("token revoke", &id).with_detail(json!({ "client_id": claims.client_id }));
    store.revoke_audited(&Revocation::Token { id, expires_at: claims.exp }, &act).await?;
    Ok(id.to_string())
}

fn refused(why: &Rejected) -> CliError {
    CliError::new(
        format!("this token needs no revoking, or is not ours: {why}"),
        "auth-server token decode TOKEN shows what is in it",
    )
}

/// An opaque token is ended by its jti, as a JWT is: introspection asks both.
async fn opaque(store: &Store, value: &TypedValue, cx: &Context) -> Result<String, CliError> {
    let roots = cx.roots(store).await?;
    for hash in roots.token_hashes(ValueKind::OpaqueToken, value) {
        let Some(token) = store.opaque(&hash).await? else { continue };
        let Some(id) = TokenId::from_text(&token.jti) else { continue };
        let act = cx.act("token revoke", &id).with_detail(json!({ "client_id": token.client_id }));
        store.revoke_audited(&Revocation::Token { id, expires_at: token.expires_at }, &act).await?;
        return Ok(id.to_string());
    }
    Err(CliError::new("no such token: unknown, expired or revoked before", "nothing is left to do"))
}
