//! Why something is not registered.

use thiserror::Error;
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{ClientId, GrantType, ResourceIndicator};

use super::redirect_uri::RefusedUri;
use super::rules::comma_hint;
use crate::model::Profile;

/// Why a client or a resource is not registered, or not changed. What to do about it is said by whoever asked: a flag
/// here, a member of a document there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// Decision 22: subjects of users begin so.
    #[error("the client_id `{0}` begins with `u_`, which is kept for users")]
    IdOfUsers(ClientId),
    /// A space that is easily lost.
    #[error("the client_id `{0}` begins or ends with a space")]
    IdWithSpace(ClientId),
    /// No name for people.
    #[error("the name is empty, too long or has control characters")]
    Name,
    /// The server has no such grant.
    #[error("`{0}` is no grant{hint}", hint = comma_hint(.0))]
    UnknownGrant(String),
    /// RFC 6749 section 4.4: only clients that prove themselves.
    #[error(
        "a client without authentication cannot have the grant client_credentials (RFC 6749 section 4.4)"
    )]
    PublicMachine,
    /// A public client's secret would be in everybody's hands.
    #[error("a public client cannot get an authentication method")]
    PublicMethod,
    /// The other way round: its secrets would go.
    #[error("a client with a secret cannot become a public one")]
    ConfidentialToPublic,
    /// No rules for this profile yet.
    #[error("the profile {} is not available yet", .0.as_str())]
    ProfileMissing(Profile),
    /// No key of ours can have this algorithm.
    #[error("no key of this server signs with {0}")]
    NoSuchKeys(Algorithm),
    /// A redirect URI that could lead somewhere else.
    #[error("the redirect URI {uri} is refused: it {why}")]
    RedirectUri {
        /// The URI.
        uri: String,
        /// What is wrong with it.
        why: RefusedUri,
    },
    /// A grant that answers by redirect, and nowhere to redirect to.
    #[error("a client with the grant authorization_code needs a redirect URI")]
    NoRedirectUri,
    /// Grants of before OAuth 2.1 are for clients that are older, too.
    #[error("the grant {0} is for clients of the profile legacy alone (RFC 9700 section 2.4)")]
    LegacyGrant(GrantType),
    /// A resource that is not there.
    #[error("the resource {0} is not registered{hint}", hint = comma_hint(.0.as_str()))]
    UnknownResource(ResourceIndicator),
    /// A scope that could never be granted.
    #[error("no resource of this client defines the scope {scope}")]
    UnownedScope {
        /// The scope.
        scope: String,
        /// A resource of the client that could define it.
        resource: Option<ResourceIndicator>,
    },
    /// A default beyond what the client may have.
    #[error("the default scope {0} is not one that the client may ask for")]
    DefaultScope(String),
    /// RFC 6749 section 3.3 allows `read,write` as one scope, which nobody means and no client asks for.
    #[error("the scope {0} has a comma in it")]
    CommaInScope(String),
    /// Beyond the server's cap.
    #[error("a token lifetime of {seconds} seconds is not allowed")]
    Lifetime {
        /// What was asked for.
        seconds: i64,
        /// The cap.
        max: i64,
    },
    /// A claim that the server or a verifier gives a meaning.
    #[error("{0} is a registered claim")]
    ReservedClaim(String),
    /// Two values for one claim.
    #[error("the claim {0} is given twice")]
    ClaimTwice(String),
    /// Tokens would be larger than verifiers take.
    #[error("the claims would make tokens too large: at most {count} claims of {chars} characters together")]
    ClaimsTooLarge {
        /// The most claims.
        count: usize,
        /// The most characters.
        chars: usize,
    },
    /// A secret that nobody could use.
    #[error("a secret that ends at once is of no use")]
    SecretEndsAtOnce,
    /// Nothing that could end.
    #[error("the client has no secret that could expire")]
    NoSecret(ClientId),
    /// Public clients have none.
    #[error("a public client has no secret")]
    PublicSecret,
    /// Taken away, but never there.
    #[error("the client does not have the resource {resource}")]
    NotItsResource {
        /// The client.
        client: ClientId,
        /// The resource.
        resource: ResourceIndicator,
    },
    /// Taken away, but never there.
    #[error("the client has no claim {claim}")]
    NotItsClaim {
        /// The client.
        client: ClientId,
        /// The claim.
        claim: String,
    },
    /// `aud` could not carry it.
    #[error("the audience is no name that a token can carry")]
    Audience,
    /// An introspector that is not there: a misspelled one would be noticed at its first refusal only.
    #[error("the introspector {0} is no registered client{hint}", hint = comma_hint(.0.as_str()))]
    UnknownIntrospector(ClientId),
    /// A page of the client that browsers cannot be sent to.
    #[error("{member} {value} is no https URL")]
    PageUrl {
        /// The member of the metadata.
        member: &'static str,
        /// The URL.
        value: String,
    },
}
