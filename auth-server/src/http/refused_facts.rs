//! What a refused request asked for, for the log: never its token or secret.

use std::net::IpAddr;
use std::sync::Arc;

use trefoil_shared::{RequestedScope, Scope};

use super::form::Form;
use crate::app::App;
use crate::model::Client;
use crate::protocol::Asked;

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

/// Scope and resources of a form whose sender has proved who it is. What a stranger sends is not logged: it may be
/// anything, a secret too.
pub(super) async fn asked(app: &App, form: &Form, client: &Client) -> Facts {
    let Ok(asked) = Asked::from_params(&form.params) else { return Facts::default() };
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
    let resources = asked.resources.iter().map(|resource| harmless(resource.as_str()));
    Facts {
        scope: asked.scope.as_ref().map(|scope| shown(scope.scope())),
        missing: missing.filter(|missing| !missing.is_empty()).map(|missing| shown(&missing)),
        resource: Some(resources.collect::<Vec<_>>().join(" ")).filter(|all| !all.is_empty()).map(shortened),
        ..Facts::default()
    }
}

fn shown(scope: &Scope) -> String {
    shortened(scope.iter().map(|token| harmless(token.as_str())).collect::<Vec<_>>().join(" "))
}

/// What was put into the wrong parameter, a token or a secret, is not shown: it is long, or has the prefix of ours.
fn harmless(text: &str) -> &str {
    let ours = text.starts_with("tf") && text.as_bytes().get(3) == Some(&b'_');
    let long_word = text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.len() > 31);
    if ours || long_word || text.starts_with("eyJ") { "(withheld)" } else { text }
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
        for secret in ["eyJhbGciOiJFUzI1NiJ9.e30.x", "tfs_abc", "tfo_abc", &"a1".repeat(16)] {
            assert_eq!(harmless(secret), "(withheld)", "{secret}");
        }
        for name in ["read", "api_v0.0.1", "https://api.example.com/orders", "urn:a:b", "tf"] {
            assert_eq!(harmless(name), name);
        }
        assert_eq!(shortened("x".repeat(400)).len(), MAX_CHARS + 2);
    }
}
