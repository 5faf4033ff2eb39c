//! The rest of an authorization request, once it is clear where it is answered.

use serde::{Deserialize, Serialize};
use trefoil_shared::{ClientId, GrantType, ResourceIndicator, Scope};

use super::answer::{Answer, ResponseMode};
use super::redirect::Redirectable;
use crate::authorization::Challenge;
use crate::model::{Authentication, Client, Profile};
use crate::openid::{ACR_PASSWORD, ACR_VALUES, ClaimsRequest, is_openid};
use crate::protocol::{Asked, AuthorizeDenied, Denied, Issuer, Params, Target};

/// What the client wants the person to be asked (OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the standard's four words, each there or not")]
pub struct Prompt {
    /// Nothing: who is not signed in, or has to consent, is not asked.
    pub none: bool,
    /// To sign in, also who is signed in.
    pub login: bool,
    /// For consent, also who gave it.
    pub consent: bool,
    /// Which account.
    pub select_account: bool,
}

impl Prompt {
    fn parse(text: &str) -> Result<Self, Denied> {
        let mut prompt = Self::default();
        let mut words = 0;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            words += 1;
            match word {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                // A word of an extension that is not known here.
                _ => {}
            }
        }
        if prompt.none && words > 1 {
            return Err(Denied::Authorize(AuthorizeDenied::PromptMalformed));
        }
        Ok(prompt)
    }
}

/// What a request wishes, before its scope and resources are decided.
#[derive(Debug)]
pub struct Wish {
    /// The scope and the resources.
    pub asked: Asked,
    challenge: Option<Challenge>,
    nonce: Option<String>,
    prompt: Prompt,
    max_age: Option<i64>,
    login_hint: Option<String>,
    ui_locales: Vec<String>,
    claims: Option<ClaimsRequest>,
    acr: String,
}

/// A request that is in order, as it waits for the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// Where it is answered.
    pub redirect_uri: String,
    /// Whether the request named that.
    pub redirect_named: bool,
    /// How the answer travels.
    pub mode: ResponseMode,
    /// The client's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The scopes that it is about.
    pub scopes: Scope,
    /// The resources that it is about.
    pub resources: Vec<ResourceIndicator>,
    /// The challenge that the code's redeemer has to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// The client's value for its ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// What the person is to be asked.
    #[serde(default)]
    pub prompt: Prompt,
    /// How long ago the person may have signed in, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i64>,
    /// The name that the login page begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// The languages that the person reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ui_locales: Vec<String>,
    /// What the client asks to know of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<ClaimsRequest>,
    /// The class that the login is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The subject who has to be signed in, where the request names one: nobody else is answered for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The record that the authorization will be, where the request was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
}

/// The longest `state` and `nonce`: they are kept for the person, and come back in a URL.
const MAX_VALUE: usize = 2_048;
/// The longest `login_hint` that is kept.
const MAX_HINT: usize = 255;

impl Wish {
    /// Reads the parameters.
    ///
    /// # Errors
    /// What the client is told by redirect.
    pub fn parse(redirect: &Redirectable, params: &Params) -> Result<Self, Denied> {
        let client = redirect.client().value();
        let is_long = |name| params.get(name).is_some_and(|value| value.len() > MAX_VALUE);
        if is_long("state") || is_long("nonce") {
            return refused(AuthorizeDenied::ValueTooLong);
        }
        match params.get("response_type") {
            None => return refused(AuthorizeDenied::ResponseTypeMissing),
            Some("code") => {}
            Some(_) => return refused(AuthorizeDenied::ResponseTypeUnsupported),
        }
        if params.get("response_mode").is_some_and(|mode| ResponseMode::of_name(mode).is_none()) {
            return refused(AuthorizeDenied::ResponseModeUnsupported);
        }
        for (name, why) in [
            ("request", AuthorizeDenied::RequestUnsupported),
            ("request_uri", AuthorizeDenied::RequestUriUnsupported),
            ("registration", AuthorizeDenied::RegistrationUnsupported),
        ] {
            if params.get(name).is_some() {
                return refused(why);
            }
        }
        if !client.grant_types.contains(&GrantType::AUTHORIZATION_CODE) {
            return refused(AuthorizeDenied::ClientMayNot);
        }
        let max_age = params.get("max_age").map(str::parse::<u32>).transpose();
        let max_age = max_age.map_err(|_| Denied::Authorize(AuthorizeDenied::MaxAgeMalformed))?;
        let asked = Asked::from_params(params)?;
        let openid = asked.scope.as_ref().is_some_and(|scope| is_openid(scope.scope()));
        if openid && !redirect.is_named() {
            return refused(AuthorizeDenied::OpenIdWithoutRedirectUri);
        }
        let claims = params.get("claims").filter(|_| openid).map(ClaimsRequest::parse).transpose();
        let claims = claims.map_err(|_| Denied::Authorize(AuthorizeDenied::ClaimsMalformed))?;
        Ok(Self {
            asked,
            acr: acr(claims.as_ref(), params.get("acr_values"))?,
            claims: claims.map(|claims| claims.permitted(&client.scopes)).filter(|claims| !claims.is_empty()),
            challenge: challenge(client, params)?,
            nonce: params.get("nonce").map(str::to_owned),
            prompt: params.get("prompt").map(Prompt::parse).transpose()?.unwrap_or_default(),
            max_age: max_age.map(i64::from),
            login_hint: params.get("login_hint").filter(|hint| hint.len() <= MAX_HINT).map(str::to_owned),
            ui_locales: params.get("ui_locales").into_iter().flat_map(locales).collect(),
        })
    }

    /// The subject that the request says it is about.
    pub fn named_subject(&self) -> Option<&str> {
        self.claims.as_ref().and_then(ClaimsRequest::subject)
    }

    /// The request, once its scope and resources are decided, and who has to be signed in.
    pub fn request(
        self,
        redirect: &Redirectable,
        target: &Target,
        subject: Option<String>,
    ) -> AuthorizationRequest {
        AuthorizationRequest {
            subject,
            grant: None,
            claims: self.claims,
            acr: Some(self.acr),
            client_id: redirect.client().client_id.clone(),
            redirect_uri: redirect.uri().to_owned(),
            redirect_named: redirect.is_named(),
            mode: redirect.mode(),
            state: redirect.state().map(str::to_owned),
            scopes: target.scope.scope().clone(),
            resources: target.resources.iter().map(|resource| resource.name.clone()).collect(),
            challenge: self.challenge,
            nonce: self.nonce,
            prompt: self.prompt,
            max_age: self.max_age,
            login_hint: self.login_hint,
            ui_locales: self.ui_locales,
        }
    }
}

/// The class that the login will be of: one that is asked for, where a login here can be of it.
fn acr(claims: Option<&ClaimsRequest>, acr_values: Option<&str>) -> Result<String, Denied> {
    let reached = |asked: &str| ACR_VALUES.into_iter().find(|known| *known == asked).map(str::to_owned);
    let by_claim = claims.and_then(ClaimsRequest::acr);
    if let Some((values, essential)) = by_claim.filter(|(values, _)| !values.is_empty()) {
        let found = values.into_iter().find_map(reached);
        return match found {
            None if essential => refused(AuthorizeDenied::AcrUnmet),
            found => Ok(found.unwrap_or_else(|| ACR_PASSWORD.to_owned())),
        };
    }
    let found = acr_values.and_then(|values| values.split(' ').find_map(reached));
    Ok(found.unwrap_or_else(|| ACR_PASSWORD.to_owned()))
}

fn locales(text: &str) -> impl Iterator<Item = String> + '_ {
    let is_tag = |tag: &&str| {
        (1..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.split(' ').filter(is_tag).take(16).map(str::to_owned)
}

fn refused<T>(why: AuthorizeDenied) -> Result<T, Denied> {
    Err(Denied::Authorize(why))
}

/// PKCE with S256 is a must, except for confidential clients of the profiles that are older than it.
fn challenge(client: &Client, params: &Params) -> Result<Option<Challenge>, Denied> {
    let is_confidential = matches!(client.authentication, Authentication::Confidential { .. });
    let may_leave_out = is_confidential && matches!(client.profile, Profile::Oidc | Profile::Legacy);
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, None) if may_leave_out => Ok(None),
        (None, _) => refused(AuthorizeDenied::ChallengeMissing),
        // Without a method it is `plain` (RFC 7636 section 4.3).
        (Some(value), Some("S256")) => {
            Challenge::s256(value).map(Some).ok_or(Denied::Authorize(AuthorizeDenied::ChallengeMalformed))
        }
        (Some(_), _) => refused(AuthorizeDenied::ChallengeMethodUnsupported),
    }
}

impl AuthorizationRequest {
    /// What the person has to allow: the scopes, and the claims that none of them covers.
    pub fn asks(&self) -> Scope {
        let claims = self.claims.as_ref().map(|claims| claims.beyond(&self.scopes)).unwrap_or_default();
        self.scopes.union(&claims)
    }

    /// The answer with a code.
    pub fn with_code(&self, code: &str, issuer: &Issuer) -> Answer {
        self.answer(vec![("code", code.to_owned())], issuer)
    }

    /// The answer with a refusal.
    pub fn refused(&self, why: Denied, issuer: &Issuer) -> Answer {
        self.answer(error_params(why), issuer)
    }

    fn answer(&self, params: Vec<(&'static str, String)>, issuer: &Issuer) -> Answer {
        answer(params, self.state.as_deref(), issuer, (&self.redirect_uri, self.mode))
    }
}

impl Redirectable {
    /// The answer with a refusal.
    pub fn refused(&self, why: Denied, issuer: &Issuer) -> Answer {
        answer(error_params(why), self.state(), issuer, (self.uri(), self.mode()))
    }
}

fn error_params(why: Denied) -> Vec<(&'static str, String)> {
    vec![("error", why.code().as_str().to_owned()), ("error_description", why.description().to_owned())]
}

fn answer(
    mut params: Vec<(&'static str, String)>,
    state: Option<&str>,
    issuer: &Issuer,
    (uri, mode): (&str, ResponseMode),
) -> Answer {
    params.extend(state.map(|state| ("state", state.to_owned())));
    params.push(("iss", issuer.as_str().to_owned()));
    Answer { uri: uri.to_owned(), mode, params }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
