//! Whom a cut-off concerns, named so that a public list names nobody.

use super::CutOffKind;
use super::kind::tuple_key;
use super::short_value::short_value;

/// Whose tokens a cut-off ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CutOffScope<'a> {
    /// Every token of the issuer.
    Everybody,
    /// Every token issued to this client.
    Client(&'a str),
    /// Every token that speaks for this subject.
    Subject(&'a str),
    /// Every token that speaks for this subject at this client.
    SubjectAtClient {
        /// The subject.
        sub: &'a str,
        /// The client.
        client_id: &'a str,
    },
    /// Every token of this authorization.
    Grant(&'a str),
    /// Every token of this login session.
    Session(&'a str),
}

impl CutOffScope<'_> {
    /// The claims and their values.
    fn pairs(&self) -> Vec<(&str, &str)> {
        match *self {
            Self::Everybody => Vec::new(),
            Self::Client(id) => vec![("client_id", id)],
            Self::Subject(id) => vec![("sub", id)],
            Self::SubjectAtClient { sub, client_id } => vec![("sub", sub), ("client_id", client_id)],
            Self::Grant(id) => vec![("grant_id", id)],
            Self::Session(id) => vec![("sid", id)],
        }
    }

    /// The claims that name it.
    pub fn kind(&self) -> CutOffKind {
        CutOffKind::of_pairs(&self.pairs())
    }

    /// The name under which a list has it: see [`CutOffKind::key`].
    pub fn key(&self) -> CutOffKey {
        tuple_key(&self.pairs())
    }

    /// The name under which a list of version 1 has it, in its member `before`: the first 16 bytes of SHA-256 over kind,
    /// a zero byte and id. `None` for what version 1 has no name for.
    pub fn first_key(&self) -> Option<CutOffKey> {
        let (kind, id) = match self {
            Self::Everybody => ("all", ""),
            Self::Client(id) => ("client", *id),
            Self::Subject(id) => ("sub", *id),
            Self::SubjectAtClient { .. } | Self::Grant(_) | Self::Session(_) => return None,
        };
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in [kind.as_bytes(), &[0], id.as_bytes()] {
            context.update(part);
        }
        Some(CutOffKey::from_digest(context.finish().as_ref()))
    }
}

short_value! {
    /// The truncated hash that stands for a [`CutOffScope`]; 22 characters of base64url on the wire.
    CutOffKey, 16, "not the key of a cut-off"
}

impl CutOffKey {
    /// The first 16 bytes of a digest.
    pub(super) fn from_digest(digest: &[u8]) -> Self {
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(digest) {
            *to = *from;
        }
        Self::from_bytes(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d17_the_key_of_a_cut_off_names_nobody_and_tells_kinds_apart() {
        let client = CutOffScope::Client("billing").key();
        assert_eq!(client.to_string().len(), 22);
        assert_eq!(CutOffKey::from_text(&client.to_string()), Some(client));
        assert_ne!(client, CutOffScope::Subject("billing").key());
        assert_ne!(CutOffScope::Everybody.key(), CutOffScope::Client("").key());
    }

    #[test]
    fn w03_what_version_1_has_no_name_for_is_not_in_its_member() {
        let first = |scope: CutOffScope<'_>| scope.first_key().map(|key| key.to_string());
        assert_eq!(first(CutOffScope::Client("billing")).as_deref(), Some("t1yDdjTwaL12aFpBsW0YmA"));
        assert_eq!(first(CutOffScope::Grant("g")), None);
        let pair = CutOffScope::SubjectAtClient { sub: "u_1", client_id: "billing" };
        assert_eq!((first(pair), pair.kind()), (None, CutOffKind::of(&["sub", "client_id"]).unwrap()));
    }
}
