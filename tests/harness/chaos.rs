//! A TCP proxy that breaks links on command: what stands between a server and its database in fault tests.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What the link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Bytes pass both ways.
    Open,
    /// Every connection is cut, new ones are closed at once.
    Cut,
    /// Connections stay, no byte passes: a black hole.
    Silent,
    /// Requests pass, answers are swallowed: the outcome stays unknown to the client.
    AnswersLost,
}

/// The proxy. It lives as long as the test's runtime.
pub(crate) struct Chaos {
    address: SocketAddr,
    link: watch::Sender<Link>,
}

impl Chaos {
    /// Listens on a free port and forwards to `upstream` (`host:port`).
    pub(crate) async fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (link, state) = watch::channel(Link::Open);
        let upstream = upstream.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *state.borrow() != Link::Cut {
                    tokio::spawn(forward(client, upstream.clone(), state.clone()));
                }
            }
        });
        Self { address, link }
    }

    /// Before the database of this URL: the proxy, and the URL that goes through it.
    pub(crate) async fn before_database(url: &str) -> (Self, String) {
        let (credentials, place) = url.split_once('@').expect("a URL with credentials");
        let (host, name) = place.split_once('/').expect("a URL with a database");
        let chaos = Self::before(host).await;
        let through = format!("{credentials}@{}/{name}", chaos.address);
        (chaos, through)
    }

    /// Changes what the link does from now on.
    pub(crate) fn set(&self, link: Link) {
        self.link.send_replace(link);
    }
}

async fn forward(client: TcpStream, upstream: String, state: watch::Receiver<Link>) {
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pass(from_client, to_server, state.clone(), false),
        pass(from_server, to_client, state, true)
    );
}

/// Moves bytes one way until an end closes or the link is cut.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<Link>,
    answers: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let link = *state.borrow_and_update();
        if link == Link::Cut {
            return;
        }
        if link == Link::Silent || (link == Link::AnswersLost && answers) {
            if state.changed().await.is_err() {
                return;
            }
            continue;
        }
        let count = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            _ = state.changed() => continue,
        };
        // The state may have changed while this read came in: what was sent before the fault is let through.
        if count == 0 || to.write_all(buffer.get(..count).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}
