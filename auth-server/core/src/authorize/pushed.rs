//! A request that its client pushed before it sent the browser: RFC 9126, decision 52.

use serde::{Deserialize, Serialize};
use trefoil_shared::{ClientId, Secret, Timestamp};

use crate::protocol::{AuthorizeDenied, Denied, Params};

/// What a `request_uri` of ours begins with (RFC 9126 section 2.2).
const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";

/// What the value in one of ours begins with (decision 41).
const PREFIX: &str = "tfp_";

/// For how many seconds a browser may begin with it.
pub const START_WITHIN: i64 = 60;

/// What authenticates the client and says nothing of the request.
const CREDENTIALS: [&str; 4] = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// A request as it waits for its browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedRequest {
    /// The client that pushed it.
    pub client_id: ClientId,
    /// Its parameters as a query, without what authenticated the client.
    query: String,
    /// The record that the authorization will be: every use of the request makes the same one, so that it counts once.
    pub grant: String,
    /// The first second in which no browser may begin with it any more.
    start_until: Timestamp,
}

impl PushedRequest {
    /// Keeps the parameters of a request that is in order.
    pub fn new(client_id: ClientId, params: &Params, grant: String, now: Timestamp) -> Self {
        let query = params.without(&CREDENTIALS).to_query();
        let start_until = now.plus(START_WITHIN);
        Self { client_id, query: query.reveal().to_owned(), grant, start_until }
    }

    /// The parameters, for the client that pushed them.
    ///
    /// # Errors
    /// Another client brings it, or it is too late.
    pub fn params(&self, client_id: &ClientId, now: Timestamp, max: usize) -> Result<Params, Denied> {
        if self.client_id != *client_id || now >= self.start_until {
            return Err(Denied::Authorize(AuthorizeDenied::PushedRequestGone));
        }
        let pair = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", client_id.as_str())
            .finish();
        Params::parse(format!("{pair}&{}", self.query).as_bytes(), max.saturating_add(1))
    }
}

/// Makes the `request_uri` of a random value.
pub fn request_uri(value: &Secret) -> String {
    format!("{REQUEST_URI}{PREFIX}{}", value.reveal())
}

/// The value in a `request_uri`; `None` for a URI of another kind.
///
/// # Errors
/// It is of this kind, and no value of ours is in it.
pub fn pushed_value(request_uri: &str) -> Option<Result<Secret, Denied>> {
    const LENGTH: usize = 43;
    let value = request_uri.strip_prefix(REQUEST_URI)?;
    let value = value.strip_prefix(PREFIX).filter(|value| value.len() == LENGTH);
    Some(value.map(Secret::new).ok_or(Denied::Authorize(AuthorizeDenied::PushedRequestGone)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d52_a_pushed_request_is_for_its_client_for_a_minute_and_keeps_no_secret() {
        let form = b"client_id=c&client_secret=canary&response_type=code&resource=a&resource=b&state=x%26y";
        let params = Params::parse(form, 64).unwrap();
        let client: ClientId = "c".parse().unwrap();
        let pushed = PushedRequest::new(client.clone(), &params, "g".to_owned(), Timestamp(100));
        assert!(!serde_json::to_string(&pushed).unwrap().contains("canary"));
        let read = pushed.params(&client, Timestamp(159), 64).unwrap();
        assert_eq!((read.get("state"), read.get("client_id")), (Some("x&y"), Some("c")));
        assert_eq!(read.all("resource").collect::<Vec<_>>(), ["a", "b"]);
        let gone = Denied::Authorize(AuthorizeDenied::PushedRequestGone);
        assert_eq!(pushed.params(&client, Timestamp(160), 64).unwrap_err(), gone);
        assert_eq!(pushed.params(&"d".parse().unwrap(), Timestamp(101), 64).unwrap_err(), gone);
    }
}
