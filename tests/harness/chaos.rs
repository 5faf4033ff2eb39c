//! A TCP proxy that breaks links on command: what stands between a server and its database in fault tests.

use std::{net::SocketAddr, time::Duration};

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
    /// Bytes pass both ways, each read of them so much later.
    Slow(Duration),
    /// Requests pass, answers are swallowed: the outcome stays unknown to the client.
    AnswersLost,
}

/// What the link does, and to which connections.
#[derive(Clone, Debug)]
struct State {
    link: Link,
    /// Where new connections lead.
    upstream: String,
    /// Connections of an earlier generation are black holes for ever.
    generation: u64,
}

/// The proxy. It lives as long as the test's runtime.
pub(crate) struct Chaos {
    address: SocketAddr,
    state: watch::Sender<State>,
}

impl Chaos {
    /// Listens on a free port and forwards to `upstream` (`host:port`).
    pub(crate) async fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let upstream = upstream.to_owned();
        let (sender, state) = watch::channel(State { link: Link::Open, upstream, generation: 0 });
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if state.borrow().link != Link::Cut {
                    tokio::spawn(forward(client, state.clone()));
                }
            }
        });
        Self { address, state: sender }
    }

    /// Before the database of this URL: the proxy, and the URL that goes through it.
    pub(crate) async fn before_database(url: &str) -> (Self, String) {
        let (_, place) = url.split_once('@').expect("a URL with credentials");
        let chaos = Self::before(place.split('/').next().unwrap_or_default()).await;
        let through = chaos.through(url);
        (chaos, through)
    }

    /// This URL of the database, by way of the proxy.
    pub(crate) fn through(&self, url: &str) -> String {
        let (credentials, place) = url.split_once('@').expect("a URL with credentials");
        let (_, name) = place.split_once('/').expect("a URL with a database");
        format!("{credentials}@{}/{name}", self.address)
    }

    /// Changes what the link does from now on.
    pub(crate) fn set(&self, link: Link) {
        self.state.send_modify(|state| state.link = link);
    }

    /// Leads new connections elsewhere, as a moved address does. The open ones stay where they are.
    pub(crate) fn lead_to(&self, upstream: &str) {
        self.state.send_modify(|state| upstream.clone_into(&mut state.upstream));
    }

    /// The same where the old machine is gone without a word: no byte passes over the open connections any more.
    pub(crate) fn strand_and_lead_to(&self, upstream: &str) {
        self.state.send_modify(|state| {
            upstream.clone_into(&mut state.upstream);
            state.generation += 1;
        });
    }
}

async fn forward(client: TcpStream, state: watch::Receiver<State>) {
    let (upstream, generation) = {
        let now = state.borrow();
        (now.upstream.clone(), now.generation)
    };
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let asks = Passing { generation, answers: false };
    let answers = Passing { generation, answers: true };
    tokio::join!(
        pass(from_client, to_server, state.clone(), asks),
        pass(from_server, to_client, state, answers)
    );
}

/// One direction of one connection.
#[derive(Clone, Copy)]
struct Passing {
    generation: u64,
    answers: bool,
}

/// Moves bytes one way until an end closes or the link is cut.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    passing: Passing,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let (link, generation) = {
            let now = state.borrow_and_update();
            (now.link, now.generation)
        };
        if link == Link::Cut {
            return;
        }
        let stranded = passing.generation < generation;
        if stranded || link == Link::Silent || (link == Link::AnswersLost && passing.answers) {
            if state.changed().await.is_err() {
                return;
            }
            continue;
        }
        // A fault that is set before an answer is made keeps that answer back.
        let count = tokio::select! {
            biased;
            _ = state.changed() => continue,
            read = from.read(&mut buffer) => read.unwrap_or(0),
        };
        if let Link::Slow(delay) = link {
            // Whoever mends the link lets through what is under way.
            let mended = state.wait_for(|now| !matches!(now.link, Link::Slow(_)));
            let _ = tokio::time::timeout(delay, mended).await;
        }
        // The state may have changed while this read came in: what was sent before the fault is let through.
        if count == 0 || to.write_all(buffer.get(..count).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}
