//! What is known of a person: OpenID Connect Core section 5.1, and which of it a client is told.

use serde_json::{Map, Value};
use thiserror::Error;
use trefoil_shared::Scope;
use url::Url;

use super::claims_request::ClaimsRequest;
use crate::model::User;

/// The claims of section 5.1 and the scope that asks for each (section 5.4).
const BY_SCOPE: [(&str, &str); 19] = [
    ("name", "profile"),
    ("family_name", "profile"),
    ("given_name", "profile"),
    ("middle_name", "profile"),
    ("nickname", "profile"),
    ("preferred_username", "profile"),
    ("profile", "profile"),
    ("picture", "profile"),
    ("website", "profile"),
    ("gender", "profile"),
    ("birthdate", "profile"),
    ("zoneinfo", "profile"),
    ("locale", "profile"),
    ("updated_at", "profile"),
    ("email", "email"),
    ("email_verified", "email"),
    ("address", "address"),
    ("phone_number", "phone"),
    ("phone_number_verified", "phone"),
];

/// The scope that asks for a claim; `profile` for one that section 5.1 does not know.
pub(super) fn scope_of(claim: &str) -> &'static str {
    BY_SCOPE.iter().find(|(name, _)| *name == claim).map_or("profile", |(_, scope)| scope)
}

/// The names of all of them, for the metadata.
pub fn standard_claims() -> impl Iterator<Item = &'static str> {
    BY_SCOPE.iter().map(|(name, _)| *name)
}

/// The members of an address (section 5.1.1).
const ADDRESS: [&str; 6] = ["formatted", "street_address", "locality", "region", "postal_code", "country"];

/// The most characters of one value: all claims of a person have to fit into a token.
const MAX_CHARS: usize = 1_000;

/// Why something cannot be known of a person.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidUserClaim {
    /// The name means something else in a token.
    #[error("`{0}` has a meaning of its own in a token and cannot be set")]
    Reserved(String),
    /// The value is not of the type that section 5.1 gives the claim.
    #[error("`{name}` is {wanted}")]
    Value {
        /// The claim.
        name: String,
        /// What its value is.
        wanted: &'static str,
    },
    /// No name of a claim.
    #[error("`{0}` is no name of a claim: up to 100 letters, digits and `_ - . : /`")]
    Name(String),
}

/// Sets what a command line or a form says of a person; an empty value takes the claim away. Values get the type that
/// section 5.1 gives them; `address.locality` and the like are members of `address`.
///
/// # Errors
/// The name is none or reserved, or the value is of another type.
pub fn set_user_claim(
    claims: &mut Map<String, Value>,
    name: &str,
    text: &str,
) -> Result<(), InvalidUserClaim> {
    if !is_name(name) {
        return Err(InvalidUserClaim::Name(name.to_owned()));
    }
    let derived = matches!(name, "updated_at" | "address" | "userinfo_claims");
    if derived || crate::registration::is_reserved_claim(name) {
        return Err(InvalidUserClaim::Reserved(name.to_owned()));
    }
    if let Some(member) = name.strip_prefix("address.") {
        return set_address(claims, member, text);
    }
    if text.is_empty() {
        claims.remove(name);
        return Ok(());
    }
    claims.insert(name.to_owned(), typed(name, text)?);
    Ok(())
}

/// Whether a claim can have this name.
pub(super) fn is_name(text: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-.:/".contains(c);
    (1..=100).contains(&text.len()) && text.chars().all(is_of_name)
}

fn set_address(claims: &mut Map<String, Value>, member: &str, text: &str) -> Result<(), InvalidUserClaim> {
    if !ADDRESS.contains(&member) {
        return Err(InvalidUserClaim::Name(format!("address.{member}")));
    }
    let wanted = "a text of at most 1000 characters";
    if text.chars().count() > MAX_CHARS {
        return Err(InvalidUserClaim::Value { name: format!("address.{member}"), wanted });
    }
    let mut address =
        claims.remove("address").and_then(|address| address.as_object().cloned()).unwrap_or_default();
    if text.is_empty() {
        address.remove(member);
    } else {
        address.insert(member.to_owned(), text.into());
    }
    if !address.is_empty() {
        claims.insert("address".to_owned(), address.into());
    }
    Ok(())
}

fn typed(name: &str, text: &str) -> Result<Value, InvalidUserClaim> {
    let refused = |wanted| Err(InvalidUserClaim::Value { name: name.to_owned(), wanted });
    if text.chars().count() > MAX_CHARS || text.chars().any(char::is_control) {
        return refused("a text of at most 1000 characters, without control characters");
    }
    match name {
        "email_verified" | "phone_number_verified" => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => refused("true or false"),
        },
        "profile" | "picture" | "website" => match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text.into()),
            _ => refused("the URL of a page: https://.."),
        },
        "email" if !is_address(text) => refused("an e-mail address: name@example.com"),
        "birthdate" if !is_birthdate(text) => {
            refused("a date: 1990-12-31, 0000-12-31 without its year, or 1990")
        }
        _ => Ok(text.into()),
    }
}

fn is_address(text: &str) -> bool {
    let host = text.rsplit_once('@').filter(|(name, _)| !name.is_empty()).map(|(_, host)| host);
    host.is_some_and(|host| !host.is_empty() && !host.contains(char::is_whitespace))
}

fn is_birthdate(text: &str) -> bool {
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [year] => digits(year, 4),
        [year, month, day] => {
            let within = |part: &str, most: u8| part.parse().is_ok_and(|n: u8| (1..=most).contains(&n));
            digits(year, 4) && digits(month, 2) && digits(day, 2) && within(month, 12) && within(day, 31)
        }
        _ => false,
    }
}

/// Everything that is known of a person, by the names of section 5.1: what the account holds, and what follows from it.
pub fn told_claims(user: &User) -> Map<String, Value> {
    let mut claims = user.claims.clone();
    claims.entry("preferred_username").or_insert_with(|| user.username.clone().into());
    claims.insert("updated_at".to_owned(), user.updated_at.seconds().into());
    // An address that nobody has looked at is none that was verified.
    for (claim, verified) in [("email", "email_verified"), ("phone_number", "phone_number_verified")] {
        if claims.contains_key(claim) {
            claims.entry(verified).or_insert(Value::Bool(false));
        } else {
            claims.remove(verified);
        }
    }
    claims
}

/// The claims that these scopes ask for (section 5.4).
pub fn claims_of_scopes(known: &Map<String, Value>, scopes: &Scope) -> Map<String, Value> {
    let is_asked = |wanted: &str| scopes.iter().any(|token| token.as_str() == wanted);
    let asked = BY_SCOPE.iter().filter(|(_, scope)| is_asked(scope));
    asked.filter_map(|(name, _)| known.get(*name).map(|value| ((*name).to_owned(), value.clone()))).collect()
}

/// The claims of an answer of the userinfo endpoint: those of the scopes, and those asked for by name.
pub fn userinfo_claims<'a>(
    known: &Map<String, Value>,
    scopes: &Scope,
    named: impl Iterator<Item = &'a str>,
) -> Map<String, Value> {
    let mut claims = claims_of_scopes(known, scopes);
    claims.extend(by_name(known, named));
    claims
}

/// Those of these names that are known.
fn by_name<'a>(
    known: &Map<String, Value>,
    named: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = (String, Value)> {
    named.filter_map(|name| known.get(name).map(|value| (name.to_owned(), value.clone())))
}

impl ClaimsRequest {
    /// What of this the request wants in the ID token.
    pub(super) fn of_id_token(&self, known: &Map<String, Value>) -> Map<String, Value> {
        by_name(known, self.id_token.keys().map(String::as_str)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Result<Map<String, Value>, InvalidUserClaim> {
        let mut claims = Map::new();
        pairs.iter().try_for_each(|(name, value)| set_user_claim(&mut claims, name, value))?;
        Ok(claims)
    }

    #[test]
    fn claims_have_the_types_of_the_standard() {
        let claims = set(&[
            ("email", "alice@example.com"),
            ("email_verified", "true"),
            ("address.locality", "Graz"),
            ("address.country", "AT"),
            ("birthdate", "1990-12-31"),
            ("nickname", "al"),
            ("nickname", ""),
            ("department", "ops"),
        ]);
        let expected = json!({
            "email": "alice@example.com", "email_verified": true, "birthdate": "1990-12-31",
            "address": { "locality": "Graz", "country": "AT" }, "department": "ops",
        });
        assert_eq!(Value::Object(claims.unwrap()), expected);
        assert_eq!(set(&[("address.locality", "Graz"), ("address.locality", "")]), Ok(Map::new()));
    }

    #[test]
    fn a_claim_of_another_type_or_meaning_is_refused() {
        for (name, value) in [
            ("email_verified", "yes"),
            ("email", "alice"),
            ("picture", "javascript:alert(1)"),
            ("birthdate", "31.12.1990"),
            ("birthdate", "1990-13-01"),
            ("sub", "u_2"),
            ("auth_time", "0"),
            ("updated_at", "0"),
            ("address", "Graz"),
            ("address.planet", "Earth"),
            ("na me", "x"),
            ("", "x"),
            ("name", "a\u{0}b"),
        ] {
            assert!(set(&[(name, value)]).is_err(), "{name}={value}");
        }
        assert!(set(&[("name", &"x".repeat(1_001))]).is_err());
    }

    #[test]
    fn scopes_ask_for_the_claims_of_the_standard() {
        let known = set(&[("name", "Alice"), ("email", "a@b.example"), ("department", "ops")]).unwrap();
        let told = |scopes: &str| Value::Object(claims_of_scopes(&known, &scopes.parse().unwrap()));
        assert_eq!(told("openid"), json!({}));
        assert_eq!(told("openid email"), json!({ "email": "a@b.example" }));
        assert_eq!(told("openid profile"), json!({ "name": "Alice" }));
        let scope = "openid".parse().unwrap();
        let named = userinfo_claims(&known, &scope, ["department", "unknown"].into_iter());
        assert_eq!(Value::Object(named), json!({ "department": "ops" }));
    }
}
