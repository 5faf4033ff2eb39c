//! What a refused request asked for, for the log: never its token or secret.

use std::net::IpAddr;
use std::sync::Arc;

use trefoil_shared::may_be_secret;
use trefoil_shared::{RequestedScope, Scope, Secret, ValueKind};

use super::form::Form;
use crate::app::App;
use crate::model::Client;
use crate::protocol::{self, Asked};

/// What is known of a refused request, beside who sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Where it came from.
    pub(super) address: Option<IpAddr>,
    /// The scope that it asked for.
    pub(super) scope: Option<String>,
    /// What of it the client may not have there.
    pub(super) missing: Option<String>,
    /// The resources that it asked for.
    pub(super) resource: Option<String>,
    /// What the client most likely does wrong.
    pub(super) hint: Option<&'static str>,
}

/// Longer texts are shortened: a client decides how long they are.
const MAX_CHARS: usize = 300;
/// Longer words are no names.
const LONGEST_WORD: usize = 31;
/// What we issue, and what is known by its prefix wherever it stands.
const OURS: [ValueKind; 3] = [ValueKind::ClientSecret, ValueKind::OpaqueToken, ValueKind::DeviceCode];

/// Scope and resources of a form whose sender has proved who it is. What a stranger sends is not logged: it may be
/// anything, a secret too.
pub(super) async fn asked(app: &App, form: &Form, client: &Client) -> Facts {
    let Ok(asked) = Asked::from_params(&form.params) else { return Facts::default() };
    let presented = protocol::presented(&form.authorization, &form.params).ok();
    let secret = presented.as_ref().and_then(|presented| presented.secret.as_ref());
    let shown = |scope: &Scope| shown(scope, secret);
    let wanted = if asked.resources.is_empty() { &client.resources } else { &asked.resources };
    let mut there = Scope::default();
    for name in wanted.iter().filter(|name| client.resources.contains(name)) {
        // Where it cannot be loaded the refusal is about that.
        if let Ok(Some(resource)) = app.registry().resource(name).await {
            there = there.union(&Arc::as_ref(&resource).scopes);
        }
    }
    let allowed = there.intersection(&client.scopes);
    let missing = asked.scope.as_ref().map(|scope: &RequestedScope| scope.scope().difference(&allowed));
    let resources = asked.resources.iter().map(|resource| harmless(resource.as_str(), secret));
    Facts {
        scope: asked.scope.as_ref().map(|scope| shown(scope.scope())),
        missing: missing.filter(|missing| !missing.is_empty()).map(|missing| shown(&missing)),
        resource: Some(resources.collect::<Vec<_>>().join(" ")).filter(|all| !all.is_empty()).map(shortened),
        ..Facts::default()
    }
}

fn shown(scope: &Scope, secret: Option<&Secret>) -> String {
    shortened(scope.iter().map(|token| harmless(token.as_str(), secret)).collect::<Vec<_>>().join(" "))
}

/// What was put into the wrong parameter, a token or a secret, is not shown: it holds the one that came with the request,
/// has a prefix of ours or of a JWT, or is long and looks drawn at random.
fn harmless<'a>(text: &'a str, secret: Option<&Secret>) -> &'a str {
    let is_its_own =
        secret.is_some_and(|secret| !secret.reveal().is_empty() && text.contains(secret.reveal()));
    let known = text.starts_with("eyJ") || OURS.iter().any(|kind| text.contains(kind.prefix()));
    // Base64url has `-` and `_` in it, where names have no capitals and digits.
    let random =
        text.split(|c: char| !is_base64url(c)).any(|word| word.len() > LONGEST_WORD && is_mixed(word));
    if is_its_own || known || random || may_be_secret(text) { "(withheld)" } else { text }
}

fn is_base64url(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn is_mixed(word: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| word.bytes().any(|b| kind(&b));
    has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
}

fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_CHARS) {
        text.truncate(end);
        text.push_str("..");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u02_what_may_be_a_secret_is_withheld() {
        let base64url = "q83vEjRWeJ-SNFZ4kJq_vN4Sn4KzVLVJ1bwXU4n-8zw";
        let long = "a1".repeat(16);
        let in_uri = format!("https://api.example.com/?secret={base64url}");
        for secret in
            ["eyJhbGciOiJFUzI1NiJ9.e30.x", "tfs_abc", "tfo_abc", "x:tfs_a-b", &long, base64url, &in_uri]
        {
            assert_eq!(harmless(secret, None), "(withheld)", "{secret}");
        }
        for name in ["read", "api_v0.0.1", "https://api.example.com/orders", "urn:a:b", "tf", "aft_er"] {
            assert_eq!(harmless(name, Some(&Secret::new(""))), name);
        }
        let name = "orders-of-the-northern-region_read-and-write-v2";
        assert_eq!(harmless(name, Some(&Secret::new("short"))), name);
        assert_eq!(shortened("x".repeat(400)).len(), MAX_CHARS + 2);
    }

    #[test]
    fn u02_the_secret_of_the_request_is_withheld_whatever_it_looks_like() {
        for secret in ["hunter2", "0b0e6a5c-1d1b-4c2e-9f67-1f2d3c4b5a69"] {
            let held = Secret::new(secret);
            for text in [secret.to_owned(), format!("https://api.example.com/{secret}")] {
                assert_eq!(harmless(&text, Some(&held)), "(withheld)");
            }
        }
    }
}
