//! The load: requests that were put together beforehand, over many connections, from one thread.
//!
//! It writes ready bytes and reads answers by their Content-Length, so that it costs less than the fastest server.

mod connection;
mod requests;
mod times;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use futures_util::future::join_all;
use tokio_rustls::TlsConnector;

pub(crate) use requests::{Requests, get, post_token};
pub(crate) use times::Times;

/// What to send, and where.
#[derive(Clone)]
pub(crate) struct Load {
    /// The server.
    pub(crate) address: SocketAddr,
    /// The requests.
    pub(crate) requests: Arc<Requests>,
    /// How many connections are busy at a time.
    pub(crate) connections: usize,
    /// TLS, where the server wants it.
    pub(crate) tls: Option<TlsConnector>,
    /// Whether a connection serves more than one request.
    pub(crate) keep_alive: bool,
    /// The status that every answer must have.
    pub(crate) status: u16,
}

/// How a load went.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// One entry an answer.
    pub(crate) times: Times,
}

impl Load {
    /// Sends until `seconds` have passed, or until no request is left.
    pub(crate) async fn run(&self, seconds: f64) -> anyhow::Result<Outcome> {
        let began = Instant::now();
        let until = began + Duration::from_secs_f64(seconds);
        let done = join_all((0..self.connections).map(|_| connection::drive(self, until))).await;
        let elapsed = began.elapsed();
        let mut times = Times::default();
        for one in done {
            times.add(one?);
        }
        if times.is_empty() {
            bail!("no answer from {}", self.address);
        }
        Ok(Outcome { elapsed, times })
    }

    /// Sends so many requests over one connection, or fewer where no more are left.
    pub(crate) async fn some(&self, count: usize) -> anyhow::Result<()> {
        connection::some(self, count).await
    }

    /// Sends one request and gives the answer's bytes.
    pub(crate) async fn once(&self) -> anyhow::Result<Vec<u8>> {
        connection::once(self).await
    }
}
