//! The arguments of `user ..`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::confirm::ConfirmArgs;

/// `user ..`
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make an account and print its password, once
    Add(AddArgs),
    /// List the accounts
    List,
    /// Show one account
    Show {
        /// The account, by its name or its subject
        name: String,
    },
    /// Change the name of an account, or what is known of its person
    Update(UpdateArgs),
    /// Give an account a new password: it is signed out everywhere
    SetPassword(SetPasswordArgs),
    /// Sign an account out everywhere, and let it in no more until it is enabled again
    Disable {
        /// The account
        name: String,
    },
    /// Let a disabled account in again
    Enable {
        /// The account
        name: String,
    },
    /// Remove an account for good
    Remove {
        /// The account
        name: String,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
}

/// `user add ..`
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The name that its person types
    pub(crate) name: String,
    /// Take the password from a file, or from standard input for `-`, instead of making one
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) known: KnownArgs,
}

/// What is known of a person.
#[derive(Debug, Args)]
pub(crate) struct KnownArgs {
    /// The mail address of the person
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
    /// The whole name of the person
    #[arg(long = "name", value_name = "NAME", id = "full_name")]
    pub(crate) full_name: Option<String>,
    /// What else is known of the person, by the names of OpenID Connect: `given_name`, `phone_number`,
    /// `address.locality`, `email_verified`; an empty value takes it away
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = crate::cli::client::claim)]
    pub(crate) claims: Vec<(String, String)>,
}

impl KnownArgs {
    /// All of it, claim by claim.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = [("email", self.email.as_deref()), ("name", self.full_name.as_deref())];
        let named = named.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
        named.chain(self.claims.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

/// `user update ..`
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The account
    pub(crate) name: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    pub(crate) rename: Option<String>,
    #[command(flatten)]
    pub(crate) known: KnownArgs,
}

/// `user set-password ..`
#[derive(Debug, Args)]
pub(crate) struct SetPasswordArgs {
    /// The account
    pub(crate) name: String,
    /// Take the password from a file, or from standard input for `-`, instead of making one
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}
