//! The two listeners: the public one and the operators'.

use tower::Layer;
use trefoil_serve::admin;
use trefoil_serve::listen::{Limits, Server};
use trefoil_serve::request_id::RequestIdLayer;
use trefoil_serve::shutdown::Shutdown;
use trefoil_serve::telemetry::{HttpMetricsLayer, MetricsHandle};
use trefoil_serve::tls::ReloadingTls;

use super::ServeError;
use crate::app::App;
use crate::config::{LimitSettings, Settings};
use crate::protocol::Issuer;

/// Both listeners, bound.
pub(super) struct Sockets {
    public: Server,
    tls: Option<ReloadingTls>,
    admin: Option<Server>,
}

impl Sockets {
    pub(super) async fn bind(settings: &Settings) -> Result<Self, ServeError> {
        let tls =
            settings.tls.as_ref().map(|files| ReloadingTls::open(&files.cert, &files.key)).transpose()?;
        let public = Server::bind(&settings.listen.to_string())
            .await
            .map_err(|error| error.of_setting("listen"))?
            .with_peer_addresses()
            .with_tls(tls.clone())
            .with_limits(limits(&settings.limits, settings.shutdown.drain));
        let admin = match settings.admin_listen {
            Some(address) => {
                let bound = Server::bind(&address.to_string()).await;
                Some(bound.map_err(|error| error.of_setting("admin_listen"))?)
            }
            None => None,
        };
        Ok(Self { public, tls, admin })
    }

    /// The configured issuer; on loopback the bound address by default.
    pub(super) fn issuer(&self, settings: &Settings) -> Result<Issuer, ServeError> {
        let text = settings.issuer_on(self.public.local_addr()).ok_or(ServeError::IssuerMissing)?;
        Ok(text.parse()?)
    }

    pub(super) fn url(&self) -> String {
        self.public.url()
    }

    pub(super) fn admin_url(&self) -> Option<String> {
        self.admin.as_ref().map(Server::url)
    }

    /// Writes `listening on URL` to stderr, then where the operators find theirs.
    pub(super) fn announce(&self) {
        self.public.announce();
        if let Some(admin) = &self.admin {
            tracing::info!(url = admin.url(), "operators' listener: /live, /ready, /metrics");
        }
    }

    /// Serves both until the end.
    pub(super) async fn serve(self, app: &App, metrics: MetricsHandle, shutdown: &Shutdown) {
        if let Some(Err(error)) = self.tls.as_ref().map(|tls| tls.watch(shutdown)) {
            tracing::error!(%error, "the certificate is not watched: a restart takes up a new one");
        }
        // Around the finished router: its own `layer` would box a service and a future for each request.
        let counted = HttpMetricsLayer::new(&app.endpoints()).layer(app.router());
        let public = self.public.serve(RequestIdLayer.layer(counted), shutdown.clone());
        let Some(admin) = self.admin else { return public.await };
        let ready = app.clone();
        let router = admin::router(shutdown.clone(), metrics, move || std::future::ready(ready.not_ready()));
        tokio::join!(public, admin.serve(router, shutdown.clone()));
    }
}

fn limits(settings: &LimitSettings, drain: std::time::Duration) -> Limits {
    Limits {
        idle_timeout: settings.header_timeout,
        body_timeout: settings.body_timeout,
        handshake_timeout: settings.handshake_timeout,
        drain_timeout: drain,
        max_connections: settings.connections,
        max_header_bytes: u32::try_from(settings.header).unwrap_or(u32::MAX),
        max_body_bytes: settings.body,
        ..Limits::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn w27_every_limit_is_the_one_that_was_set() {
        for seconds in [1, 9, 10, 11, 3_600] {
            let span = Duration::from_secs(seconds);
            let settings = LimitSettings {
                handshake_timeout: span,
                header_timeout: span * 2,
                body_timeout: span * 3,
                ..LimitSettings::default()
            };
            let limits = limits(&settings, span * 4);
            let set =
                (limits.handshake_timeout, limits.idle_timeout, limits.body_timeout, limits.drain_timeout);
            assert_eq!(set, (span, span * 2, span * 3, span * 4));
        }
    }

    #[test]
    fn w27_the_default_is_shown_as_it_holds() {
        let (shown, holds) = (LimitSettings::default(), Limits::default());
        assert_eq!(limits(&shown, holds.drain_timeout), holds);
    }
}
