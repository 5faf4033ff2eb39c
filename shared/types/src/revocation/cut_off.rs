//! Whom a cut-off concerns, named so that a public list names nobody.

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
}

impl CutOffScope<'_> {
    /// The name under which a list has it: the first 16 bytes of SHA-256 over kind, a zero byte and id.
    pub fn key(self) -> CutOffKey {
        let (kind, id) = match self {
            Self::Everybody => ("all", ""),
            Self::Client(id) => ("client", id),
            Self::Subject(id) => ("sub", id),
        };
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in [kind.as_bytes(), &[0], id.as_bytes()] {
            context.update(part);
        }
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        CutOffKey::from_bytes(key)
    }
}

short_value! {
    /// The truncated hash that stands for a [`CutOffScope`]; 22 characters of base64url on the wire.
    CutOffKey, 16, "not the key of a cut-off"
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
}
