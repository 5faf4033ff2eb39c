//! An authorization server inside a program of one's own: its page is at `/`, the issuer at `/auth`.
//!
//! `cargo run -p trefoil-provider --example embedded DIRECTORY` keeps database, root secret and keys in DIRECTORY, makes
//! a client for the resource `api` there, prints how to get a token, and serves until its input ends.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use tokio_util::sync::CancellationToken;
use trefoil_provider::Provider;
use trefoil_provider::keys::{KeyHome, KeyStoreKind};
use trefoil_provider::model::{
    Authentication, Client, ClientMetadata, Profile, Resource, StoredSecret, TokenFormat,
};
use trefoil_provider::secrets::{OsRng, Rng, RootSecrets};
use trefoil_provider::store::{Act, DatabaseSettings, Store};
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{AuthMethod, GrantType, ValueKind};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let directory: PathBuf = std::env::args_os().nth(1).context("usage: embedded DIRECTORY")?.into();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);

    let store = Store::connect(&DatabaseSettings::in_data_dir(&directory)).await?;
    let (root, _made) = RootSecrets::load_or_create(&directory, &[], &OsRng)?;
    let provider = Provider::builder(format!("{url}/auth").parse()?)
        .store(store)
        .root(Arc::new(root))
        .keys(KeyHome::new(KeyStoreKind::Database, &directory))
        .open()
        .await?;
    let app = Router::new().route("/", get(async || "home")).merge(provider.router());
    let client = furnish(&provider).await?;

    let stop = CancellationToken::new();
    let going = provider.start(stop.clone());
    println!("curl -u {client} -d grant_type=client_credentials {url}/auth/token");
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            let until_its_end = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            let _ended = tokio::task::spawn_blocking(until_its_end).await;
        })
        .await?;
    stop.cancel();
    going.finish().await?;
    Ok(())
}

/// Makes a signing key, the resource `api` and a client for it. Gives the client's `id:secret`.
async fn furnish(provider: &Provider) -> anyhow::Result<String> {
    let (app, store) = (provider.app(), provider.app().store());
    let now = store.now().await?;
    app.keys().keys().generate(Algorithm::ES256, now, None).await?;
    app.keys().refresh(now).await?;
    let act = |what: &str| Act::new(now, "embedded", what, "api");
    let resource = Resource {
        name: "api".parse()?,
        audience: "api".to_owned(),
        scopes: "read".parse()?,
        algorithm: Algorithm::ES256,
        token_format: TokenFormat::Jwt,
        token_lifetime: None,
        introspectors: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    store.add_resource(&resource, &act("resource add")).await?;
    let (id, secret) = ("embedded".parse()?, OsRng.typed_value(ValueKind::ClientSecret));
    let hash = app.root().hash_client_secret(&id, secret.secret());
    let client = Client {
        client_id: id,
        name: "embedded".to_owned(),
        profile: Profile::Oauth21,
        authentication: Authentication::Confidential {
            methods: vec![AuthMethod::ClientSecretBasic],
            secrets: vec![StoredSecret { id: OsRng.id(), hash, created_at: now, expires_at: None }],
        },
        grant_types: vec![GrantType::CLIENT_CREDENTIALS],
        resources: vec!["api".parse()?],
        scopes: "read".parse()?,
        default_scope: None,
        token_lifetime: None,
        claims: serde_json::Map::new(),
        redirect_uris: Vec::new(),
        metadata: ClientMetadata::default(),
        enabled: true,
        imported_from: None,
        created_at: now,
        updated_at: now,
    };
    store.add_client(&client, &act("client add")).await?;
    app.registry().poll_once().await?;
    Ok(format!("{}:{}", client.client_id, secret.secret().reveal()))
}
