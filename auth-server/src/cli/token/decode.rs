//! `token decode`: what is in a token, and whether it verifies.

use serde_json::{Map, Value, json};
use trefoil_shared::jose::base64url;
use trefoil_shared::jose::strict_json::{self, Limits};
use trefoil_shared::{Secret, Timestamp, TypedValue, ValueKind};

use crate::cli::context::Context;
use crate::cli::output::Report;
use crate::cli::{CliError, input, table, when};

/// Runs it.
pub(super) async fn run(given: &str, cx: &Context) -> Result<Report, CliError> {
    let token = input::value(given)?;
    let token = Secret::new(token.reveal().trim());
    if let Ok(value) = TypedValue::parse(ValueKind::OpaqueToken, token.reveal()) {
        return opaque(&value, cx).await;
    }
    let (header, claims) = parts(token.reveal())?;
    let verdict = verdict(token.reveal(), cx).await;
    let document = json!({
        "header": header,
        "claims": claims,
        "verifies": verdict.is_ok(),
        "reason": verdict.as_ref().err(),
    });
    let now = cx.now();
    let mut lines = vec![("header".to_owned(), String::new())];
    lines.extend(header.iter().map(|(name, value)| (format!("  {name}"), shown(name, value, now))));
    lines.push(("claims".to_owned(), String::new()));
    lines.extend(claims.iter().map(|(name, value)| (format!("  {name}"), shown(name, value, now))));
    let verdict = match verdict {
        Ok(()) => "yes: issued here, unchanged, and good now".to_owned(),
        Err(why) => format!("no: {why}"),
    };
    let rows: Vec<(&str, String)> = lines
        .iter()
        .map(|(name, value)| (name.as_str(), if value.is_empty() { " ".to_owned() } else { value.clone() }))
        .chain([("verifies", verdict)])
        .collect();
    Ok(Report::new(document, table::pairs(cx.screen, &rows)))
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

/// Whether our own verifier takes it, by the keys that are published now.
async fn verdict(token: &str, cx: &Context) -> Result<(), String> {
    let checked = super::verifier(cx).await.map_err(|error| format!("it could not be checked: {error}"));
    let (verifier, now) = checked?;
    verifier.verify(token, now).map(drop).map_err(|rejected| rejected.to_string())
}

async fn opaque(value: &TypedValue, cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    let roots = cx.roots(&store).await?;
    let mut found = None;
    for hash in roots.token_hashes(ValueKind::OpaqueToken, value) {
        found = found.or(store.opaque(&hash).await?);
    }
    let token = found.ok_or_else(|| {
        CliError::new(
            "this opaque token is not known here",
            "it has expired, was revoked, or another server issued it",
        )
    })?;
    let now = cx.now();
    let good = token.expires_at > now;
    let document = json!({
        "opaque": true, "verifies": good, "reason": (!good).then_some("it has expired"),
        "claims": {
            "jti": token.jti, "client_id": token.client_id, "sub": token.sub, "aud": token.aud,
            "scope": token.scope, "iat": token.issued_at, "exp": token.expires_at,
        },
    });
    let rows = [
        ("jti", token.jti.clone()),
        ("client_id", token.client_id.to_string()),
        ("sub", token.sub.clone()),
        ("aud", token.aud.join(", ")),
        ("scope", token.scope.to_string()),
        ("iat", when::moment(token.issued_at, now)),
        ("exp", when::moment(token.expires_at, now)),
        ("verifies", if good { "yes".to_owned() } else { "no: it has expired".to_owned() }),
    ];
    Ok(Report::new(document, table::pairs(cx.screen, &rows)))
}

fn shown(name: &str, value: &Value, now: Timestamp) -> String {
    match (name, value.as_i64()) {
        ("exp" | "iat" | "nbf", Some(at)) => format!("{at}  {}", when::moment(Timestamp(at), now)),
        _ => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    }
}
