//! The arguments of `resource ..`.

use clap::{Args, Subcommand, ValueEnum};
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{ClientId, ResourceIndicator, Scope};

use crate::config::Seconds;

/// `resource ..`
#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// Register a resource
    Add(AddArgs),
    /// List the resources
    List,
    /// Show one resource
    Show {
        /// The resource
        name: ResourceIndicator,
    },
    /// Change a resource
    Update(UpdateArgs),
    /// Remove a resource that no client names any more
    Remove {
        /// The resource
        name: ResourceIndicator,
    },
}

/// What the tokens of a resource look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// Verified offline (RFC 9068)
    Jwt,
    /// Verified by asking /introspect
    Opaque,
    /// The same, as a UUID of version 4
    Uuid4,
}

/// `resource add ..`
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The name that clients ask for: `api_v0.0.1`, or a URI
    pub(crate) name: ResourceIndicator,
    /// A scope that it defines
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<Scope>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What `add` and `update` share.
#[derive(Debug, Default, Args)]
pub(crate) struct CommonArgs {
    /// What stands in `aud` [default: the name]
    #[arg(long)]
    pub(crate) audience: Option<String>,
    /// How its tokens are signed: ES256, ES384, RS256, PS256 or EdDSA [default: ES256]
    #[arg(long)]
    pub(crate) alg: Option<Algorithm>,
    /// The life of its tokens [default: tokens.lifetime]
    #[arg(long, value_name = "SECS")]
    pub(crate) token_lifetime: Option<Seconds>,
    /// What its tokens look like [default: jwt]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) token_format: Option<FormatArg>,
    /// A client that may introspect tokens meant for it
    #[arg(long = "introspector", value_name = "CLIENT")]
    pub(crate) introspectors: Vec<ClientId>,
}

/// `resource update ..`
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The resource
    pub(crate) name: ResourceIndicator,
    /// The scopes, in the place of those that it has
    #[arg(long = "scope", value_name = "SCOPE", conflicts_with_all = ["add_scopes", "drop_scopes"])]
    pub(crate) scopes: Vec<Scope>,
    /// One scope more
    #[arg(long = "add-scope", value_name = "SCOPE")]
    pub(crate) add_scopes: Vec<Scope>,
    /// One scope less
    #[arg(long = "drop-scope", value_name = "SCOPE")]
    pub(crate) drop_scopes: Vec<Scope>,
    /// One introspecting client less
    #[arg(long = "drop-introspector", value_name = "CLIENT")]
    pub(crate) drop_introspectors: Vec<ClientId>,
    /// Go back to tokens.lifetime
    #[arg(long, conflicts_with = "token_lifetime")]
    pub(crate) no_token_lifetime: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
