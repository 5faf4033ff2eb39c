//! The two functions of steelcut's client. `TREFOIL_TOKEN_URL` is the token endpoint; without it, it is
//! `TREFOIL_ISSUER` with `/token`. `TREFOIL_TOKEN_CACHE` names a directory for `token.json`.

mod settings;

use std::error::Error;
use std::process::ExitCode;

use settings::{Settings, explain};
use trefoil_client::legacy::Legacy;

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
    let mut legacy = Legacy::new();
    for host in settings.plain_hosts() {
        legacy = legacy.allow_plain_http(host);
    }
    if let Some(dir) = settings.find("token-cache") {
        legacy = legacy.cache_in(dir)?;
    }
    let token_url = match settings.find("token-url") {
        Some(url) => url.to_owned(),
        None => format!("{}/token", settings.need("issuer")?.trim_end_matches('/')),
    };
    println!("1. asking {token_url} for a token");
    let (id, secret, resource) =
        (settings.need("client-id")?, settings.secret()?, settings.need("resource")?);
    let token = legacy.request_token("client_credentials", id, secret.reveal(), resource, &token_url)?;

    let url = settings.need("api")?;
    println!("2. reading {url}");
    println!("{:#}", legacy.request_resource(url, &token)?);
    Ok(())
}
