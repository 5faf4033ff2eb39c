//! Looking at the beginning of a request's body without taking anything from it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

/// Reads the body until it has shown more than `most` bytes, has ended, or has failed. Returns these bytes, and a body
/// that is the same as the one given: its data, its trailers, its failure.
pub(crate) async fn peek(mut body: Body, most: usize) -> (Vec<u8>, Body) {
    let (mut seen, mut read) = (Vec::new(), VecDeque::new());
    while seen.len() <= most {
        let Some(frame) = body.frame().await else { break };
        // Frames without data would be kept without end: HTTP/2 lets a client send any number.
        if frame.as_ref().ok().and_then(Frame::data_ref).is_some_and(Bytes::is_empty) {
            continue;
        }
        let is_last = !matches!(&frame, Ok(frame) if frame.is_data());
        if let Some(data) = frame.as_ref().ok().and_then(Frame::data_ref) {
            seen.extend_from_slice(data);
        }
        read.push_back(frame);
        if is_last {
            break;
        }
    }
    (seen, Body::new(Peeked { read, rest: body }))
}

struct Peeked {
    read: VecDeque<Result<Frame<Bytes>, axum::Error>>,
    rest: Body,
}

impl HttpBody for Peeked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(frame) = self.read.pop_front() {
            return Poll::Ready(Some(frame));
        }
        Poll::Ready(ready!(Pin::new(&mut self.rest).poll_frame(cx)))
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let frames = self.read.iter().filter_map(|frame| frame.as_ref().ok().and_then(Frame::data_ref));
        let read: u64 = frames.map(|data| data.len() as u64).sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint.set_lower(rest.lower().saturating_add(read));
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http::HeaderMap;

    use super::*;

    fn body() -> Body {
        let trailers = HeaderMap::from_iter([(http::header::ETAG, "\"x\"".parse().unwrap())]);
        let frames = [
            Frame::data(Bytes::from_static(b"abc")),
            Frame::data(Bytes::from_static(b"def")),
            Frame::trailers(trailers),
        ];
        Body::new(http_body_util::StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>))))
    }

    #[tokio::test]
    async fn w25_the_body_is_handed_on_whole_with_its_trailers() {
        for (most, shown) in [(0, &b"abc"[..]), (2, b"abc"), (3, b"abcdef"), (100, b"abcdef")] {
            let (seen, rest) = peek(body(), most).await;
            assert_eq!(seen, shown, "{most}");
            let whole = rest.collect().await.unwrap();
            assert!(whole.trailers().is_some(), "{most}");
            assert_eq!(whole.to_bytes(), "abcdef", "{most}");
        }
        let (_, sized) = peek(Body::from("abcdef"), 1).await;
        assert_eq!(sized.size_hint().exact(), Some(6));
    }

    #[tokio::test]
    async fn w25_frames_without_data_are_not_kept() {
        let empty = std::iter::repeat_n(Bytes::new(), 10_000);
        let frames =
            empty.chain([Bytes::from_static(b"abc")]).map(|data| Ok::<_, Infallible>(Frame::data(data)));
        let (seen, mut rest) =
            peek(Body::new(http_body_util::StreamBody::new(stream::iter(frames))), 100).await;
        assert_eq!(seen, b"abc");
        let first = rest.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "abc");
        assert!(rest.frame().await.is_none());
    }
}
