//! A listening socket and its accept loop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

use super::connection::{self, Application, Host, Protocol};
use super::connections::{Connections, Entered};
use super::descriptors;
use super::limits::Limits;
use super::linger::Stream;
use crate::peer::PeerAddr;
use crate::shutdown::Shutdown;
use crate::tls::ReloadingTls;

/// After an error that will not go away by itself at once (no file descriptors left), accepting pauses this long.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{}cannot listen on {address}: {}; {}", named(*setting), words(reason), self.mend())]
pub struct BindError {
    setting: Option<&'static str>,
    address: String,
    reason: io::Error,
}

impl BindError {
    /// The same, with the setting that holds the address.
    #[must_use]
    pub fn of_setting(self, setting: &'static str) -> Self {
        Self { setting: Some(setting), ..self }
    }

    /// What to do about it.
    fn mend(&self) -> String {
        let change = match self.setting {
            Some(setting) => {
                format!("choose another address with `{setting}` (--{})", setting.replace('_', "-"))
            }
            None => "choose another address".to_owned(),
        };
        let is = |kind| self.reason.kind() == kind;
        if is(io::ErrorKind::AddrInUse) {
            format!("stop the program that listens there, or {change}")
        } else if is(io::ErrorKind::PermissionDenied) {
            format!(
                "give it the right to (CAP_NET_BIND_SERVICE), or {change}: a port from 1024 on needs none"
            )
        } else if is(io::ErrorKind::AddrNotAvailable) {
            format!("this machine has no such address: {change}")
        } else {
            change
        }
    }
}

fn named(setting: Option<&'static str>) -> String {
    setting.map(|setting| format!("{setting}: ")).unwrap_or_default()
}

fn words(reason: &io::Error) -> String {
    let taken = reason.kind() == io::ErrorKind::AddrInUse;
    if taken { "the port is taken".to_owned() } else { reason.to_string() }
}

/// A bound socket that is ready to serve.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<ReloadingTls>,
    limits: Limits,
    tells_peers: bool,
}

impl Server {
    /// Binds `address` (`127.0.0.1:8080`, `[::1]:0`, `localhost:8080`); port 0 takes a free one. Connections queue
    /// up from here on, and are served by [`Self::serve`]. Needs a tokio runtime.
    pub async fn bind(address: &str) -> Result<Self, BindError> {
        let bind_error = |reason| BindError { setting: None, address: address.to_owned(), reason };
        let listener = TcpListener::bind(address).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        Ok(Self { listener, address, tls: None, limits: Limits::default(), tells_peers: false })
    }

    /// Serves TLS with this certificate; `None` is cleartext.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<ReloadingTls>) -> Self {
        self.tls = tls;
        self
    }

    /// Serves with other limits than the default ones.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Puts a [`PeerAddr`] into each request's extensions, for an application that asks for it.
    #[must_use]
    pub fn with_peer_addresses(mut self) -> Self {
        self.tells_peers = true;
        self
    }

    /// The address that is really bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where clients find this server: `http://127.0.0.1:41231`, `https://` with TLS.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Writes `listening on URL` to stderr: the line that programs wait for. It is JSON where the log is.
    pub fn announce(&self) {
        crate::telemetry::announce(&self.url());
    }

    /// Accepts and serves until `shutdown` drains; then finishes what is open within the drain time-out, and
    /// returns.
    pub async fn serve<S>(self, application: S, shutdown: Shutdown)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
    {
        let _batching = crate::telemetry::sink::batch();
        let connections = Connections::new();
        let limits = self.limits;
        let watched = connections.clone();
        let watch = async move { watched.watch(&limits).await };
        let _watch = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(watch));
        let places = Arc::new(Semaphore::new(descriptors::places(limits.max_connections)));
        let acceptor = Acceptor {
            connections: connections.clone(),
            tls: self.tls,
            limits,
            tells_peers: self.tells_peers,
            application,
        };
        let accepting = accept_all(&self.listener, &places, &acceptor);
        tokio::select! {
            () = accepting => {}
            () = shutdown.draining() => {}
        }
        accept_waiting(self.listener, &places, &acceptor);
        connections.drain(&limits).await;
    }
}

async fn accept_all<S: Application>(listener: &TcpListener, places: &Arc<Semaphore>, acceptor: &Acceptor<S>) {
    loop {
        let Ok(place) = Arc::clone(places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => acceptor.spawn(stream, peer, place),
            Err(error) => rest_after(&error).await,
        }
    }
}

/// Takes what the kernel has accepted already, so that a client that was let in is not reset at the end, and closes
/// the door. The socket itself is asked until it has no more: tokio may say that nothing waits because its readiness
/// is not up to date, or because this task has done enough for one turn.
fn accept_waiting<S: Application>(listener: TcpListener, places: &Arc<Semaphore>, acceptor: &Acceptor<S>) {
    // tokio's sockets do not block, and what it gives back stays so.
    let Ok(listener) = listener.into_std() else { return };
    while let Ok(place) = Arc::clone(places).try_acquire_owned() {
        let accepted = listener.accept().and_then(|(stream, peer)| {
            stream.set_nonblocking(true)?;
            Ok((TcpStream::from_std(stream)?, peer))
        });
        match accepted {
            Ok((stream, peer)) => acceptor.spawn(stream, peer, place),
            Err(error) if is_of_one_client(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => return tracing::warn!(%error, "clients that still wait are not let in"),
        }
    }
}

async fn rest_after(error: &io::Error) {
    if !is_of_one_client(error) {
        tracing::error!(%error, "cannot accept connections just now");
        tokio::time::sleep(BACK_OFF).await;
    }
}

fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// What each accepted connection is given.
struct Acceptor<S> {
    connections: Connections,
    tls: Option<ReloadingTls>,
    limits: Limits,
    tells_peers: bool,
    application: S,
}

impl<S: Application> Acceptor<S> {
    fn spawn(&self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        // Without it small answers wait for the client's acknowledgements. A socket that is gone already says so
        // at its first read.
        let _ = stream.set_nodelay(true);
        let entered = self.connections.enter();
        let host = Host {
            application: self.application.clone(),
            limits: self.limits,
            peer: self.tells_peers.then_some(PeerAddr(peer)),
            activity: Arc::clone(&entered.activity),
        };
        match &self.tls {
            None => {
                let stream = Stream::new((stream, place), Protocol::Http1, Arc::clone(&entered.activity));
                tokio::spawn(until_closed(entered, connection::serve(stream, Protocol::Http1, host)));
            }
            Some(tls) => {
                let tls = tokio_rustls::TlsAcceptor::from(tls.current());
                tokio::spawn(until_closed(entered, secured(stream, tls, (host, place))));
            }
        }
    }
}

async fn until_closed(entered: Entered, serving: impl Future<Output = ()>) {
    serving.await;
    drop(entered);
}

async fn secured<S: Application>(
    stream: TcpStream,
    tls: tokio_rustls::TlsAcceptor,
    (host, place): (Host<S>, OwnedSemaphorePermit),
) {
    let stream = match tokio::time::timeout(host.limits.handshake_timeout, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => return tracing::debug!("TLS handshake took too long"),
    };
    host.activity.progress();
    let protocol = match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    let stream = Stream::new((stream, place), protocol, Arc::clone(&host.activity));
    connection::serve(stream, protocol, host).await;
}
