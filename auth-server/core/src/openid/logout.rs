//! What a request to sign out may do: OpenID Connect RP-Initiated Logout sections 2 and 3.

use super::hint::Hint;
use crate::model::Client;
use crate::protocol::{AuthorizeDenied, Denied, Params};

/// A request to sign out, as far as it can be judged without the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// What the ID token says that came along.
    pub hint: Option<Hint>,
    /// Where the browser may be sent afterwards, and the client's value for it.
    pub redirect: Option<(String, Option<String>)>,
}

/// What happens to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutStep {
    /// It ends: the client proves by its ID token that it speaks of this person.
    End,
    /// The person is asked first: any page can send a browser here.
    Ask,
    /// Nobody is signed in.
    Nobody,
}

/// The longest `state` that comes back.
const MAX_STATE: usize = 2_048;

impl LogoutRequest {
    /// Judges the parameters. `hint` is the ID token, where there is one and this issuer signed it; `client` is the one
    /// that it was for.
    ///
    /// # Errors
    /// A foreign ID token, another client than its own, or a redirect URI that is not registered or comes without an ID
    /// token: nobody is redirected then, and nothing ends.
    pub fn decide(params: &Params, hint: Option<Hint>, client: Option<&Client>) -> Result<Self, Denied> {
        if params.get("id_token_hint").is_some() && hint.is_none() {
            return Err(Denied::Authorize(AuthorizeDenied::HintForeign));
        }
        if let (Some(hint), Some(named)) = (&hint, params.get("client_id"))
            && hint.client_id != named
        {
            return Err(Denied::Authorize(AuthorizeDenied::HintForeign));
        }
        let Some(uri) = params.get("post_logout_redirect_uri") else {
            return Ok(Self { hint, redirect: None });
        };
        let is_registered = |client: &Client| {
            client.enabled && client.metadata.post_logout_redirect_uris.iter().any(|own| own == uri)
        };
        if hint.is_none() || !client.is_some_and(is_registered) {
            return Err(Denied::Authorize(AuthorizeDenied::LogoutRedirectRefused));
        }
        let state = params.get("state");
        if state.is_some_and(|state| state.len() > MAX_STATE) {
            return Err(Denied::Authorize(AuthorizeDenied::ValueTooLong));
        }
        Ok(Self { hint, redirect: Some((uri.to_owned(), state.map(str::to_owned))) })
    }

    /// What happens to the session of this person, as the client of the ID token knows it.
    pub fn step(&self, subject: Option<&str>) -> LogoutStep {
        match (subject, &self.hint) {
            (None, _) => LogoutStep::Nobody,
            (Some(subject), Some(hint)) if hint.subject == subject => LogoutStep::End,
            (Some(_), _) => LogoutStep::Ask,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClientMetadata;
    use crate::protocol::samples;

    const URI: &str = "https://app.example.com/bye";

    fn client() -> Client {
        let metadata =
            ClientMetadata { post_logout_redirect_uris: vec![URI.to_owned()], ..Default::default() };
        Client { metadata, ..samples::client() }
    }

    fn hint() -> Hint {
        Hint { subject: "u_1".to_owned(), client_id: "c".to_owned(), sid: None }
    }

    fn decided(query: &str, hint: Option<Hint>) -> Result<LogoutRequest, Denied> {
        LogoutRequest::decide(&Params::parse(query.as_bytes(), 64)?, hint, Some(&client()))
    }

    #[test]
    fn l_a_browser_is_redirected_only_with_an_id_token_and_exactly_where_it_is_registered() {
        let good = format!("id_token_hint=x&post_logout_redirect_uri={URI}&state=s");
        let redirect = decided(&good, Some(hint())).unwrap().redirect;
        assert_eq!(redirect, Some((URI.to_owned(), Some("s".to_owned()))));
        let refused = Err(Denied::Authorize(AuthorizeDenied::LogoutRedirectRefused));
        assert_eq!(decided(&format!("post_logout_redirect_uri={URI}"), None), refused);
        for other in ["/", "?x=1", "#x", "%2F..%2Fevil"] {
            assert_eq!(
                decided(&format!("id_token_hint=x&post_logout_redirect_uri={URI}{other}"), Some(hint())),
                refused
            );
        }
        let foreign = Err(Denied::Authorize(AuthorizeDenied::HintForeign));
        assert_eq!(decided(&good, None), foreign);
        assert_eq!(decided("id_token_hint=x&client_id=other", Some(hint())), foreign);
    }

    #[test]
    fn only_the_person_of_the_id_token_is_signed_out_without_being_asked() {
        let with = decided("id_token_hint=x", Some(hint())).unwrap();
        let without = decided("", None).unwrap();
        assert_eq!((with.step(Some("u_1")), with.step(Some("u_2"))), (LogoutStep::End, LogoutStep::Ask));
        assert_eq!((without.step(Some("u_1")), without.step(None)), (LogoutStep::Ask, LogoutStep::Nobody));
    }
}
