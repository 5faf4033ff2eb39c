//! How a client says who it is: RFC 6749 section 2.3. What it says is checked elsewhere.

use trefoil_shared::{AuthMethod, ClientId, Secret};

use super::{ClientDenied, Denied, Params, percent};

/// What the Authorization header holds.
pub enum Authorization {
    /// There is none.
    Absent,
    /// Basic, with the base64 already taken off.
    Basic(Secret),
    /// Basic whose base64 or UTF-8 is broken.
    BrokenBasic,
    /// The word Basic, without credentials.
    EmptyBasic,
    /// Another scheme.
    Other,
    /// The name of another scheme, without credentials.
    EmptyOther,
    /// More than one header.
    Repeated,
}

/// Who the client says it is, and what it shows for it.
#[derive(Debug)]
pub struct Presented {
    /// The client that it says it is.
    pub client_id: ClientId,
    /// The secret; never empty.
    pub secret: Option<Secret>,
    /// By which method: `none` goes with no secret and only with it.
    pub method: AuthMethod,
}

/// Reads the credentials of a request: the header's, or the form's, never both.
///
/// # Errors
/// Two methods at once are `invalid_request`; whatever is missing or cannot be read is `invalid_client`.
pub fn presented(authorization: &Authorization, params: &Params) -> Result<Presented, Denied> {
    let assertion = params.get("client_assertion").or(params.get("client_assertion_type")).is_some();
    let in_form = params.get("client_secret").is_some();
    let in_form_alone = assertion || in_form || params.get("client_id").is_some();
    if assertion && in_form {
        return Err(Denied::Client(ClientDenied::SeveralAuthMethods));
    }
    match authorization {
        // A header without credentials says nothing: some clients and proxies send it beside those of the form.
        Authorization::EmptyBasic if !in_form_alone => Err(Denied::Client(ClientDenied::BasicMalformed)),
        Authorization::EmptyOther if !in_form_alone => {
            Err(Denied::Client(ClientDenied::AuthorizationUnsupported))
        }
        Authorization::Absent | Authorization::EmptyBasic | Authorization::EmptyOther if assertion => {
            Err(Denied::Client(ClientDenied::AssertionUnsupported))
        }
        Authorization::Absent | Authorization::EmptyBasic | Authorization::EmptyOther => from_form(params),
        Authorization::Repeated => Err(Denied::Client(ClientDenied::AuthorizationRepeated)),
        Authorization::Basic(_) | Authorization::BrokenBasic | Authorization::Other
            if assertion || in_form =>
        {
            Err(Denied::Client(ClientDenied::SeveralAuthMethods))
        }
        Authorization::Basic(pair) => from_basic(pair, params),
        Authorization::BrokenBasic => Err(Denied::Client(ClientDenied::BasicMalformed)),
        Authorization::Other => Err(Denied::Client(ClientDenied::AuthorizationUnsupported)),
    }
}

fn from_form(params: &Params) -> Result<Presented, Denied> {
    let client_id = params.get("client_id").ok_or(Denied::Client(ClientDenied::ClientUnnamed))?;
    let client_id = client_id.parse().map_err(|_| Denied::Client(ClientDenied::ClientIdMalformed))?;
    let secret = params.get("client_secret").map(Secret::new);
    let method = if secret.is_some() { AuthMethod::ClientSecretPost } else { AuthMethod::None };
    Ok(Presented { client_id, secret, method })
}

/// Both halves are form-encoded (RFC 6749 section 2.3.1). MSAL repeats `client_id` in the form, which is harmless
/// where it is the same.
fn from_basic(pair: &Secret, params: &Params) -> Result<Presented, Denied> {
    let (id, secret) = pair.reveal().split_once(':').ok_or(Denied::Client(ClientDenied::BasicMalformed))?;
    let id = percent::decode(id.as_bytes()).ok_or(Denied::Client(ClientDenied::BasicMalformed))?;
    let secret = percent::decode(secret.as_bytes())
        .map(Secret::new)
        .ok_or(Denied::Client(ClientDenied::BasicMalformed))?;
    if params.get("client_id").is_some_and(|also| also != id) {
        return Err(Denied::Client(ClientDenied::ClientIdsDiffer));
    }
    let client_id = id.parse().map_err(|_| Denied::Client(ClientDenied::ClientIdMalformed))?;
    if secret.is_empty() {
        return Err(Denied::Client(ClientDenied::SecretMissing));
    }
    Ok(Presented { client_id, secret: Some(secret), method: AuthMethod::ClientSecretBasic })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(pair: &str) -> Authorization {
        Authorization::Basic(Secret::new(pair))
    }

    fn read(
        authorization: &Authorization,
        form: &str,
    ) -> Result<(String, Option<String>, AuthMethod), Denied> {
        let params = Params::parse(form.as_bytes(), 64).unwrap();
        let got = presented(authorization, &params)?;
        Ok((got.client_id.to_string(), got.secret.map(|s| s.reveal().to_owned()), got.method))
    }

    #[test]
    fn both_halves_of_basic_are_form_decoded() {
        let expected = ("a b".to_owned(), Some("p:+%".to_owned()), AuthMethod::ClientSecretBasic);
        assert_eq!(read(&basic("a+b:p%3A%2B%25"), ""), Ok(expected));
    }

    #[test]
    fn basic_allows_the_same_client_id_in_the_form_and_no_other() {
        assert!(read(&basic("a:s"), "client_id=a").is_ok());
        assert_eq!(read(&basic("a:s"), "client_id=b"), Err(Denied::Client(ClientDenied::ClientIdsDiffer)));
    }

    #[test]
    fn a031_two_methods_at_once_are_invalid_request() {
        for form in ["client_secret=s", "client_assertion=x", "client_assertion_type=urn:x"] {
            assert_eq!(
                read(&basic("a:s"), form),
                Err(Denied::Client(ClientDenied::SeveralAuthMethods)),
                "{form}"
            );
        }
        let both = "client_id=a&client_secret=s&client_assertion=x";
        assert_eq!(read(&Authorization::Absent, both), Err(Denied::Client(ClientDenied::SeveralAuthMethods)));
        assert_eq!(
            read(&Authorization::Other, "client_secret=s"),
            Err(Denied::Client(ClientDenied::SeveralAuthMethods))
        );
        assert_eq!(
            read(&Authorization::Repeated, ""),
            Err(Denied::Client(ClientDenied::AuthorizationRepeated))
        );
    }

    #[test]
    fn case_34_a_header_without_credentials_is_passed_over_beside_those_of_the_form() {
        for empty in [Authorization::EmptyBasic, Authorization::EmptyOther] {
            let expected = ("a".to_owned(), Some("s".to_owned()), AuthMethod::ClientSecretPost);
            assert_eq!(read(&empty, "client_id=a&client_secret=s"), Ok(expected));
            let both = "client_id=a&client_secret=s&client_assertion=x";
            assert_eq!(read(&empty, both), Err(Denied::Client(ClientDenied::SeveralAuthMethods)));
            assert_eq!(
                read(&empty, "client_assertion=x"),
                Err(Denied::Client(ClientDenied::AssertionUnsupported))
            );
        }
        assert_eq!(read(&Authorization::EmptyBasic, ""), Err(Denied::Client(ClientDenied::BasicMalformed)));
        assert_eq!(
            read(&Authorization::EmptyOther, ""),
            Err(Denied::Client(ClientDenied::AuthorizationUnsupported))
        );
    }

    #[test]
    fn a032_an_empty_secret_is_no_secret() {
        assert_eq!(read(&basic("a:"), ""), Err(Denied::Client(ClientDenied::SecretMissing)));
        let none = ("a".to_owned(), None, AuthMethod::None);
        assert_eq!(read(&Authorization::Absent, "client_id=a&client_secret="), Ok(none));
    }

    #[test]
    fn a035_basic_without_colon_or_with_wrong_percent_coding_is_invalid_client() {
        for bad in ["nocolon", "a:%zz", "%2:s", "a:%ff"] {
            assert_eq!(read(&basic(bad), ""), Err(Denied::Client(ClientDenied::BasicMalformed)), "{bad}");
        }
        assert_eq!(read(&Authorization::BrokenBasic, ""), Err(Denied::Client(ClientDenied::BasicMalformed)));
        assert_eq!(read(&basic("%00:s"), ""), Err(Denied::Client(ClientDenied::ClientIdMalformed)));
    }

    #[test]
    fn nobody_named_is_invalid_client() {
        assert_eq!(read(&Authorization::Absent, ""), Err(Denied::Client(ClientDenied::ClientUnnamed)));
        assert_eq!(
            read(&Authorization::Absent, "client_secret=s"),
            Err(Denied::Client(ClientDenied::ClientUnnamed))
        );
        assert_eq!(
            read(&Authorization::Absent, "client_assertion=x"),
            Err(Denied::Client(ClientDenied::AssertionUnsupported))
        );
        assert_eq!(
            read(&Authorization::Other, "client_id=a"),
            Err(Denied::Client(ClientDenied::AuthorizationUnsupported))
        );
    }
}
