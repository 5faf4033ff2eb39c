//! Where an authorization request is answered: nothing reaches a redirect URI but by a [`Redirectable`].

use trefoil_shared::ClientId;

use super::answer::ResponseMode;
use crate::model::Client;
use crate::protocol::{AuthorizeDenied, Denied, Found, Params, Seen};

/// A request whose client and redirect URI are good: what is wrong with the rest may be told by redirect.
#[derive(Clone, Debug)]
pub struct Redirectable {
    client: Seen<Client>,
    uri: String,
    named: bool,
    state: Option<String>,
    mode: ResponseMode,
}

impl Redirectable {
    /// The client.
    pub fn client(&self) -> &Seen<Client> {
        &self.client
    }

    /// The redirect URI, as the request named it.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Whether the request named it.
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// The client's value that comes back with the answer.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// How the answer travels.
    pub fn mode(&self) -> ResponseMode {
        self.mode
    }
}

/// The id that a request names.
///
/// # Errors
/// It names none, or what cannot be one.
pub fn client_id(params: &Params) -> Result<ClientId, Denied> {
    let id = params.get("client_id").ok_or(Denied::Authorize(AuthorizeDenied::ClientMissing))?;
    id.parse().map_err(|_| Denied::Authorize(AuthorizeDenied::ClientUnknown))
}

/// Decides whether the request may be answered by redirect. A refusal is told to the person, on a page (attack case 1).
///
/// # Errors
/// [`AuthorizeDenied`], the same for an unknown client and an unregistered URI.
pub fn redirectable(params: &Params, client: Found<Client>) -> Result<Redirectable, Denied> {
    let client = client.seen().ok_or(Denied::Authorize(AuthorizeDenied::ClientUnknown))?;
    redirectable_for(params, client)
}

/// The same for a client that was looked up already.
///
/// # Errors
/// [`AuthorizeDenied`].
pub fn redirectable_for(params: &Params, client: Seen<Client>) -> Result<Redirectable, Denied> {
    if !client.enabled {
        return Err(Denied::Authorize(AuthorizeDenied::ClientDisabled));
    }
    let refused = Denied::Authorize(AuthorizeDenied::RedirectUriRefused);
    let (uri, named) = match (params.get("redirect_uri"), client.redirect_uris.as_slice()) {
        (Some(asked), registered) if registered.iter().any(|own| is_same(own, asked)) => {
            (asked.to_owned(), true)
        }
        (None, [only]) => (only.clone(), false),
        (Some(_), _) => return Err(refused),
        (None, _) => return Err(Denied::Authorize(AuthorizeDenied::RedirectUriMissing)),
    };
    // One that is not understood is told in the default one.
    let mode = params.get("response_mode").and_then(ResponseMode::of_name).unwrap_or_default();
    let state = params.get("state").map(str::to_owned);
    Ok(Redirectable { client, uri, named, state, mode })
}

/// Whether a request still may be answered there: the client may have changed since it began.
pub fn is_registered(client: &Client, uri: &str) -> bool {
    client.enabled && client.redirect_uris.iter().any(|own| is_same(own, uri))
}

/// Byte by byte, except for the port of a native app on loopback (RFC 8252 section 7.3).
fn is_same(registered: &str, asked: &str) -> bool {
    if registered == asked {
        return true;
    }
    LOOPBACK.iter().any(|host| {
        let own = registered.strip_prefix(host).map(after_port);
        let theirs = asked.strip_prefix(host).map(after_port);
        matches!((own, theirs), (Some(Some(own)), Some(Some(theirs))) if own == theirs)
    })
}

/// `localhost` is there for those who registered it; it never stands for the addresses, nor they for it.
const LOOPBACK: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];

/// What follows the port, if there is one. `None` where the host goes on, or the port is none.
fn after_port(rest: &str) -> Option<&str> {
    let rest = match rest.strip_prefix(':') {
        None => rest,
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = port.split_at_checked(digits)?;
            number.parse::<u16>().ok().filter(|number| *number > 0)?;
            rest
        }
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a012_a_redirect_uri_is_compared_byte_by_byte() {
        let own = "https://app.example.com/cb";
        assert!(is_same(own, own));
        for other in [
            "https://app.example.com/cb/",
            "https://app.example.com/cb/x",
            "https://app.example.com/CB",
            "https://APP.example.com/cb",
            "https://app.example.com/cb?x=1",
            "https://app.example.com/./cb",
            "https://app.example.com/%63b",
            "https://app.example.com:443/cb",
            "https://app.example.com:8443/cb",
            "https://app.example.com",
            "http://app.example.com/cb",
            "https://app.example.com/cb#",
            "https://app.example.com.evil.example/cb",
        ] {
            assert!(!is_same(own, other), "{other}");
        }
    }

    #[test]
    fn a016_on_loopback_any_port_is_good_and_everything_else_exact() {
        for (own, asked) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"),
            ("http://127.0.0.1:8080/cb", "http://127.0.0.1:1/cb"),
            ("http://127.0.0.1", "http://127.0.0.1:35017"),
            ("http://[::1]/", "http://[::1]:35017/"),
            ("http://localhost", "http://localhost:35017"),
        ] {
            assert!(is_same(own, asked), "{asked}");
        }
        for (own, asked) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb2"),
            ("http://127.0.0.1/cb", "http://localhost:51004/cb"),
            ("http://127.0.0.1/cb", "https://127.0.0.1:51004/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.2/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:70000/cb"),
            ("http://10.0.0.1/cb", "http://10.0.0.1:80/cb"),
        ] {
            assert!(!is_same(own, asked), "{asked}");
        }
    }
}
