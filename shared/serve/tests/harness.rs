//! A server on a free port, and raw clients for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use axum::{Extension, Router};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;
use trefoil_serve::listen::{Limits, Server};
use trefoil_serve::shutdown::Shutdown;
use trefoil_serve::tls::ReloadingTls;
use trefoil_shared::PeerAddr;

/// The length of the answer of `/big`, more than all buffers take.
pub(crate) const BIG: usize = 64 << 20;

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Limits with short times, so that a test of a deadline is short.
pub(crate) fn short() -> Limits {
    let stalled = Duration::from_secs(1);
    Limits {
        idle_timeout: stalled,
        body_timeout: stalled,
        handshake_timeout: stalled,
        write_timeout: stalled,
        ..Limits::default()
    }
}

/// A server under test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    /// Lets the handlers of `/wait` go on.
    pub(crate) release: Arc<Notify>,
    /// Told by each handler of `/wait` that begins.
    pub(crate) waiting: Arc<Notify>,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) async fn start(limits: Limits, tls: Option<ReloadingTls>) -> Running {
    start_with(Shutdown::new(Duration::ZERO), limits, tls).await
}

pub(crate) async fn start_with(shutdown: Shutdown, limits: Limits, tls: Option<ReloadingTls>) -> Running {
    let (release, waiting) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let server = server.with_limits(limits).with_tls(tls).with_peer_addresses();
    let address = server.local_addr();
    let router = router(Arc::clone(&release), Arc::clone(&waiting));
    let task = tokio::spawn(server.serve(router, shutdown.clone()));
    Running { address, shutdown, release, waiting, task }
}

pub(crate) fn router(release: Arc<Notify>, waiting: Arc<Notify>) -> Router {
    let wait = async move || {
        waiting.notify_one();
        release.notified().await;
        "waited"
    };
    Router::new()
        .route("/", get(async || "hello"))
        .route("/peer", get(async |Extension(peer): Extension<PeerAddr>| peer.0.to_string()))
        .route("/length", post(async |body: Bytes| body.len().to_string()))
        .route("/panic", get(async || -> &'static str { panic!("of the test") }))
        .route("/unread", post(async || "unread"))
        .route("/wait", get(wait))
        .route("/big", get(async || Body::from(vec![b'x'; BIG])))
}

impl Running {
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Asks for `/` on a connection of its own, as a well-behaved client.
    pub(crate) async fn is_serving(&self) {
        let answer = self.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"), "{answer}");
    }

    /// Sends bytes on a connection of its own, and returns all that comes back.
    pub(crate) async fn send(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may close while this is still being sent; what it answered counts.
        let _ = stream.write_all(bytes).await;
        let (answer, end) = until_closed(&mut stream).await;
        assert!(end.is_ok(), "reset after {answer:?}");
        answer
    }
}

/// Reads until the other side closes (or resets, which is then the error).
pub(crate) async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> (String, std::io::Result<()>) {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let end = read.expect("the server must close this connection").map(|_| ());
    (String::from_utf8_lossy(&bytes).into_owned(), end)
}

/// Sends a request on an open connection, and reads the answer's head and its body as `Content-Length` says.
pub(crate) async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
    answer(stream).await
}

pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    let reading = async {
        while !text.ends_with("\r\n\r\n") {
            text.push(char::from(stream.read_u8().await.unwrap()));
        }
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap_or("0").parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
        text.push_str(&String::from_utf8(body).unwrap());
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    text
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A certificate and its key on disk.
pub(crate) struct Certificate {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificate {
    pub(crate) fn in_dir(dir: &Path) -> Self {
        let this = Self { cert: dir.join("cert.pem"), key: dir.join("key.pem") };
        this.renew();
        this
    }

    /// Writes a fresh certificate over the files.
    pub(crate) fn renew(&self) {
        let fresh = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&self.cert, fresh.cert.pem()).unwrap();
        write_private(&self.key, &fresh.signing_key.serialize_pem());
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(&self.cert).unwrap()
    }

    pub(crate) fn open(&self) -> ReloadingTls {
        ReloadingTls::open(&self.cert, &self.key).unwrap()
    }
}

pub(crate) fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Connects by TLS, trusting `cert` alone.
pub(crate) async fn connect_tls(
    address: SocketAddr,
    cert: CertificateDer<'static>,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    trefoil_serve::install_crypto_provider();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(cert).unwrap();
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}
