//! Which claims a client may ask for by name, and what a person has to allow for it.

use trefoil_shared::Scope;

use super::claims_request::ClaimsRequest;
use super::user_claims::{is_name, scope_of};

/// Claims about the login and not about the person: nobody has to allow them.
const OF_LOGIN: [&str; 4] = ["sub", "acr", "auth_time", "amr"];
/// The most claims of one request: their names stand in every access token.
const MAX_NAMES: usize = 32;
/// What the name of a claim begins with where a consent keeps it beside scopes.
const CLAIM: &str = "claim:";

impl ClaimsRequest {
    /// The same without what this client may not ask: claims of scopes that it is not registered for, and names that no
    /// claim has.
    #[must_use]
    pub fn permitted(mut self, scopes: &Scope) -> Self {
        let may = |name: &String| {
            let scope = scope_of(name);
            let is_registered = scopes.iter().any(|token| token.as_str() == scope);
            OF_LOGIN.contains(&name.as_str()) || (is_registered && is_name(name))
        };
        for part in [&mut self.userinfo, &mut self.id_token] {
            part.retain(|name, _| may(name));
            while part.len() > MAX_NAMES {
                part.pop_last();
            }
        }
        self
    }

    /// What the person has to allow beside these scopes: a token for each claim that none of them covers.
    pub fn beyond(&self, scopes: &Scope) -> Scope {
        let names = self.userinfo.keys().chain(self.id_token.keys());
        let is_covered = |name: &str| scopes.iter().any(|token| token.as_str() == scope_of(name));
        let has_to_be_allowed = |name: &&String| !OF_LOGIN.contains(&name.as_str()) && !is_covered(name);
        names.filter(has_to_be_allowed).filter_map(|name| format!("{CLAIM}{name}").parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_no_scope_covers_has_to_be_allowed_by_name_and_a_client_asks_for_what_it_may() {
        let text = r#"{"id_token": {"email": null, "sub": null, "department": null, "phone_number": null, "a b": null},
            "userinfo": {"name": null}}"#;
        let scopes = |text: &str| text.parse::<Scope>().unwrap();
        let asked = ClaimsRequest::parse(text).unwrap().permitted(&scopes("openid email profile"));
        let names: Vec<&str> = asked.id_token.keys().map(String::as_str).collect();
        assert_eq!(names, ["department", "email", "sub"]);
        let beyond = |given: &str| asked.beyond(&scopes(given)).to_string();
        assert_eq!(beyond("openid"), "claim:department claim:email claim:name");
        assert_eq!(beyond("openid profile"), "claim:email");
        assert_eq!(beyond("openid profile email"), "");
        let none = ClaimsRequest::parse(text).unwrap().permitted(&scopes("openid"));
        assert_eq!(none.beyond(&scopes("openid")).to_string(), "");
    }
}
