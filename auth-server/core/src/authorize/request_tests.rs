use super::*;
use crate::authorize::redirectable;
use crate::protocol::samples;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const URI: &str = "https://app.example.com/cb";

fn client() -> Client {
    Client {
        grant_types: vec![GrantType::AUTHORIZATION_CODE],
        redirect_uris: vec![URI.to_owned()],
        ..samples::client()
    }
}

fn parsed(client: &Client, query: &str) -> Result<Wish, Denied> {
    let params = Params::parse(query.as_bytes(), 64).unwrap();
    let redirect = redirectable(&params, samples::found(Some(client.clone())))?;
    Wish::parse(&redirect, &params)
}

fn denied(query: &str) -> Denied {
    parsed(&client(), query).unwrap_err()
}

fn good() -> String {
    format!("client_id=c&response_type=code&code_challenge={CHALLENGE}&code_challenge_method=S256")
}

#[test]
fn a_request_with_pkce_is_in_order() {
    let wish = parsed(&client(), &format!("{}&nonce=n&max_age=60&ui_locales=de%20en", good())).unwrap();
    assert_eq!((wish.nonce.as_deref(), wish.max_age), (Some("n"), Some(60)));
    assert_eq!(wish.ui_locales, ["de", "en"]);
}

#[test]
fn a001_an_unknown_client_and_an_unregistered_uri_are_told_the_same_on_a_page() {
    let page = |query: &str, client: Option<Client>| {
        let params = Params::parse(query.as_bytes(), 64).unwrap();
        redirectable(&params, samples::found(client)).unwrap_err()
    };
    let unknown = page("client_id=x", None);
    let unregistered = page("client_id=c&redirect_uri=https://evil.example/", Some(client()));
    let disabled = page("client_id=c", Some(Client { enabled: false, ..client() }));
    for denied in [unregistered, disabled] {
        assert_eq!((denied.description(), denied.status()), (unknown.description(), unknown.status()));
    }
}

#[test]
fn the_single_registered_uri_need_not_be_named_and_one_of_several_has_to() {
    assert!(parsed(&client(), &good()).is_ok());
    let two = Client { redirect_uris: vec![URI.to_owned(), format!("{URI}2")], ..client() };
    let missing = parsed(&two, &good()).unwrap_err();
    assert_eq!(missing, Denied::Authorize(AuthorizeDenied::RedirectUriMissing));
}

#[test]
fn a002_only_the_code_comes_by_the_front_channel() {
    for kind in ["token", "id_token", "code%20token", "code%20id_token", "none"] {
        let query = good().replace("response_type=code", &format!("response_type={kind}"));
        assert_eq!(denied(&query), Denied::Authorize(AuthorizeDenied::ResponseTypeUnsupported), "{kind}");
    }
    let query = good().replace("response_type=code&", "");
    assert_eq!(denied(&query), Denied::Authorize(AuthorizeDenied::ResponseTypeMissing));
}

#[test]
fn a020_every_client_needs_pkce_with_s256_but_confidential_ones_of_older_profiles() {
    let none = "client_id=c&response_type=code";
    assert_eq!(denied(none), Denied::Authorize(AuthorizeDenied::ChallengeMissing));
    for method in ["", "&code_challenge_method=plain", "&code_challenge_method=s256"] {
        let query = format!("{none}&code_challenge={CHALLENGE}{method}");
        assert_eq!(denied(&query), Denied::Authorize(AuthorizeDenied::ChallengeMethodUnsupported));
    }
    let short = format!("{none}&code_challenge=x&code_challenge_method=S256");
    assert_eq!(denied(&short), Denied::Authorize(AuthorizeDenied::ChallengeMalformed));
    let legacy = Client { profile: Profile::Legacy, ..client() };
    assert!(parsed(&legacy, none).is_ok());
    let public = Client { authentication: Authentication::Public, ..legacy };
    assert!(parsed(&public, none).is_err());
}

#[test]
fn prompt_none_stands_alone() {
    assert!(parsed(&client(), &format!("{}&prompt=none", good())).unwrap().prompt.none);
    let both = format!("{}&prompt=none%20login", good());
    assert_eq!(denied(&both), Denied::Authorize(AuthorizeDenied::PromptMalformed));
}

#[test]
fn a076_request_objects_are_refused_and_never_fetched() {
    for (name, why) in [
        ("request", AuthorizeDenied::RequestUnsupported),
        ("request_uri", AuthorizeDenied::RequestUriUnsupported),
    ] {
        assert_eq!(denied(&format!("{}&{name}=https://x.example/", good())), Denied::Authorize(why));
    }
}

#[test]
fn an_answer_says_who_answers_and_brings_the_state_back() {
    let params = Params::parse(format!("{}&state=s1", good()).as_bytes(), 64).unwrap();
    let redirect = redirectable(&params, samples::found(Some(client()))).unwrap();
    let issuer: Issuer = "https://auth.example.com".parse().unwrap();
    let url = redirect.refused(Denied::Authorize(AuthorizeDenied::LoginRequired), &issuer).url();
    assert!(url.starts_with(&format!("{URI}?error=login_required&error_description=")), "{url}");
    assert!(url.ends_with("&state=s1&iss=https%3A%2F%2Fauth.example.com"), "{url}");
}
