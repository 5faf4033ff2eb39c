//! Which redirect URIs may be registered: RFC 6749 section 3.1.2, RFC 8252 section 7, RFC 9700 section 2.1.

use thiserror::Error;
use url::{Host, Url};

/// Why a redirect URI is not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RefusedUri {
    /// Characters by which two parsers may read two different URIs.
    #[error(
        "has a character that programs read differently (space, tab, backslash, non-ASCII): percent-encode it"
    )]
    Ambiguous,
    /// No absolute URI.
    #[error("is no absolute URI: write it whole, such as https://app.example.com/callback")]
    NotAbsolute,
    /// RFC 6749 section 3.1.2.
    #[error("has a fragment: leave out the # and what follows")]
    Fragment,
    /// A user before the host misleads whoever reads the URI.
    #[error("names a user before the host: leave out everything up to the @")]
    UserInfo,
    /// Exact matching has no patterns.
    #[error("has a wildcard: register each URI by itself, they are compared exactly")]
    Wildcard,
    /// Two in one value would be one that matches neither.
    #[error("has a second URI after a comma: repeat --redirect-uri for each")]
    SeveralInOne,
    /// An authority without a host.
    #[error("has no host: write one, such as https://app.example.com/callback")]
    NoHost,
    /// RFC 9700 section 2.1: plain http leaves the code open to the network.
    #[error("is plain http: use https, or http on 127.0.0.1 or [::1] for a native app")]
    PlainHttp,
    /// `HTTPS://` is another text than `https://`.
    #[error("has a scheme in capital letters: write it in small ones")]
    SchemeCase,
    /// RFC 8252 section 7.1: a private-use scheme is a reversed domain name.
    #[error(
        "has a scheme that an app cannot own: use https, or a reversed domain such as com.example.app:/callback"
    )]
    Scheme,
}

/// Checks a redirect URI at its registration. It is stored byte for byte as it was given.
pub(super) fn check(text: &str) -> Result<(), RefusedUri> {
    if text.bytes().any(|b| !(0x21..=0x7e).contains(&b) || matches!(b, b'\\' | b'"' | b'<' | b'>' | b'`')) {
        return Err(RefusedUri::Ambiguous);
    }
    if text.contains('*') {
        return Err(RefusedUri::Wildcard);
    }
    let schemes = ["http:", "https:"];
    if text
        .split(',')
        .skip(1)
        .any(|part| schemes.iter().any(|scheme| part.to_ascii_lowercase().starts_with(scheme)))
    {
        return Err(RefusedUri::SeveralInOne);
    }
    if text.contains('#') {
        return Err(RefusedUri::Fragment);
    }
    let url = Url::parse(text).map_err(|reason| {
        if reason == url::ParseError::EmptyHost { RefusedUri::NoHost } else { RefusedUri::NotAbsolute }
    })?;
    let (scheme, rest) = text.split_once(':').ok_or(RefusedUri::NotAbsolute)?;
    if !scheme.eq_ignore_ascii_case(url.scheme()) {
        return Err(RefusedUri::NotAbsolute);
    }
    // It is compared byte by byte, here and by whoever looks at its scheme.
    if scheme != url.scheme() {
        return Err(RefusedUri::SchemeCase);
    }
    if authority(rest).is_some_and(|authority| authority.contains('@')) {
        return Err(RefusedUri::UserInfo);
    }
    match url.scheme() {
        "https" => with_host(rest),
        "http" => with_host(rest).and_then(|()| on_loopback(&url)),
        scheme if scheme.contains('.') => Ok(()),
        _ => Err(RefusedUri::Scheme),
    }
}

fn authority(rest: &str) -> Option<&str> {
    rest.strip_prefix("//").map(|rest| rest.split(['/', '?']).next().unwrap_or_default())
}

/// The `url` crate mends `https:///host` and `https:host` as browsers do; here they are refused.
fn with_host(rest: &str) -> Result<(), RefusedUri> {
    match authority(rest) {
        Some(host) if !host.is_empty() && !host.starts_with(':') && !host.contains('%') => Ok(()),
        Some(_) | None => Err(RefusedUri::NoHost),
    }
}

/// RFC 8252 section 8.3: the IP literal, as `localhost` may be resolved to somewhere else; `localhost` itself is
/// left to those who registered it for years.
fn on_loopback(url: &Url) -> Result<(), RefusedUri> {
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if loopback { Ok(()) } else { Err(RefusedUri::PlainHttp) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_loopback_and_private_use_schemes_are_registered() {
        for good in [
            "https://app.example.com/callback",
            "https://app.example.com/cb?tenant=1",
            "https://app.example.com:8443/a%20b",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:8000/",
            "http://[::1]:9/cb",
            "http://localhost:3000/cb",
            "com.example.app:/oauth",
            "com.example.app://oauth/cb",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a013_ambiguous_redirect_uris_are_refused() {
        for (bad, why) in [
            ("https://good.example@evil.example/", RefusedUri::UserInfo),
            ("https://u:p@evil.example/", RefusedUri::UserInfo),
            ("com.example.app://u@x/", RefusedUri::UserInfo),
            ("https://evil.example\\@good.example/", RefusedUri::Ambiguous),
            ("https://good.example/\tcb", RefusedUri::Ambiguous),
            ("https://good.example/ cb", RefusedUri::Ambiguous),
            ("https://gооd.example/", RefusedUri::Ambiguous),
            ("https://good.example/cb#", RefusedUri::Fragment),
            ("https://good.example/cb#x", RefusedUri::Fragment),
            ("https:///cb", RefusedUri::NoHost),
            ("https:good.example/cb", RefusedUri::NoHost),
            ("https://:443/cb", RefusedUri::NoHost),
            ("https://", RefusedUri::NoHost),
            ("/cb", RefusedUri::NotAbsolute),
            ("", RefusedUri::NotAbsolute),
        ] {
            assert_eq!(check(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn case_31_two_uris_in_one_value_are_refused() {
        for bad in ["https://a.example/cb,https://b.example/cb", "com.example.app:/cb,HTTPS://b.example/"] {
            assert_eq!(check(bad), Err(RefusedUri::SeveralInOne), "{bad}");
        }
        assert_eq!(check("https://a.example/cb,x"), Ok(()));
    }

    #[test]
    fn a014_wildcards_are_not_offered() {
        for bad in ["https://*.example.com/cb", "https://app.example.com/*", "*"] {
            assert_eq!(check(bad), Err(RefusedUri::Wildcard), "{bad}");
        }
    }

    #[test]
    fn a015_script_data_file_and_plain_http_are_refused() {
        for (bad, why) in [
            ("javascript:alert(1)", RefusedUri::Scheme),
            ("data:text/html,x", RefusedUri::Scheme),
            ("file:///etc/passwd", RefusedUri::Scheme),
            ("ftp://good.example/", RefusedUri::Scheme),
            ("myapp:/cb", RefusedUri::Scheme),
            ("urn:ietf:wg:oauth:2.0:oob", RefusedUri::Scheme),
            ("http://good.example/cb", RefusedUri::PlainHttp),
            ("HTTPS://good.example/cb", RefusedUri::SchemeCase),
            ("http://127.0.0.1.evil.example/", RefusedUri::PlainHttp),
            ("http://localhost.evil.example/", RefusedUri::PlainHttp),
        ] {
            assert_eq!(check(bad), Err(why), "{bad}");
        }
    }
}
