//! The arguments of `client ..`.
#![expect(clippy::doc_markdown, reason = "the comments are the text of --help")]

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{AuthMethod, ClientId, ResourceIndicator, Scope};

use crate::cli::CliError;
use crate::cli::confirm::ConfirmArgs;
use crate::config::Seconds;
use crate::model::Profile;

/// `client ..`
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Register a client and print its secret, once
    Add(AddArgs),
    /// List the clients
    List,
    /// Show one client
    Show {
        /// The client
        id: ClientId,
    },
    /// Change a client
    Update(UpdateArgs),
    /// Give a client a new secret and print it, once
    RotateSecret(RotateArgs),
    /// Refuse everything to a client until it is enabled again
    Disable {
        /// The client
        id: ClientId,
    },
    /// Let a disabled client in again
    Enable {
        /// The client
        id: ClientId,
    },
    /// Remove a client for good: its id is never given out again
    Remove {
        /// The client
        id: ClientId,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
}

/// The registered ways of a client to prove itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum MethodArg {
    ClientSecretBasic,
    ClientSecretPost,
    // Hidden until they work; asked for, they are refused by name.
    #[value(hide = true)]
    PrivateKeyJwt,
    #[value(hide = true)]
    TlsClientAuth,
    #[value(hide = true)]
    SelfSignedTlsClientAuth,
    None,
}

impl MethodArg {
    /// The method, of those that this version has.
    pub(crate) fn method(self) -> Result<AuthMethod, CliError> {
        let later = |name: &str| {
            let mend = "use client_secret_basic or client_secret_post";
            Err(CliError::not_yet(&format!("the authentication method {name}"), mend))
        };
        match self {
            Self::ClientSecretBasic => Ok(AuthMethod::ClientSecretBasic),
            Self::ClientSecretPost => Ok(AuthMethod::ClientSecretPost),
            Self::None => Ok(AuthMethod::None),
            Self::PrivateKeyJwt => later("private_key_jwt"),
            Self::TlsClientAuth => later("tls_client_auth"),
            Self::SelfSignedTlsClientAuth => later("self_signed_tls_client_auth"),
        }
    }
}

/// The profiles of architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileArg {
    Oauth21,
    Oidc,
    #[value(hide = true)]
    Fapi2,
    Legacy,
}

impl From<ProfileArg> for Profile {
    fn from(given: ProfileArg) -> Self {
        match given {
            ProfileArg::Oauth21 => Self::Oauth21,
            ProfileArg::Oidc => Self::Oidc,
            ProfileArg::Fapi2 => Self::Fapi2,
            ProfileArg::Legacy => Self::Legacy,
        }
    }
}

/// Reads one `NAME=VALUE` of the command line.
pub(crate) fn claim(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("the name of a claim is not empty and has no spaces".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// `client add ..`
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// A name for people
    #[arg(long)]
    pub(crate) name: String,
    /// Its client_id [default: a random one]
    #[arg(long)]
    pub(crate) id: Option<ClientId>,
    /// Take the secret from a file, or from standard input for `-`, instead of making one
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// When the secret ends, in seconds from now
    #[arg(long, value_name = "SECS")]
    pub(crate) secret_expires: Option<Seconds>,
    /// A resource that it may ask tokens for
    #[arg(long = "resource", value_name = "RESOURCE")]
    pub(crate) resources: Vec<ResourceIndicator>,
    /// A scope that it may ask for [default: all that its resources have now, and for people those of OpenID Connect]
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<Scope>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What `add` and `update` share.
#[derive(Debug, Default, Args)]
pub(crate) struct CommonArgs {
    /// A grant that it may use [default: client_credentials]
    #[arg(long = "grant", value_name = "GRANT")]
    pub(crate) grants: Vec<String>,
    /// How it authenticates [default: client_secret_basic or client_secret_post, as it likes]
    #[arg(long, value_name = "METHOD")]
    pub(crate) auth_method: Option<MethodArg>,
    /// Which rules hold for it [default: oauth21]
    #[arg(long)]
    pub(crate) profile: Option<ProfileArg>,
    /// Where browsers may be sent back to, byte for byte
    #[arg(long = "redirect-uri", value_name = "URI")]
    pub(crate) redirect_uris: Vec<String>,
    /// Its public keys, as a JWKS file
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri", hide = true)]
    pub(crate) jwks: Option<PathBuf>,
    /// Its public keys, as a URL
    #[arg(long, value_name = "URL", hide = true)]
    pub(crate) jwks_uri: Option<String>,
    /// A scope that it gets when it asks for none [default: all that it may ask for]
    #[arg(long = "default-scope", value_name = "SCOPE")]
    pub(crate) default_scopes: Vec<Scope>,
    /// The life of its tokens [default: the resource's]
    #[arg(long, value_name = "SECS")]
    pub(crate) token_lifetime: Option<Seconds>,
    /// A static claim for its tokens
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    pub(crate) claims: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) metadata: MetadataArgs,
}

/// What people are shown of a client.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct MetadataArgs {
    /// Its home page, for people who are asked for their consent
    #[arg(long, value_name = "URL")]
    pub(crate) client_uri: Option<String>,
    /// Its logo
    #[arg(long, value_name = "URL")]
    pub(crate) logo_uri: Option<String>,
    /// The page that says what it does with people's data
    #[arg(long, value_name = "URL")]
    pub(crate) policy_uri: Option<String>,
    /// The page with its terms of service
    #[arg(long, value_name = "URL")]
    pub(crate) tos_uri: Option<String>,
    /// A mail address of those who run it
    #[arg(long = "contact", value_name = "ADDRESS")]
    pub(crate) contacts: Vec<String>,
    /// One of your own: people are not asked for their consent
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) first_party: Option<bool>,
    /// What its ID tokens are signed with [default: RS256]
    #[arg(long, value_name = "ALG")]
    pub(crate) id_token_alg: Option<Algorithm>,
    /// What answers of the userinfo endpoint are signed with [default: they are plain JSON]
    #[arg(long, value_name = "ALG")]
    pub(crate) userinfo_alg: Option<Algorithm>,
    /// Its ID tokens hold the claims of the scopes `profile`, `email`, `address` and `phone`, too
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) claims_in_id_token: Option<bool>,
    /// It has to push its authorization requests (RFC 9126)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) require_par: Option<bool>,
    /// Where browsers may be sent after a logout, byte for byte
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    pub(crate) post_logout_redirect_uris: Vec<String>,
    /// Let it begin the device flow with its client_id alone, as MSAL does; it proves who it is when it polls
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) device_without_authentication: Option<bool>,
}

/// `client update ..`
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The client
    pub(crate) id: ClientId,
    /// A new name for people
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The resources, in the place of those that it has
    #[arg(long = "resource", value_name = "RESOURCE", conflicts_with_all = ["add_resources", "drop_resources"])]
    pub(crate) resources: Vec<ResourceIndicator>,
    /// One resource more
    #[arg(long = "add-resource", value_name = "RESOURCE")]
    pub(crate) add_resources: Vec<ResourceIndicator>,
    /// One resource less
    #[arg(long = "drop-resource", value_name = "RESOURCE")]
    pub(crate) drop_resources: Vec<ResourceIndicator>,
    /// The scopes, in the place of those that it has
    #[arg(long = "scope", value_name = "SCOPE", conflicts_with_all = ["add_scopes", "drop_scopes"])]
    pub(crate) scopes: Vec<Scope>,
    /// One scope more
    #[arg(long = "add-scope", value_name = "SCOPE")]
    pub(crate) add_scopes: Vec<Scope>,
    /// One scope less
    #[arg(long = "drop-scope", value_name = "SCOPE")]
    pub(crate) drop_scopes: Vec<Scope>,
    /// Forget the default scope
    #[arg(long, conflicts_with = "default_scopes")]
    pub(crate) no_default_scope: bool,
    /// Go back to the resource's token lifetime
    #[arg(long, conflicts_with = "token_lifetime")]
    pub(crate) no_token_lifetime: bool,
    /// Take a static claim away
    #[arg(long = "drop-claim", value_name = "NAME")]
    pub(crate) drop_claims: Vec<String>,
    /// When its newest secret ends, in seconds from now
    #[arg(long, value_name = "SECS")]
    pub(crate) secret_expires: Option<Seconds>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// `client rotate-secret ..`
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// The client
    pub(crate) id: ClientId,
    /// End every token that was issued by now, too
    #[arg(long)]
    pub(crate) revoke_tokens: bool,
    /// Let the old secret work on for so long [default without a number: 24h]
    #[arg(long, value_name = "SECS", num_args = 0..=1, default_missing_value = "24h")]
    pub(crate) keep_old: Option<Seconds>,
    /// Take the new secret from a file, or from standard input for `-`, instead of making one
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// When the new secret ends, in seconds from now
    #[arg(long, value_name = "SECS")]
    pub(crate) secret_expires: Option<Seconds>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_written_name_equals_value() {
        assert_eq!(claim("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        for bad in ["a", "=b", "a b=c"] {
            assert!(claim(bad).is_err(), "{bad}");
        }
    }
}
