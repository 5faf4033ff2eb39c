//! Settings as flags, and reading all settings.

use std::path::{Path, PathBuf};

use clap::Args;
use trefoil_serve::config::{ConfigError, Flags, Layers, Loaded, load};

use super::Place;
use super::failure::Failure;
use crate::settings::{RawRoute, RawSettings, Settings};

/// Settings that the command line may give; each stands above the environment and the file.
#[derive(Debug, Default, Args)]
pub(super) struct SettingFlags {
    /// The public listener's address [default: 127.0.0.1:8081]
    #[arg(long, value_name = "A:P")]
    listen: Option<String>,
    /// The operators' listener's address, or `off` [default: 127.0.0.1:9081]
    #[arg(long, value_name = "A:P|off")]
    admin_listen: Option<String>,
    /// The issuer whose tokens are taken
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// What tokens must be meant for
    #[arg(long, value_name = "A")]
    audience: Option<String>,
    /// The issuer's public key: a PEM, JWK or JWKS file; with --jwks-url, to start from until a set was fetched
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Where the issuer's key set is fetched
    #[arg(long, value_name = "URL")]
    jwks_url: Option<String>,
    /// Where revocation lists are asked for [default: ISSUER/revocations]
    #[arg(long, value_name = "URL")]
    revocations_url: Option<String>,
    /// What challenges and metadata call this resource
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Where the last good key set and the revocations are kept
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// A route: a path and the file or folder behind it; repeatable
    #[arg(long, value_name = "PATH=FILE|URL", value_parser = parse_route)]
    route: Vec<RawRoute>,
    /// The TLS certificate chain, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The TLS private key, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

fn parse_route(text: &str) -> Result<RawRoute, String> {
    let Some((path, target)) = text.split_once('=').filter(|(_, target)| !target.is_empty()) else {
        return Err("a route is PATH=FILE, such as /api_v0.0.1=protected_resource.json".to_owned());
    };
    let mut route = RawRoute { path: path.to_owned(), ..RawRoute::default() };
    if target.starts_with("http://") || target.starts_with("https://") {
        route.upstream = Some(target.to_owned());
    } else if Path::new(target).is_dir() {
        route.dir = Some(target.into());
    } else {
        route.file = Some(target.into());
    }
    Ok(route)
}

impl SettingFlags {
    fn layer(&self) -> Result<Flags, ConfigError> {
        let mut flags = Flags::default();
        flags.set("listen", self.listen.as_ref())?;
        flags.set("admin_listen", self.admin_listen.as_ref())?;
        flags.set("issuer", self.issuer.as_ref())?;
        flags.set("audience", self.audience.as_ref())?;
        flags.set("public_key", self.public_key.as_ref())?;
        flags.set("jwks_url", self.jwks_url.as_ref())?;
        flags.set("revocations_url", self.revocations_url.as_ref())?;
        flags.set("public_url", self.public_url.as_ref())?;
        flags.set("state_dir", self.state_dir.as_ref())?;
        flags.set("route", Some(&self.route).filter(|routes| !routes.is_empty()))?;
        flags.set("tls.cert", self.tls_cert.as_ref())?;
        flags.set("tls.key", self.tls_key.as_ref())?;
        Ok(flags)
    }

    /// Reads defaults, file, environment and these flags.
    pub(super) fn load(&self, place: &Place) -> Result<Loaded<RawSettings>, Failure> {
        let layers = Layers {
            prefix: "RESOURCE_SERVER_".to_owned(),
            file: place.config.clone(),
            default_file: Some("/etc/trefoil/resource-server.toml".into()),
            env: place.env.clone(),
            flags: self.layer()?,
        };
        Ok(load(layers)?)
    }

    /// Reads and checks all settings. The second part are warnings.
    pub(super) fn settings(&self, place: &Place) -> Result<(Settings, Vec<String>), Failure> {
        let loaded = self.load(place)?;
        Ok((Settings::check(loaded.value, &place.env)?, [loaded.warnings, loaded.notices].concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_flag_is_a_path_and_a_file_a_folder_or_a_url() {
        assert_eq!(parse_route("/a=b=c.json").unwrap().file, Some("b=c.json".into()));
        assert_eq!(parse_route("/a=/tmp").unwrap().dir, Some("/tmp".into()));
        assert_eq!(
            parse_route("/a=http://127.0.0.1:1").unwrap().upstream,
            Some("http://127.0.0.1:1".to_owned())
        );
        assert!(parse_route("/a").is_err() && parse_route("/a=").is_err());
    }
}
