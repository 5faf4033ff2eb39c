//! The parameters of a form, RFC 6749 sections 3.1 and 3.2.

use std::fmt;

use trefoil_shared::Secret;

use super::{Denied, RequestDenied, percent};

/// A form's parameters. A parameter without a value counts as absent (RFC 6749 section 3.2).
///
/// Values may be secrets, so all are zeroized when dropped and `Debug` shows the names alone.
pub struct Params(Vec<(String, Secret)>);

impl Params {
    /// The one parameter that may be there several times (RFC 8707 section 2).
    const REPEATABLE: &'static str = "resource";

    /// Reads a form of at most `max` parameters.
    ///
    /// # Errors
    /// [`RequestDenied::TooManyParameters`], [`RequestDenied::FormMalformed`], [`RequestDenied::ParameterRepeated`].
    pub fn parse(body: &[u8], max: usize) -> Result<Self, Denied> {
        let mut params: Vec<(String, Secret)> = Vec::with_capacity(8);
        let pieces = body.split(|b| *b == b'&').filter(|piece| !piece.is_empty());
        for (count, piece) in pieces.enumerate() {
            if count >= max {
                return Err(Denied::Request(RequestDenied::TooManyParameters));
            }
            let (name, value) = decode_pair(piece).ok_or(Denied::Request(RequestDenied::FormMalformed))?;
            if name != Self::REPEATABLE && params.iter().any(|(known, _)| *known == name) {
                return Err(Denied::Request(RequestDenied::ParameterRepeated));
            }
            params.push((name, value));
        }
        Ok(Self(params))
    }

    /// The value of a parameter; `None` where it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut params = self.0.iter();
        params
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.reveal())
            .filter(|value| !value.is_empty())
    }

    /// All of it as a query.
    pub fn to_query(&self) -> Secret {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(self.0.iter().map(|(name, value)| (name, value.reveal())));
        Secret::new(pairs.finish())
    }

    /// The same without the parameters of these names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        Self(kept.cloned().collect())
    }

    /// Every value of a parameter that may be repeated, in the order of the form.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.reveal())
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

fn decode_pair(piece: &[u8]) -> Option<(String, Secret)> {
    let mut halves = piece.splitn(2, |b| *b == b'=');
    let name = percent::decode(halves.next()?)?;
    let value = percent::decode(halves.next().unwrap_or_default())?;
    Some((name, Secret::new(value)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(form: &str) -> Denied {
        Params::parse(form.as_bytes(), 64).unwrap_err()
    }

    #[test]
    fn a030_any_repeated_parameter_but_resource_is_refused() {
        assert_eq!(error("scope=a&scope=a"), Denied::Request(RequestDenied::ParameterRepeated));
        assert_eq!(error("x=&x=1"), Denied::Request(RequestDenied::ParameterRepeated));
        assert_eq!(error("client_id=a&%63lient_id=b"), Denied::Request(RequestDenied::ParameterRepeated));
        let params = Params::parse(b"resource=a&resource=b", 64).unwrap();
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a121_sixty_five_parameters_are_too_many() {
        let form = |count: usize| (0..count).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert!(Params::parse(form(64).as_bytes(), 64).is_ok());
        assert_eq!(error(&form(65)), Denied::Request(RequestDenied::TooManyParameters));
    }

    #[test]
    fn a_parameter_without_a_value_is_absent() {
        let params = Params::parse(b"scope=&state&a=1", 64).unwrap();
        assert_eq!((params.get("scope"), params.get("state"), params.get("a")), (None, None, Some("1")));
    }

    #[test]
    fn a126_debug_shows_names_alone() {
        let params = Params::parse(b"client_secret=canary", 64).unwrap();
        assert_eq!(format!("{params:?}"), r#"["client_secret"]"#);
    }

    proptest! {
        #[test]
        fn whatever_bytes_come_nothing_panics(bytes: Vec<u8>) {
            let _ = Params::parse(&bytes, 64);
        }
    }
}
