//! The answer that carries a file.

use std::io::{self, Read};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::task::spawn_blocking;

use super::cache::{self, Content, FileCache};
use crate::route::Target;
use trefoil_resource_layer::Refused;

/// Header fields that an answer has room for.
const FIELDS: usize = 6;
/// Bytes read at a time from a file that is not kept in memory.
const CHUNK: usize = 64 * 1024;

/// Answers with the file that a target and the path below it name. Protected content is for the one who asked: a
/// shared cache may not keep it (RFC 9111 section 5.2.2.7), a private one asks again each time.
pub async fn respond(
    files: &FileCache,
    target: &Target,
    below: &str,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let content = files.content(target, below).await?;
    let unchanged =
        headers.get_all(header::IF_NONE_MATCH).iter().any(|value| matches_etag(value, &content.etag));
    let Content { body, etag, media_type, length, length_field } = content;
    let mut response = match body {
        _ if unchanged => Response::new(Body::empty()),
        cache::Body::Bytes(bytes) => Response::new(Body::from(bytes)),
        cache::Body::File(file) => Response::new(streamed(file, length)),
    };
    // Room for these and what is put in further out: to grow costs more than to begin so.
    let mut fields = HeaderMap::with_capacity(FIELDS);
    fields.insert(header::ETAG, etag);
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        fields.insert(header::CONTENT_TYPE, media_type);
        // An answer to HEAD says it too (RFC 9110 section 8.6), and hyper leaves it out there.
        fields.insert(header::CONTENT_LENGTH, length_field);
        fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    *response.headers_mut() = fields;
    Ok(response)
}

/// RFC 9110 section 13.1.2: `*`, or a list of tags compared weakly.
fn matches_etag(value: &HeaderValue, etag: &HeaderValue) -> bool {
    value
        .as_bytes()
        .split(|b| *b == b',')
        .map(<[u8]>::trim_ascii)
        .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes())
}

/// Reads the open file piece by piece; never more than the length that was promised.
fn streamed(file: std::fs::File, length: u64) -> Body {
    let pieces = stream::unfold(Some(file.take(length)), |file| async {
        let mut file = file?;
        let read = spawn_blocking(move || {
            let mut piece = vec![0; CHUNK];
            let count = file.read(&mut piece)?;
            piece.truncate(count);
            Ok::<_, io::Error>((piece, file))
        });
        match read.await.map_err(io::Error::other).and_then(|read| read) {
            Ok((piece, _)) if piece.is_empty() => None,
            Ok((piece, file)) => Some((Ok(Bytes::from(piece)), Some(file))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Body::from_stream(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly_and_in_lists() {
        let etag = HeaderValue::from_static("\"a-1\"");
        for value in ["\"a-1\"", "W/\"a-1\"", "*", "\"x\", \"a-1\""] {
            assert!(matches_etag(&HeaderValue::from_static(value), &etag), "{value}");
        }
        assert!(!matches_etag(&HeaderValue::from_static("\"a-2\""), &etag));
    }
}
