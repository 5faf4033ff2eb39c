//! `token decode`: what is in a token, whether it verifies, and whether it is revoked.

use serde_json::{Map, Value, json};
use trefoil_shared::jose::base64url;
use trefoil_shared::jose::strict_json::{self, Limits};
use trefoil_shared::revocation::{Revoked, TokenFacts};
use trefoil_shared::{Timestamp, TypedValue, ValueKind};

use crate::cli::context::Context;
use crate::cli::output::Report;
use crate::cli::{CliError, input, table, when};
use crate::model::OpaqueToken;

/// Runs it.
pub(super) async fn run(given: &str, cx: &Context) -> Result<Report, CliError> {
    let token = input::token(given)?;
    if let Ok(value) = TypedValue::parse(ValueKind::OpaqueToken, token.reveal()) {
        return opaque(&value, cx).await;
    }
    let (header, claims) = parts(token.reveal())?;
    let verdict = verdict(token.reveal(), cx).await;
    let document = json!({
        "header": header,
        "claims": claims,
        "verifies": verdict.refused.is_none(),
        "reason": verdict.refused,
        "revoked": verdict.revoked,
    });
    let now = cx.now();
    let mut lines = vec![("header".to_owned(), String::new())];
    lines.extend(header.iter().map(|(name, value)| (format!("  {name}"), shown(name, value, now))));
    lines.push(("claims".to_owned(), String::new()));
    lines.extend(claims.iter().map(|(name, value)| (format!("  {name}"), shown(name, value, now))));
    let rows: Vec<(&str, String)> = lines
        .iter()
        .map(|(name, value)| (name.as_str(), if value.is_empty() { " ".to_owned() } else { value.clone() }))
        .chain(verdict.rows())
        .collect();
    Ok(Report::new(document, table::pairs(cx.screen, &rows)))
}

/// What is said of a token.
struct Verdict {
    /// Why no verifier takes it; `None` for a good one.
    refused: Option<String>,
    /// Whether it is revoked; `None` where that is not known.
    revoked: Option<bool>,
}

impl Verdict {
    fn rows(&self) -> [(&'static str, String); 2] {
        let verifies = match &self.refused {
            None => "yes: issued here, unchanged, and good now".to_owned(),
            Some(why) => format!("no: {why}"),
        };
        let revoked = match self.revoked {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        [("verifies", verifies), ("revoked", revoked.to_owned())]
    }

    /// Revoked or not, and refused for another reason where there is one.
    fn of(revoked: Option<Revoked>, refused: Option<String>) -> Self {
        let why = revoked.map(|revoked| match revoked {
            Revoked::Token => "it was revoked",
            Revoked::Everybody => "it was revoked together with all that were issued before a restore",
            Revoked::Client => "it was revoked together with all that its client had",
            Revoked::Subject => "it was revoked together with all that its subject had",
            Revoked::Claims => "it was revoked together with all of its authorization or session",
        });
        Self { revoked: Some(revoked.is_some()), refused: refused.or(why.map(str::to_owned)) }
    }
}

type Members = Map<String, Value>;

/// Header and claims of a JWT, nothing proved.
fn parts(token: &str) -> Result<(Members, Members), CliError> {
    let refused =
        |why: &str| CliError::new(format!("this is no token of ours: {why}"), "paste it whole, or use `-`");
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(refused("neither a JWT nor an opaque token"));
    };
    let read = |part: &str, name: &str| {
        let bytes =
            base64url::decode(part).ok_or_else(|| refused(&format!("its {name} is not base64url")))?;
        strict_json::parse_object(&bytes, Limits::TOKEN)
            .map_err(|error| refused(&format!("its {name}: {error}")))
    };
    Ok((read(header, "header")?, read(payload, "payload")?))
}

/// Whether our own verifier takes it, by the keys that are published now, and whether it is revoked. Of a token that
/// is not ours, or that nobody could look up, the second is not known.
async fn verdict(token: &str, cx: &Context) -> Verdict {
    match checked(token, cx).await {
        Ok(verdict) => verdict,
        Err(error) => Verdict { refused: Some(format!("it could not be checked: {error}")), revoked: None },
    }
}

async fn checked(token: &str, cx: &Context) -> Result<Verdict, CliError> {
    let (verifier, now, store) = super::verifier(cx).await?;
    Ok(match verifier.verify(token, now) {
        Ok(claims) => Verdict::of(store.revoked(&TokenFacts::from(&claims)).await?, None),
        Err(rejected) => Verdict { refused: Some(rejected.to_string()), revoked: None },
    })
}

async fn opaque(value: &TypedValue, cx: &Context) -> Result<Report, CliError> {
    let unknown = || {
        CliError::new(
            "this opaque token is not known here",
            "it has expired and was swept, or another server issued it",
        )
    };
    let store = cx.store_to_read().await?.ok_or_else(unknown)?;
    let roots = cx.roots_to_read(&store).await?.ok_or_else(unknown)?;
    let mut found = None;
    for hash in roots.token_hashes(ValueKind::OpaqueToken, value) {
        found = found.or(store.find_opaque(&hash).await?);
    }
    let (token, ended) = found.ok_or_else(unknown)?;
    let listed = store.revoked(&facts_of(&token)).await?;
    let revoked = listed.or(ended.map(|_| Revoked::Token));
    let now = cx.now();
    let expired = (token.expires_at <= now).then(|| "it has expired".to_owned());
    let verdict = Verdict::of(revoked, expired);
    let document = json!({
        "opaque": true, "verifies": verdict.refused.is_none(), "reason": verdict.refused,
        "revoked": verdict.revoked,
        "claims": {
            "jti": token.jti, "client_id": token.client_id, "sub": token.sub, "aud": token.aud,
            "scope": token.scope, "iat": token.issued_at, "exp": token.expires_at,
        },
    });
    let claims = [
        ("jti", token.jti.clone()),
        ("client_id", token.client_id.to_string()),
        ("sub", token.sub.clone()),
        ("aud", token.aud.join(", ")),
        ("scope", token.scope.to_string()),
        ("iat", when::moment(token.issued_at, now)),
        ("exp", when::moment(token.expires_at, now)),
    ];
    let rows: Vec<_> = claims.into_iter().chain(verdict.rows()).collect();
    Ok(Report::new(document, table::pairs(cx.screen, &rows)))
}

fn facts_of(token: &OpaqueToken) -> TokenFacts<'_> {
    let OpaqueToken { jti, sub, claims, .. } = token;
    TokenFacts { jti, client_id: token.client_id.as_str(), sub, iat: token.issued_at, extra: Some(claims) }
}

fn shown(name: &str, value: &Value, now: Timestamp) -> String {
    match (name, value.as_i64()) {
        ("exp" | "iat" | "nbf", Some(at)) => format!("{at}  {}", when::moment(Timestamp(at), now)),
        _ => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    }
}
