//! A machine asks for a token and reads a protected resource.
//!
//! `TREFOIL_ISSUER`, `TREFOIL_CLIENT_ID`, `TREFOIL_CLIENT_SECRET` (or `TREFOIL_CLIENT_SECRET_FILE`),
//! `TREFOIL_RESOURCE` and `TREFOIL_API` (the URL to read) say where; `TREFOIL_ALLOW_PLAIN_HTTP` lists hosts of a lab
//! network, `TREFOIL_TOKEN_CACHE` names a directory that keeps the token. Each may be an argument: `--issuer URL`.

mod settings;

use std::error::Error;
use std::process::ExitCode;

use settings::{Settings, explain};
use trefoil_client::http::ApiClient;
use trefoil_client::{Client, ClientAuth, FileStore};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            explain(&*error);
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read()?;
    let issuer = settings.need("issuer")?;
    let mut builder = Client::builder(settings.need("client-id")?);
    for host in settings.plain_hosts() {
        builder = builder.allow_plain_http(host);
    }
    println!("1. reading the metadata of {issuer}");
    let builder = builder.discover(issuer).await?;
    let client = builder.auth(ClientAuth::SecretBasic(settings.secret()?)).build()?;

    let mut request = client.client_credentials();
    if let Some(resource) = settings.find("resource") {
        request = request.resource(resource);
    }
    let mut session = request.cached();
    if let Some(dir) = settings.find("token-cache") {
        session = session.store(FileStore::new(dir)?);
    }
    println!("2. asking for a token as {}", client.client_id());
    let token = session.token().await?;
    let end = token.expires_at().map_or("unknown".to_owned(), |end| end.to_string());
    println!(
        "   {} token, scope {}, ends at {end}",
        token.token_type(),
        token.scope().unwrap_or("(default)")
    );

    let url = settings.need("api")?;
    let mut api = ApiClient::new(url)?.with(session);
    for host in settings.plain_hosts() {
        api = api.allow_plain_http(host)?;
    }
    println!("3. reading {url}");
    let resource: serde_json::Value = api.get("").send().await?.json().await?;
    println!("{resource:#}");
    Ok(())
}
