//! Bodies with limits: what is read has a size and a deadline, what is written is watched for progress.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::activity::OpenRequest;

/// The client took too long to send its body. Found in the error of a request's body; answered 408.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request's body did not arrive in time")]
pub struct BodyTimeout;

/// How reading a request's body went, known to the handler's caller too: an overrun is answered 413 and a time-out
/// 408, whatever the handler made of the error.
#[derive(Clone, Debug, Default)]
pub(super) struct Fate(Arc<AtomicU8>);

const TOO_LARGE: u8 = 1;
const TOO_SLOW: u8 = 2;

impl Fate {
    /// The status that the request is refused with, if it is.
    pub(super) fn refusal(&self) -> Option<StatusCode> {
        match self.0.load(Ordering::Relaxed) {
            TOO_LARGE => Some(StatusCode::PAYLOAD_TOO_LARGE),
            TOO_SLOW => Some(StatusCode::REQUEST_TIMEOUT),
            _ => None,
        }
    }

    fn note(&self, fate: u8) {
        self.0.store(fate, Ordering::Relaxed);
    }
}

/// A request's body, capped in size and time. The timer is set only when the body is waited for: one that came in
/// one piece with its head costs none.
pub(super) struct RequestBody {
    inner: Limited<Incoming>,
    timeout: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    fate: Fate,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, (limit, timeout): (usize, Duration), fate: Fate) -> Self {
        Self { inner: Limited::new(inner, limit), timeout, timer: None, fate }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            if let Some(Err(error)) = &frame
                && error.is::<LengthLimitError>()
            {
                this.fate.note(TOO_LARGE);
            }
            return Poll::Ready(frame);
        }
        let timeout = this.timeout;
        let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(timer.as_mut().poll(cx));
        this.fate.note(TOO_SLOW);
        Poll::Ready(Some(Err(BodyTimeout.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer's body, which keeps its request open until it is handed over.
pub(super) struct AnswerBody {
    inner: Body,
    request: OpenRequest,
}

impl AnswerBody {
    pub(super) fn new(inner: Body, mut request: OpenRequest) -> Self {
        request.set_working(false);
        Self { inner, request }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        self.request.set_working(polled.is_pending());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
