//! An axum service made a resource server: a layer before it, extractors behind it.
//!
//! `cargo run -p trefoil-resource-server --example axum_service -- ISSUER AUDIENCE PUBLIC_KEY_FILE`

use std::error::Error;
use std::sync::Arc;

use axum::{Router, routing::get};
use trefoil_resource_server::{
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

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, audience, key_file] = arguments.as_slice() else {
        return Err("give ISSUER, AUDIENCE and PUBLIC_KEY_FILE".into());
    };
    let keys = KeySet::from_bytes(&std::fs::read(key_file)?)?;
    let verifier = TokenVerifier::new(issuer, audience, keys, Arc::new(SystemClock))?;
    let service = Router::new()
        .route("/notes", get(read).post(write))
        .layer(RequireToken::new(verifier).all_of(["read".parse()?]));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, service).await?;
    Ok(())
}
