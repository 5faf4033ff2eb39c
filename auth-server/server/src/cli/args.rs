//! The command line.
#![expect(clippy::doc_markdown, reason = "the comments are the text of --help")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use super::claims::ClaimsCommand;
use super::client::ClientCommand;
use super::config::ConfigCommand;
use super::db::DbCommand;
use super::import::ImportCommand;
use super::key::KeyCommand;
use super::resource::ResourceCommand;
use super::serve::ServeArgs;
use super::token::TokenCommand;
use super::user::UserCommand;

/// The OAuth 2.1 authorization server: issues, revokes and introspects tokens
#[derive(Debug, Parser)]
#[command(name = "auth-server", version, subcommand_required = true)]
#[command(after_help = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.\n\
    Configuration: defaults < --config FILE < AUTH_SERVER_... in the environment < flags; see `auth-server config show`.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// The configuration file [default: /etc/trefoil/auth-server.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON document on stdout instead of text
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    /// The directory of root secret, keys and SQLite database
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The database: sqlite://PATH or postgres://USER@HOST/DATABASE
    #[arg(long, global = true, value_name = "URL", help_heading = "Everywhere")]
    pub(crate) database: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Migrate, inspect and clean the database
    #[command(subcommand)]
    Db(DbCommand),
    /// Make, rotate and export signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Register the APIs that tokens are for
    #[command(subcommand)]
    Resource(ResourceCommand),
    /// Register the programs that ask for tokens
    #[command(subcommand)]
    Client(Box<ClientCommand>),
    /// Make accounts for people
    #[command(subcommand)]
    User(UserCommand),
    /// Issue a token by hand, or look into one
    #[command(subcommand)]
    Token(TokenCommand),
    /// See what a client would learn of a person
    #[command(subcommand)]
    Claims(ClaimsCommand),
    /// Take clients over from another server
    #[command(subcommand)]
    Import(ImportCommand),
    /// Read what administrators did
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look for what is broken or about to break, and say how to mend it
    Doctor,
    /// Ask the running server whether it can serve: the exit code says it
    Health,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// `audit ..`
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List the newest acts of administrators, the newest first
    List {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
}
