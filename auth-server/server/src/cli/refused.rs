//! What to do about a refusal of the rules of registration, in the words of the command line.

use crate::registration::Refused;
use trefoil_shared::GrantType;

use super::CliError;
use crate::grants::Grants;

/// Grants that standards know and this version does not.
const LATER_GRANTS: &[&str] = &[
    "implicit",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:openid:params:grant-type:ciba",
];

impl From<Refused> for CliError {
    fn from(refused: Refused) -> Self {
        if let Refused::RedirectUri { uri, why } = &refused {
            return Self::new(format!("the redirect URI {uri} is refused"), format!("it {why}"));
        }
        if let Refused::UnknownGrant(name) = &refused
            && LATER_GRANTS.contains(&name.as_str())
        {
            return Self::not_yet(&format!("the grant {name}"), mend(&refused));
        }
        if let Refused::UnknownGrant(name) = &refused
            && name == GrantType::PASSWORD.as_str()
        {
            return Self::new("the grant password is switched off", mend(&refused));
        }
        Self::new(refused.to_string(), mend(&refused))
    }
}

fn mend(refused: &Refused) -> String {
    match refused {
        Refused::IdOfUsers(_) => "choose an --id that begins otherwise".to_owned(),
        Refused::IdWithSpace(_) => {
            "choose an --id without it: it is easily lost when it is copied".to_owned()
        }
        Refused::Name => "write 1 to 200 characters on one line after --name".to_owned(),
        Refused::UnknownGrant(name) if name == GrantType::PASSWORD.as_str() => {
            "set legacy.password = true first, or let people sign in by a browser".to_owned()
        }
        Refused::UnknownGrant(_) => {
            let grants = Grants::standard();
            let working: Vec<&str> = grants.names().iter().map(GrantType::as_str).collect();
            format!("use {}", working.join(", "))
        }
        Refused::PublicMachine => "leave out --auth-method none".to_owned(),
        Refused::PublicMethod | Refused::ConfidentialToPublic => "add another client beside it".to_owned(),
        Refused::ProfileMissing(_) => "use oauth21".to_owned(),
        Refused::LegacyGrant(_) => "say --profile legacy, or let people sign in by a browser".to_owned(),
        Refused::NoSuchKeys(_) => "use RS256, ES256, PS256, ES384 or EdDSA".to_owned(),
        Refused::RedirectUri { .. } => "write another --redirect-uri".to_owned(),
        Refused::NoRedirectUri => {
            "name the address that people are sent back to with --redirect-uri".to_owned()
        }
        Refused::UnknownResource(name) => format!("auth-server resource add {name}"),
        Refused::UnownedScope { resource: None, .. } => {
            "name the resource that defines it with --resource".to_owned()
        }
        Refused::UnownedScope { scope, resource: Some(resource) } => {
            format!(
                "auth-server resource update {resource} --add-scope {scope}, or --drop-scope {scope} here"
            )
        }
        Refused::DefaultScope(scope) => format!("add --scope {scope}, or leave it out of --default-scope"),
        Refused::CommaInScope(scope) => {
            let parts = scope.split(',').filter(|part| !part.is_empty());
            let flags: Vec<String> = parts.map(|part| format!("--scope {part}")).collect();
            format!("a comma does not separate scopes; repeat the flag: {}", flags.join(" "))
        }
        Refused::Lifetime { max, .. } => format!("choose 1 to {max} seconds, or raise tokens.max_lifetime"),
        Refused::ReservedClaim(_) => {
            "choose another name; this one is set by the server or means something to verifiers".to_owned()
        }
        Refused::ClaimTwice(_) => "give each name once".to_owned(),
        Refused::ClaimsTooLarge { .. } => "leave some out".to_owned(),
        Refused::SecretEndsAtOnce => "give --secret-expires at least 1 second".to_owned(),
        Refused::NoSecret(client) => format!("auth-server client rotate-secret {client}"),
        Refused::PublicSecret => "it authenticates by none; add a confidential client beside it".to_owned(),
        Refused::NotItsResource { client, .. } | Refused::NotItsClaim { client, .. } => {
            format!("auth-server client show {client}")
        }
        Refused::Audience => {
            "write 1 to 255 printable ASCII characters without spaces after --audience".to_owned()
        }
        Refused::UnknownIntrospector(id) => {
            format!("auth-server client add --id {id} --name NAME, then name it here")
        }
        Refused::PageUrl { .. } => "write it whole, such as https://app.example.com/".to_owned(),
    }
}
