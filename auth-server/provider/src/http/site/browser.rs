//! What is known of the browser that sent a request: its cookies, its address, what it calls itself.

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use trefoil_shared::{PeerAddr, Secret};

use crate::app::App;
use crate::http::client_ip::client_ip;
use crate::protocol::Issuer;

/// The longest name of a browser that is kept, in characters.
const MAX_AGENT: usize = 120;

/// The cookies of this site. Under https they have the prefix that ties them to this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The login session.
    Session,
    /// The browser itself: what forms and sign-ins are bound to.
    Browser,
}

impl Cookie {
    fn name(self, issuer: &Issuer) -> &'static str {
        match (self, is_https(issuer)) {
            (Self::Session, true) => "__Host-session",
            (Self::Browser, true) => "__Host-browser",
            (Self::Session, false) => "trefoil_session",
            (Self::Browser, false) => "trefoil_browser",
        }
    }

    /// Sets it for so many seconds; for 0 it is taken away.
    pub(crate) fn set(self, value: &str, seconds: i64, issuer: &Issuer) -> HeaderValue {
        let secure = if is_https(issuer) { "; Secure" } else { "" };
        let name = self.name(issuer);
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        // The value is base64url of ours.
        let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

fn is_https(issuer: &Issuer) -> bool {
    issuer.as_str().starts_with("https://")
}

/// The browser of a request.
pub(crate) struct Browser {
    /// The value of its own cookie.
    pub(crate) id: Option<Secret>,
    /// The value of its session's cookie.
    pub(crate) session: Option<Secret>,
    /// Its address, where it is known.
    pub(crate) address: Option<IpAddr>,
    /// What it calls itself.
    pub(crate) agent: String,
    /// The origin of the page that a form was sent from.
    origin: Option<String>,
}

impl Browser {
    /// Reads the head of a request.
    pub(crate) fn of(app: &App, parts: &Parts) -> Self {
        let headers = &parts.headers;
        let peer = parts.extensions.get::<PeerAddr>();
        let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self {
            id: cookie(headers, Cookie::Browser.name(app.issuer())),
            session: cookie(headers, Cookie::Session.name(app.issuer())),
            address: peer.map(|peer| client_ip(*peer, headers, &app.policy().trusted_proxies)),
            agent: agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect(),
            origin: headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()).map(str::to_owned),
        }
    }

    /// Whether a form came from a page of ours, as far as the browser says where it came from.
    pub(crate) fn is_from_here(&self, issuer: &Issuer) -> bool {
        let end = issuer.as_str().match_indices('/').nth(2).map_or(issuer.as_str().len(), |(at, _)| at);
        self.origin.as_deref().is_none_or(|origin| Some(origin) == issuer.as_str().get(..end))
    }
}

/// The value of a cookie. Two of one name: somebody else set one of them, and neither counts.
fn cookie(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(own, _)| *own == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) if !value.is_empty() && value.len() <= 64 => Some(Secret::new(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn a115_a_cookie_is_read_by_its_whole_name_and_once() {
        let read = |lines: &[&str]| cookie(&headers(lines), "__Host-session").map(|v| v.reveal().to_owned());
        assert_eq!(read(&["a=1; __Host-session=v; b=2"]).as_deref(), Some("v"));
        assert_eq!(read(&["a=1", "__Host-session=v"]).as_deref(), Some("v"));
        for bad in [&["__host-session=v"][..], &["x__Host-session=v"], &["__Host-session="], &["a=1"]] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert_eq!(read(&["__Host-session=v; __Host-session=w"]), None);
    }

    #[test]
    fn a115_cookies_are_tied_to_the_host_and_out_of_reach_of_scripts() {
        let issuer: Issuer = "https://auth.example.com".parse().unwrap();
        let cookie = Cookie::Session.set("v", 60, &issuer);
        assert_eq!(
            cookie.to_str().unwrap(),
            "__Host-session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        let plain = Cookie::Session.set("v", 60, &"http://127.0.0.1:8080".parse().unwrap());
        assert_eq!(plain.to_str().unwrap(), "trefoil_session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
    }
}
