//! A connection's stream: watched while it works, and closed without losing the last answer.
//!
//! A socket that is closed with unread input answers with a reset, and the reset can overtake a refusal (413, 431)
//! that the client has not read yet. So after a refusal the stream is shut down for writing and read to its end,
//! within bounds.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use super::activity::Activity;
use super::connection::Protocol;
use super::framing::Framing;

const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
const LONGEST: Duration = Duration::from_secs(2);
const MOST: usize = 1024 * 1024;

/// A connection's stream; it holds the connection's place among the allowed ones until it is really closed.
pub(super) struct Stream<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> {
    parts: Option<(T, OwnedSemaphorePermit)>,
    activity: Arc<Activity>,
    /// Follows HTTP/1.1 requests; HTTP/2 has frames of its own.
    framing: Option<Framing>,
    refused: bool,
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream<T> {
    /// Wraps the stream of a connection that speaks `protocol`.
    pub(super) fn new(
        (inner, permit): (T, OwnedSemaphorePermit),
        protocol: Protocol,
        activity: Arc<Activity>,
    ) -> Self {
        let framing = (protocol == Protocol::Http1).then(Framing::default);
        Self { parts: Some((inner, permit)), activity, framing, refused: false }
    }

    fn follow(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(framing) = &mut self.framing else { return Ok(()) };
        framing.feed(bytes).map_err(|ambiguous| {
            self.refused = true;
            self.activity.linger();
            io::Error::new(io::ErrorKind::InvalidData, ambiguous)
        })
    }

    fn inner(self: Pin<&mut Self>) -> io::Result<Pin<&mut T>> {
        match &mut self.get_mut().parts {
            Some((inner, _)) => Ok(Pin::new(inner)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Drop for Stream<T> {
    fn drop(&mut self) {
        let Some((inner, permit)) = self.parts.take() else { return };
        if !self.activity.lingers() {
            return;
        }
        // An answer to an earlier request may be half written: only a connection without one is told.
        let last_words = if self.refused && !self.activity.is_answering() { BAD_REQUEST } else { b"" };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // However it ends, the stream is closed after it.
                let _ = tokio::time::timeout(LONGEST, read_out(inner, last_words)).await;
                drop(permit);
            });
        }
    }
}

async fn read_out<T: AsyncRead + AsyncWrite + Unpin>(mut inner: T, last_words: &[u8]) -> io::Result<()> {
    inner.write_all(last_words).await?;
    inner.shutdown().await?;
    let mut scratch = [0; 4096];
    let mut seen = 0;
    while seen < MOST {
        match inner.read(&mut scratch).await? {
            0 => break,
            read => seen += read,
        }
    }
    Ok(())
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> AsyncRead for Stream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.as_mut().inner()?.poll_read(cx, buf))?;
        let fresh = buf.filled().get(before..).unwrap_or_default();
        Poll::Ready(self.follow(fresh))
    }
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> AsyncWrite for Stream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = self.as_mut().inner()?.poll_write(cx, buf);
        self.activity.wrote(polled.is_pending());
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = self.as_mut().inner()?.poll_flush(cx);
        self.activity.set_blocked(polled.is_pending());
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.refused {
            // The last words are still to be written.
            return Poll::Ready(Ok(()));
        }
        self.inner()?.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = self.as_mut().inner()?.poll_write_vectored(cx, bufs);
        self.activity.wrote(polled.is_pending());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.parts.as_ref().is_some_and(|(inner, _)| inner.is_write_vectored())
    }
}
