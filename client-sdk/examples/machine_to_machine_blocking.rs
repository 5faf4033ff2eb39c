//! `machine_to_machine` without async: no runtime in sight.

mod settings;

use std::error::Error;
use std::process::ExitCode;

use settings::{Settings, explain};
use trefoil_client::{ClientAuth, FileStore, blocking};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            explain(&*error);
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read()?;
    let issuer = settings.need("issuer")?;
    let mut builder = blocking::Client::builder(settings.need("client-id")?);
    for host in settings.plain_hosts() {
        builder = builder.allow_plain_http(host);
    }
    println!("1. reading the metadata of {issuer}");
    let builder = blocking::discover(builder, issuer)?;
    let client = builder.auth(ClientAuth::SecretBasic(settings.secret()?)).build_blocking()?;

    let mut request = client.client_credentials();
    if let Some(resource) = settings.find("resource") {
        request = request.resource(resource);
    }
    let mut session = request.cached();
    if let Some(dir) = settings.find("token-cache") {
        session = session.store(FileStore::new(dir)?);
    }
    println!("2. asking for a token");
    let token = session.token()?;
    println!("   {} token, scope {}", token.token_type(), token.scope().unwrap_or("(default)"));

    let url = settings.need("api")?;
    let mut api = blocking::ApiClient::new(url)?.with(session);
    for host in settings.plain_hosts() {
        api = api.allow_plain_http(host)?;
    }
    println!("3. reading {url}");
    let resource: serde_json::Value = api.get("").send()?.json()?;
    println!("{resource:#}");
    Ok(())
}
