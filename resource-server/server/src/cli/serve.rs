//! `serve`: puts the parts together and runs them until the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tracing::{info, warn};
use trefoil_serve::SystemClock;
use trefoil_serve::admin;
use trefoil_serve::listen::Server;
use trefoil_serve::shutdown::Shutdown;
use trefoil_serve::telemetry::{init_logging, metrics_handle, set_format};
use trefoil_serve::tls::ReloadingTls;
use trefoil_shared::jose::KeySet;

use super::Place;
use super::failure::Failure;
use super::flags::SettingFlags;
use super::revocations;
use super::state_dir::{check_state_dir, state_dir_or_warn};
use crate::server::{App, AppParts, PublicResource, service};
use crate::settings::Settings;
use trefoil_resource_layer::TokenVerifier;
use trefoil_resource_layer::keys::{
    DiskCopy, JwksClient, Refetch, RefetchAsks, Refresh, Timing, WatchTiming, read_key_file, watch_key_file,
};

/// How often the ages of key set and revocations are measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT.
pub(super) async fn run(place: &Place, flags: &SettingFlags) -> Result<(), Failure> {
    let (settings, warnings) = flags.settings(place)?;
    let shared = check_state_dir(&settings)?;
    // The recorder comes before every part that measures.
    set_format(settings.log.format);
    let metrics = metrics_handle()?;
    super::metrics::describe();
    let keys = Keys::of(&settings)?;
    let tls = ReloadingTls::from_settings(&settings.tls)?;
    let shutdown = Shutdown::new(settings.shutdown.grace());
    shutdown.on_signals()?;
    let public = Server::bind(&settings.listen).await.map_err(|error| error.of_setting("listen"))?;
    let public = public.with_peer_addresses().with_tls(tls.clone());
    let public = public.with_limits(settings.limits.limits(settings.shutdown.drain));
    let operators = match &settings.admin_listen {
        Some(address) => Some(Server::bind(address).await.map_err(|error| error.of_setting("admin_listen"))?),
        None => None,
    };
    // The line that programs wait for is the first on stderr, so logs begin after it.
    public.announce();
    init_logging(settings.log.format, &settings.log.level)?;
    for warning in warnings.into_iter().chain(shared) {
        warn!("{warning}");
    }
    if let Some(tls) = &tls {
        tls.watch(&shutdown)?;
    }
    let verifier = keys.verifier.clone();
    keys.start(&settings)?;
    revocations::start(&settings, &verifier);
    tokio::spawn(measure(verifier.clone()));
    let app = service(app(settings, verifier.clone())?);
    trefoil_serve::systemd::ready();
    let serving = public.serve(app, shutdown.clone());
    match operators {
        None => serving.await,
        Some(operators) => {
            info!(url = operators.url(), "operators' listener");
            let ready = move || std::future::ready(revocations::readiness(&verifier));
            let router = admin::router(shutdown.clone(), metrics, ready);
            tokio::join!(serving, operators.serve(router, shutdown));
        }
    }
    info!("stopped");
    Ok(())
}

fn app(settings: Settings, verifier: TokenVerifier) -> Result<App, Failure> {
    let scopes = settings.scopes();
    let resource = match &settings.public_url {
        Some(url) => Some(PublicResource::new(url, &settings.issuer, scopes)?),
        None => None,
    };
    Ok(App::new(AppParts { routes: settings.routes, verifier, resource }))
}

/// The verifier, and what keeps its keys fresh.
struct Keys {
    verifier: TokenVerifier,
    source: Source,
}

enum Source {
    File { path: PathBuf, keys: KeySet },
    Url { client: JwksClient, asks: RefetchAsks, pinned: Option<KeySet> },
}

impl Keys {
    /// Reads the key file, whose errors end the start. A URL is asked only once the server listens.
    fn of(settings: &Settings) -> Result<Self, Failure> {
        let (issuer, audience, clock) = (&settings.issuer, &settings.audience, Arc::new(SystemClock));
        let Some(client) = settings.keys.client() else {
            let path = settings.keys.file().map(Path::to_owned).unwrap_or_default();
            let source = Source::File { keys: read_key_file(&path)?, path };
            let verifier = TokenVerifier::without_keys(issuer, audience, clock)?;
            return Ok(Self {
                verifier: revocations::with_revocations(verifier, &settings.revocations)?,
                source,
            });
        };
        let pinned = settings.keys.file().map(read_key_file).transpose()?;
        let (refetch, asks) = Refetch::channel();
        let source = Source::Url { client: client.clone(), asks, pinned };
        let verifier = TokenVerifier::with_refetch(issuer, audience, clock, refetch)?;
        Ok(Self { verifier: revocations::with_revocations(verifier, &settings.revocations)?, source })
    }

    /// Puts the keys at hand into use and starts the task that keeps them fresh. SIGHUP asks it to look at once.
    fn start(self, settings: &Settings) -> Result<(), Failure> {
        let reload = Arc::new(Notify::new());
        let mut hangup = signal(SignalKind::hangup())?;
        let asked = Arc::clone(&reload);
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                asked.notify_one();
            }
        });
        match self.source {
            Source::File { path, keys } => {
                warn_of_ignored(&keys);
                self.verifier.replace_keys(keys);
                info!(path = %path.display(), kids = self.verifier.kids().join(" "), "public key loaded");
                tokio::spawn(watch_key_file(path, self.verifier, reload, WatchTiming::default()));
            }
            Source::Url { client, asks, pinned } => {
                let copy = state_dir_or_warn(settings)
                    .map(|dir| DiskCopy::new(&dir, client.url(), &settings.audience));
                let mut refresh = Refresh::new(client, copy, self.verifier, Timing::default());
                match pinned {
                    None => drop(refresh.use_copy()),
                    Some(keys) => {
                        warn_of_ignored(&keys);
                        refresh.use_copy_or(keys);
                    }
                }
                tokio::spawn(refresh.run(asks, reload));
            }
        }
        Ok(())
    }
}

fn warn_of_ignored(keys: &KeySet) {
    for ignored in keys.ignored() {
        let (position, reason) = (ignored.position, &ignored.reason);
        warn!(position, %reason, "a key of the file is ignored");
    }
}

async fn measure(verifier: TokenVerifier) {
    loop {
        revocations::measure(&verifier);
        if let Some(age) = verifier.keys_age() {
            gauge!("resource_server_key_set_age_seconds")
                .set(f64::from(i32::try_from(age).unwrap_or(i32::MAX)));
        }
        gauge!("resource_server_keys")
            .set(f64::from(u32::try_from(verifier.kids().len()).unwrap_or(u32::MAX)));
        tokio::time::sleep(MEASURE_EVERY).await;
    }
}
