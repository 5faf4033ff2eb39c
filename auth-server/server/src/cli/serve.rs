//! `serve`.

use std::path::PathBuf;

use clap::Args;
use trefoil_serve::shutdown::Shutdown;
use trefoil_serve::telemetry::{init_logging, set_format};

use super::CliError;
use crate::config::LoadedSettings;

/// `serve ..`
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Where the public listener binds; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Option<String>,
    /// Where the operators' listener binds, or `off` [default: 127.0.0.1:9080]
    #[arg(long, value_name = "IP:PORT|off")]
    pub(crate) admin_listen: Option<String>,
    /// The issuer identifier [default on loopback: the bound address]
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

impl ServeArgs {
    /// The flags as settings.
    pub(super) fn flags(&self) -> Vec<(&'static str, Option<String>)> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        vec![
            ("listen", self.listen.clone()),
            ("admin_listen", self.admin_listen.clone()),
            ("issuer", self.issuer.clone()),
            ("tls.cert", path(&self.tls_cert)),
            ("tls.key", path(&self.tls_key)),
        ]
    }
}

/// Runs the server until a signal ends it.
pub(super) async fn run(loaded: LoadedSettings) -> Result<(), CliError> {
    let heard = [loaded.warnings, loaded.notices].concat();
    let settings = loaded.settings;
    set_format(settings.log.format);
    init_logging(settings.log.format, &settings.log.level)
        .map_err(|error| CliError::new("configuration", error.to_string()))?;
    let shutdown = Shutdown::new(settings.shutdown.grace);
    shutdown.on_signals().map_err(|reason| CliError::new("signals cannot be watched", reason.to_string()))?;
    crate::serve::serve_with(settings, shutdown, heard)
        .await
        .map_err(|error| CliError::new("the server does not run", error.to_string()))
}
