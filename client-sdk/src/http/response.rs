//! What an API answered.

use http::HeaderMap;
use serde::de::DeserializeOwned;

use crate::transport::Reply;
use crate::{Error, ErrorKind, Result, json};

/// An answer whose body is still to be read, up to the client's limit.
pub struct ApiResponse {
    reply: Reply,
}

impl ApiResponse {
    pub(super) fn new(reply: Reply) -> Self {
        Self { reply }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.reply.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.reply.headers()
    }

    /// The body, whatever the status.
    pub async fn bytes(self) -> Result<Vec<u8>> {
        Ok(std::mem::take(&mut *self.reply.read().await?))
    }

    /// The body of a success (2xx) as text.
    pub async fn text(self) -> Result<String> {
        let body = self.success()?.bytes().await?;
        String::from_utf8(body).map_err(|_| Error::protocol("the answer is not UTF-8"))
    }

    /// The body of a success (2xx), read as JSON.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        json::read("the answer", &self.success()?.bytes().await?)
    }

    /// Makes an error of every status but 2xx.
    pub fn success(self) -> Result<Self> {
        let status = self.status();
        if (200..300).contains(&status) {
            return Ok(self);
        }
        let wait = crate::retry::retry_after(self.headers());
        let why = format!("the resource answered {status}");
        Err(Error::new(ErrorKind::Status(status), why).with_status(status).with_retry_after(wait))
    }
}

impl std::fmt::Debug for ApiResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiResponse").field("status", &self.status()).finish_non_exhaustive()
    }
}
