//! An axum service made a resource server: a layer before it, extractors behind it, and a task beside it that asks the
//! issuer what it has revoked.
//!
//! `cargo run -p trefoil-resource-layer --example axum_service -- ISSUER AUDIENCE PUBLIC_KEY_FILE STATE_DIR`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use axum::{Router, routing::get};
use trefoil_resource_layer::keys::Outbound;
use trefoil_resource_layer::revocation::{
    RevocationClient, RevocationCopy, RevocationPolicy, RevocationState, follow_revocations,
};
use trefoil_resource_layer::{
    KeySet, RequireToken, RequiredScope, Scoped, SystemClock, TokenVerifier, Verified,
};

struct CanWrite;
impl RequiredScope for CanWrite {
    const ALL: &'static [&'static str] = &["write"];
}

async fn read(Verified(claims): Verified) -> String {
    format!("{} may read\n", claims.client_id)
}

async fn write(can: Scoped<CanWrite>) -> String {
    format!("{} may write\n", can.claims.client_id)
}

/// The issuer signs a list of what it has revoked, which the same key verifies. It is kept in `state_dir`, so that a
/// restart while the issuer is gone forgets nothing.
fn refusing_what_is_revoked(
    verifier: TokenVerifier,
    (issuer, audience): (&str, &str),
    state_dir: &Path,
) -> Result<TokenVerifier, Box<dyn Error>> {
    let verifier = verifier.with_revocations(RevocationState::new(RevocationPolicy::WhenReachable))?;
    let client = RevocationClient::new(&format!("{issuer}/revocations"), &Outbound::default())?;
    follow_revocations(&verifier, client, Some(RevocationCopy::new(state_dir, issuer, audience)))?;
    Ok(verifier)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, audience, key_file, state_dir] = arguments.as_slice() else {
        return Err("give ISSUER, AUDIENCE, PUBLIC_KEY_FILE and STATE_DIR".into());
    };
    let keys = KeySet::from_bytes(&std::fs::read(key_file)?)?;
    let verifier = TokenVerifier::new(issuer, audience, keys, Arc::new(SystemClock))?;
    let verifier = refusing_what_is_revoked(verifier, (issuer, audience), state_dir.as_ref())?;
    let service = Router::new()
        .route("/notes", get(read).post(write))
        .layer(RequireToken::new(verifier).all_of(["read".parse()?]));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, service).await?;
    Ok(())
}
